/**
 * What a training takes of the main thread where the device takes nothing: no wait hides what the host does. For faked cards
 * (card.ts); sections/host-share.ts shows the figures.
 */
import { type Device, type LockstepOptions, trainLockstep } from 'lockstep-gpu';
import { quantileSeq } from 'mathjs';
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
  { kernel: 'tiles-persistent', runs: 100, threads: 0, steps: 10_000 },
  { kernel: 'tiles-persistent', runs: 100, threads: 2, steps: 10_000 },
  { kernel: 'tiles-batched', runs: 1, threads: 0, steps: 100_000 },
];

/** The system counts processor time in ticks of some milliseconds: a stretch of a training has at least so many. */
const STRETCH_MS = 40;

/**
 * While Dawn for Node waits it asks again and again whether the device is done, in `setImmediate`: that takes what time the host has left,
 * and is no work. Here it asks each millisecond.
 */
function looksSeldom(): () => void {
  const { setImmediate } = globalThis;
  const seldom = (look: () => void) => setTimeout(look, 1);
  globalThis.setImmediate = seldom as unknown as typeof setImmediate;
  return () => {
    globalThis.setImmediate = setImmediate;
  };
}

/** Microseconds a step and run of each stretch of a training, from a third of the steps on: by then chunks have their full length. */
async function stretches(
  device: Device,
  { steps: maxSteps, ...one }: (typeof CASES)[number],
): Promise<number[]> {
  const found: number[] = [];
  let last: { ms: number; steps: number } | undefined;
  for await (const event of trainLockstep(device, {
    runs: runsOf(DATA, one.runs),
    ...{ features: DATA.features, maxSteps, batchThreads: one.threads },
    kernel: one.kernel as LockstepOptions['kernel'],
  })) {
    if (event.type !== 'progress' || event.steps < (one.runs * maxSteps) / 3) continue;
    const now = { ms: mainThreadMs() ?? Number.NaN, steps: event.steps };
    if (last && now.ms - last.ms < STRETCH_MS) continue;
    if (last) found.push((1e3 * (now.ms - last.ms)) / (now.steps - last.steps));
    last = now;
  }
  return found;
}

/** The lower quartile of the stretches, for other work on the machine makes them slower and nothing makes them faster. */
export async function hostTimes(device: Device): Promise<HostTime[]> {
  const times: HostTime[] = [];
  const restore = looksSeldom();
  for (const one of CASES) {
    const { steps: _, ...rest } = one;
    times.push({ ...rest, each: quantileSeq(await stretches(device, one), 0.25) as number });
  }
  restore();
  return times;
}
