/**
 * The lockstep trainer: many two-layer MLPs, each with its own weights, data, order and optimizer settings, trained in
 * the same dispatches. Here is how a training begins and ends, also by an error; what happens in between is
 * training.ts's.
 */
import type { Device } from '../gpu/device.js';
import { checkDevice } from './options.js';
import { RunsFailed } from './run-source.js';
import { Training } from './training.js';
import type { LockstepEvent, LockstepOptions } from './types.js';

/** Two-layer networks of bits; what the public `trainLockstep` (train.ts) says of them. */
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
    // What a training has finished is not lost to what ends it.
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
