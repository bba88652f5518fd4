/** Checks the trainer's options and runs before anything is allocated, and fills in the defaults. */
import { LockstepError } from '../gpu/errors.js';
import type { LockstepOptions, LockstepRun } from './types.js';

export type Settings = Required<
  Pick<LockstepOptions, 'features' | 'hidden' | 'batchSize' | 'maxSteps' | 'logInterval' | 'kernel'>
> &
  Pick<LockstepOptions, 'stop' | 'signal' | 'keepWeights'>;

const MOST = { features: 1024, hidden: 4096, batchSize: 1024 };

/** @throws LockstepError `bad-input` naming the option, its value and what it may be. */
export function checkOptions(options: LockstepOptions): Settings {
  const { hidden = 512, batchSize = 128, logInterval = 250, kernel = 'auto' } = options;
  const { features, maxSteps, stop, signal, keepWeights } = options;
  const whole = { features, hidden, batchSize, maxSteps, logInterval };
  for (const [name, value] of Object.entries(whole)) {
    const most = MOST[name as keyof typeof MOST] ?? 2 ** 31 - 1;
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw new LockstepError(
        'bad-input',
        `trainLockstep: ${name} is ${value}; it must be a whole number from 1 to ${most}.`,
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
  return { ...whole, kernel, stop, signal, keepWeights };
}

/** @throws LockstepError `bad-input` naming the run and what does not fit. */
export function checkRun(run: LockstepRun, index: number, { features, hidden }: Settings): void {
  const refuse = (what: string) => {
    throw new LockstepError('bad-input', `trainLockstep: run ${index}: ${what}.`);
  };
  const { weights, dataset, testSet, optimizer } = run;
  const lengths = { w1: hidden * features, b1: hidden, w2: hidden, b2: 1 };
  for (const [name, length] of Object.entries(lengths)) {
    const array = weights[name as keyof typeof weights];
    if (array.length !== length)
      refuse(`weights.${name} has ${array.length} elements; ${hidden} x ${features} needs ${length}`);
    if (!array.every(Number.isFinite))
      refuse(`weights.${name} holds ${array.find((w) => !Number.isFinite(w))}`);
  }
  for (const [name, set] of Object.entries({ dataset, testSet })) {
    if (!set) continue;
    if (set.x.cols !== features) refuse(`${name}.x has ${set.x.cols} columns; features is ${features}`);
    if (set.x.rows < 1) refuse(`${name}.x has no rows`);
    if (set.y.length < Math.ceil(set.x.rows / 32))
      refuse(`${name}.y has ${set.y.length} words for ${set.x.rows} labels`);
  }
  const { lr, weightDecay, beta1, beta2 } = optimizer;
  if (!(lr > 0)) refuse(`optimizer.lr is ${lr}; it must be above 0`);
  if (!(weightDecay >= 0)) refuse(`optimizer.weightDecay is ${weightDecay}; it must be 0 or more`);
  if (!(beta1 >= 0 && beta1 < 1)) refuse(`optimizer.beta1 is ${beta1}; it must be in [0, 1)`);
  if (!(beta2 >= 0 && beta2 < 1)) refuse(`optimizer.beta2 is ${beta2}; it must be in [0, 1)`);
}
