/**
 * The trainer of two-layer networks of bits: many of them, each with its own weights, data, order and optimizer
 * settings, in the same dispatches. This file begins a training and ends it, also after an error; training.ts does
 * what is in between.
 */
import type { Device } from '../gpu/device.js';
import { checkDevice } from './options.js';
import { RunsFailed } from './run-source.js';
import { Training } from './training.js';
import type { LockstepEvent, LockstepOptions } from './types.js';

/** Trains two-layer networks of bits, as the public `trainLockstep` (train.ts) says. */
export async function* trainLockstep(
  device: Device,
  options: LockstepOptions,
): AsyncGenerator<LockstepEvent> {
  checkDevice(device);
  const training = begin(device, options);
  let failed = false;
  try {
    yield* training.events();
  } catch (error) {
    failed = true;
    // An error that ends the training does not lose the runs that have finished.
    yield* training.finished();
    throw error instanceof RunsFailed ? error.cause : await device.reasonOf(error);
  } finally {
    const destroyed = training.destroy();
    if (failed)
      await destroyed.catch(() => {}); // the first error says more
    else await destroyed;
  }
}

function begin(device: Device, options: LockstepOptions): Training {
  try {
    return new Training(device, options);
  } catch (error) {
    throw error instanceof RunsFailed ? error.cause : error;
  }
}
