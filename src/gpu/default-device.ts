/**
 * The device that tensors are made on when none is named: the first one opened that is still open.
 */

import { LockstepError } from '../platform/errors.js';
import type { Device } from './device.js';

const open: Device[] = [];

export function rememberDevice(device: Device): void {
  open.push(device);
}

export function forgetDefaultDevice(device: Device): void {
  const at = open.indexOf(device);
  if (at >= 0) open.splice(at, 1);
}

/** The first device opened that is still open. */
export function defaultDevice(): Device {
  if (open.length === 0) {
    throw new LockstepError(
      'bad-input',
      'There is no open device yet: `await openDevice()` first, or name one with `{ device }`.',
    );
  }
  return open[0];
}
