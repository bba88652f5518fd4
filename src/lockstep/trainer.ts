/**
 * The trainer of two-layer networks of bits: many of them, each with its own weights, data, order and optimizer
 * settings, in the same dispatches. This file begins a training and ends it, also after an error; training.ts does
 * what is in between.
 */
import type { Device } from '../gpu/device.js';
import { checkDevice, checkOptions, reading } from './options.js';
import { recovering, type TrainerHooks } from './recovery.js';
import { RunsFailed } from './run-source.js';
import { Training } from './training.js';
import type { LockstepEvent, LockstepOptions } from './types.js';

/** Trains two-layer networks of bits, as the public `trainLockstep` (train.ts) says. */
export async function* trainLockstep(
  device: Device,
  options: LockstepOptions,
): AsyncGenerator<LockstepEvent, void, undefined> {
  checkDevice(device);
  const { recover } = reading('an option', () => {
    checkOptions(options);
    return options;
  });
  if (recover === false) yield* trainOnce(device, options);
  else
    yield* recovering(device, options, (on, given, hooks, runsAtOnce) => {
      return trainOnce(on, runsAtOnce ? { ...given, expectedRuns: runsAtOnce } : given, hooks);
    });
}

/** Trains on one device, until it is lost. */
async function* trainOnce(
  device: Device,
  options: LockstepOptions,
  hooks?: TrainerHooks,
): AsyncGenerator<LockstepEvent, void, undefined> {
  const training = begin(device, options, hooks);
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

function begin(device: Device, options: LockstepOptions, hooks?: TrainerHooks): Training {
  try {
    return new Training(device, options, hooks);
  } catch (error) {
    throw error instanceof RunsFailed ? error.cause : error;
  }
}
