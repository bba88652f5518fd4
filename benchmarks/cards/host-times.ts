/**
 * What a training takes of the main thread where the device takes nothing: no wait hides what the host does. For faked cards
 * (card.ts); sections/host-share.ts shows the figures.
 */
import { type Device, type LockstepOptions, trainLockstep } from 'lockstep-gpu';
import { type Case, runsOf } from '../runs.js';
import { mainThreadMs } from '../thread-time.js';

const DATA: Case = { strategy: 'multi-epoch', features: 64 };

/** A training, and microseconds of the main thread for a step of one run. */
export interface HostTime {
  kernel: string;
  runs: number;
  threads: number;
  each: number;
}

const CASES: readonly (Omit<HostTime, 'each'> & { steps: number })[] = [
  { kernel: 'tiles-persistent', runs: 100, threads: 0, steps: 3000 },
  { kernel: 'tiles-persistent', runs: 100, threads: 2, steps: 3000 },
  { kernel: 'tiles-batched', runs: 1, threads: 0, steps: 30_000 },
];

/** From a third of the steps on: by then chunks have their full length and the host's code is compiled. */
export async function hostTimes(device: Device): Promise<HostTime[]> {
  const times: HostTime[] = [];
  for (const { steps: maxSteps, ...one } of CASES) {
    let start: { ms: number; steps: number } | undefined;
    let steps = 0;
    for await (const event of trainLockstep(device, {
      runs: runsOf(DATA, one.runs),
      ...{ features: DATA.features, maxSteps, batchThreads: one.threads },
      kernel: one.kernel as LockstepOptions['kernel'],
    })) {
      if (event.type !== 'progress') continue;
      steps = event.steps;
      if (!start && steps >= (one.runs * maxSteps) / 3) start = { ms: mainThreadMs() ?? Number.NaN, steps };
    }
    const { ms, steps: before } = start!;
    times.push({ ...one, each: (1e3 * ((mainThreadMs() ?? Number.NaN) - ms)) / (steps - before) });
  }
  return times;
}
