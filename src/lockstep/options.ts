/** Checks the trainer's options and runs before anything is allocated, and fills in the defaults. */

import { LockstepError } from '../platform/errors.js';
import { platformName } from '../platform/platform.js';
import type { LockstepOptions, LockstepRun } from './types.js';

export type Settings = Required<
  Pick<LockstepOptions, 'features' | 'hidden' | 'batchSize' | 'maxSteps' | 'logInterval' | 'kernel'>
> &
  Pick<LockstepOptions, 'stop' | 'signal' | 'keepWeights' | 'checkpointSeconds' | 'batchThreads'>;

export const DEFAULT_EPS = 1e-8;
/** Smaller ones are not normal float32 numbers, which a device may take for 0. */
const SMALLEST_EPS = 1.2e-38;
const MOST = { features: 1024, hidden: 4096, batchSize: 1024 };

/** @throws LockstepError `bad-input` naming the option, its value and what it may be. */
export function checkOptions(options: LockstepOptions): Settings {
  const { hidden = 512, batchSize = 128, logInterval = 250, kernel = 'auto' } = options;
  const { features, maxSteps, stop, signal, keepWeights, checkpointSeconds, batchThreads } = options;
  const whole = { features, hidden, batchSize, maxSteps, logInterval };
  checkWhole(whole);
  if (options.expectedRuns !== undefined) checkWhole({ expectedRuns: options.expectedRuns });
  if (checkpointSeconds !== undefined && !(checkpointSeconds > 0)) {
    throw new LockstepError(
      'bad-input',
      `trainLockstep: checkpointSeconds is ${checkpointSeconds}; it must be above 0, or left out.`,
    );
  }
  if (batchThreads !== undefined && batchThreads !== 0) {
    checkWhole({ batchThreads });
    if (platformName() === 'browser') {
      throw new LockstepError(
        'unsupported',
        `trainLockstep: batchThreads is ${batchThreads}; only Node has such threads. Leave it out in a browser.`,
      );
    }
  }
  if (stop) {
    checkWhole({ 'stop.windows': stop.windows });
    for (const name of ['minSteps', 'accuracy'] as const) {
      if (Number.isFinite(stop[name])) continue;
      throw new LockstepError(
        'bad-input',
        `trainLockstep: stop.${name} is ${stop[name]}; it must be a finite number.`,
      );
    }
  }
  if (stop && logInterval * batchSize * batchSize >= 2 ** 31) {
    throw new LockstepError(
      'bad-input',
      `trainLockstep: logInterval ${logInterval} x batchSize ${batchSize} squared is 2^31 or more, beyond what the ` +
        'stop rule counts in; close windows more often.',
    );
  }
  return { ...whole, kernel, stop, signal, keepWeights, checkpointSeconds, batchThreads };
}

function checkWhole(values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    const most = MOST[name as keyof typeof MOST] ?? 2 ** 31 - 1;
    if (Number.isInteger(value) && value >= 1 && value <= most) continue;
    throw new LockstepError(
      'bad-input',
      `trainLockstep: ${name} is ${value}; it must be a whole number from 1 to ${most}.`,
    );
  }
}

/** @throws LockstepError `bad-input` naming the run and what does not fit. */
export function checkRun(run: LockstepRun, index: number, { features, hidden, maxSteps }: Settings): void {
  const refuse = (what: string) => {
    throw new LockstepError('bad-input', `trainLockstep: run ${index}: ${what}.`);
  };
  const { weights, dataset, testSet, optimizer } = run;
  const lengths = { w1: hidden * features, b1: hidden, w2: hidden, b2: 1 };
  for (const [name, length] of Object.entries(lengths)) {
    const array = weights[name as keyof typeof weights];
    if (array.length !== length)
      refuse(`weights.${name} has ${array.length} elements; ${hidden} x ${features} needs ${length}`);
    // A loop, for 3 million numbers of a hundred runs.
    for (let k = 0; k < length; k++)
      if (!Number.isFinite(array[k])) refuse(`weights.${name} holds ${array[k]}`);
  }
  for (const [name, set] of Object.entries({ dataset, testSet })) {
    if (!set) continue;
    if (set.x.cols !== features) refuse(`${name}.x has ${set.x.cols} columns; features is ${features}`);
    if (set.x.rows < 1) refuse(`${name}.x has no rows`);
    if (set.y.length < Math.ceil(set.x.rows / 32))
      refuse(`${name}.y has ${set.y.length} words for ${set.x.rows} labels`);
  }
  if (!Number.isSafeInteger(run.orderSeed))
    refuse(`orderSeed is ${run.orderSeed}; it must be a whole number below 2^53`);
  const at = run.checkpoint?.steps ?? 0;
  if (!Number.isInteger(at) || at < 0 || at >= maxSteps)
    refuse(`its checkpoint stands at step ${at}; it must be a whole number below maxSteps, ${maxSteps}`);
  const { lr, weightDecay, beta1, beta2, eps = DEFAULT_EPS } = optimizer;
  if (!(lr > 0 && lr < Infinity)) refuse(`optimizer.lr is ${lr}; it must be a finite number above 0`);
  if (!(weightDecay >= 0 && weightDecay < Infinity))
    refuse(`optimizer.weightDecay is ${weightDecay}; it must be a finite number of 0 or more`);
  if (!(beta1 >= 0 && beta1 < 1)) refuse(`optimizer.beta1 is ${beta1}; it must be in [0, 1)`);
  if (!(beta2 >= 0 && beta2 < 1)) refuse(`optimizer.beta2 is ${beta2}; it must be in [0, 1)`);
  // A unit that no sample activates has a gradient of 0: with eps 0 its step would be 0 / 0.
  if (!(eps >= SMALLEST_EPS && eps < Infinity))
    refuse(`optimizer.eps is ${eps}; it must be a finite number of at least ${SMALLEST_EPS}`);
}
