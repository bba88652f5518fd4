/**
 * The device on which tensors are made when none is named: the first opened that is still open and not lost.
 */

import { badArgument } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import type { Device } from './device.js';
import { DESTROYED } from './faults.js';

const open: Device[] = [];
/** Why the last open device is gone. */
let gone: string | undefined;

export function rememberDevice(device: Device): void {
  open.push(device);
}

/** `why` is a sentence for the error that {@link defaultDevice} throws when no device is left. */
export function forgetDefaultDevice(device: Device, why = DESTROYED): void {
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
  const { commands, check } = (device ?? {}) as Partial<Device>;
  if (typeof commands === 'object' && typeof check === 'function') return;
  throw badArgument(where, 'the device', device, 'what await openDevice() gives fits');
}
