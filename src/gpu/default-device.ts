/**
 * Keeps the devices that are open. The first of them is the default: tensors are made on it when no device is named.
 */

import { badArgument } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import type { Device } from './device.js';

const open: Device[] = [];
/** A sentence: why the device that was removed last is no longer open. */
let gone: string | undefined;

/** Adds a device that was opened. */
export function rememberDevice(device: Device): void {
  open.push(device);
}

/** Removes a device that is gone. `why` is a sentence for the error that {@link defaultDevice} throws when none is left. */
export function forgetDevice(device: Device, why: string): void {
  const at = open.indexOf(device);
  if (at < 0) return;
  open.splice(at, 1);
  gone = why;
}

/**
 * The first device opened that is still open.
 *
 * @throws LockstepError `bad-input` where none was opened, `device-lost` where none is left.
 */
export function defaultDevice(): Device {
  if (open.length === 0 && gone !== undefined) {
    throw new LockstepError('device-lost', `${gone} No other is open: \`await openDevice()\` first.`);
  }
  if (open.length === 0) {
    throw new LockstepError(
      'bad-input',
      'There is no open device yet: `await openDevice()` first, or name one with `{ device }`.',
    );
  }
  return open[0];
}

/** Throws unless `device` is one that {@link openDevice} gave. `where` is the function that takes it. */
export function checkDevice(where: string, device: unknown): void {
  const { commands, check, then, createBuffer } = (device ?? {}) as Partial<Device> & Record<string, unknown>;
  if (typeof commands === 'object' && typeof check === 'function') return;
  let fits = 'what await openDevice() gives fits';
  if (typeof then === 'function') fits = 'await it first';
  else if (typeof createBuffer === 'function') fits = 'openDevice({ device }) makes a Device of a GPUDevice';
  throw badArgument(where, 'the device', device, fits);
}
