/**
 * The trainer of two-layer networks of bits: many of them, each with its own weights, data, order and optimizer
 * settings, in the same dispatches. This file begins a training and ends it, also after an error; training.ts does
 * what is in between.
 */
import { checkDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { calling } from '../platform/calling.js';
import { closedAfter } from './iterables.js';
import { checkOptions } from './options.js';
import { recovering } from './recovery.js';
import { RunsFailed } from './run-source.js';
import { Training } from './training.js';
import type { LockstepEvent, LockstepOptions, LockstepRun } from './types.js';

/** Trains two-layer networks of bits, as the public `trainLockstep` (train.ts) says. */
export async function* trainLockstep(
  device: Device,
  options: LockstepOptions,
): AsyncGenerator<LockstepEvent, void, undefined> {
  checkDevice('trainLockstep', device);
  const settings = calling('trainLockstep', 'an option', () => checkOptions(options));
  yield* recovering<LockstepRun, LockstepEvent>(device, options, (on, runs, hooks, runsAtOnce) => {
    const given = { runs, expectedRuns: runsAtOnce ?? options.expectedRuns };
    const training = begin(() => new Training(on, settings, given, hooks));
    return closedAfter(eventsOf(training, on), () => training.destroy());
  });
}

async function* eventsOf(training: Training, device: Device): AsyncGenerator<LockstepEvent, void, undefined> {
  try {
    yield* training.events();
  } catch (error) {
    // An error that ends the training does not lose the runs that have finished.
    yield* training.finished();
    throw error instanceof RunsFailed ? error.cause : await device.reasonOf(error);
  }
}

function begin(make: () => Training): Training {
  try {
    return make();
  } catch (error) {
    throw error instanceof RunsFailed ? error.cause : error;
  }
}
