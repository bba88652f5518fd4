// More runs than places, some of which end between two pauses: who pauses together, and all results, are the same however chunks are
// cut, whenever the device is lost, and from every checkpoint.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Device } from '../../../src/gpu/device.js';
import {
  Generator,
  type NetworkLockstepEvent,
  type NetworkLockstepOptions,
  openDevice,
  trainLockstep,
} from '../../../src/index.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import type { NetworkRun } from '../../../src/lockstep/network/types.js';
import fc from '../../properties.js';
import { withLimits } from '../limits.js';
import { weightBits } from './outcomes.js';

/** So that four or five of the runs below have room at once: all of them take at most four bindings. */
const opened = async () => withLimits(await openDevice(), { maxStorageBufferBindingSize: 6400 });
const recover = { waitSeconds: 0, device: opened };
/** The device in use. */
let device: Device;
beforeEach(async () => {
  device = await opened();
});
afterEach(() => {
  vi.restoreAllMocks();
  device.destroy();
});

const generator = new Generator(8);
const x = new Float32Array(24 * 2);
generator.uniform(x, -1, 1);
const data = { x, y: Array.from({ length: 24 }, (_, k) => Math.sin(3 * x[2 * k]) * x[2 * k + 1]) };
const networkOf = (units: number) => ({
  inputs: 2,
  layers: [{ units, activation: 'tanh' as const }, { units: 1 }],
});
/** They end after other numbers of steps, the third when it diverges, others when their evaluations get no better. */
const runs: NetworkRun[] = Array.from({ length: 12 }, (_, k) => ({
  network: networkOf(4 + 4 * (k % 3)),
  maxSteps: 31 + 7 * (k % 4),
  seed: k,
  optimizer: k === 2 ? { type: 'sgd', lr: 2.5 } : { lr: 0.02 * (k + 1) },
}));
const shared = {
  ...{ data, batchSize: 6, logInterval: 6, pauseEvery: 10, keepWeights: true },
  ...{ evaluate: { data, every: 7 }, stop: { patience: 3 } },
};

interface Trained {
  /** What was told of each run. */
  events: unknown[][];
  /** Which runs paused together, after which steps and with which losses. One that is asked again after a loss counts once. */
  pauses: string[];
  lost: number;
}

/**
 * Trains to the end, with decisions in pauses.
 *
 * @param numbers That of each run here among all runs.
 */
async function trained(
  options: Partial<NetworkLockstepOptions> = {},
  at: (event: NetworkLockstepEvent) => void = () => {},
  numbers = runs.map((_, k) => k),
): Promise<Trained> {
  const result: Trained = { events: runs.map(() => []), pauses: [], lost: 0 };
  for await (const event of trainLockstep(device, { runs, ...shared, recover, ...options })) {
    if (event.type === 'recovered') device = event.device;
    if (event.type === 'lost') result.lost++;
    if (event.type === 'window' || event.type === 'evaluation' || event.type === 'finish') {
      const run = numbers[event.run];
      const weights = event.type === 'finish' ? weightBits(await event.weights()) : undefined;
      result.events[run].push({ ...event, run, weights });
    }
    if (event.type === 'pause') {
      const here = event.runs.map((one) => ({ ...one, run: numbers[one.run] }));
      const told = JSON.stringify(here);
      if (!result.pauses.includes(told)) result.pauses.push(told);
      const byLoss = [...here].sort((a, b) => a.loss - b.loss || a.run - b.run);
      const [best, worst] = [byLoss[0], byLoss[byLoss.length - 1]];
      const number = (one: typeof best) => numbers.indexOf(one.run);
      // In some pauses nothing is decided.
      if (best.step % 20 === 0) event.control.stop(number(worst));
      else if (byLoss.length > 1 && best.run % 2 === 0) {
        const same = byLoss.find((one) => one !== best && one.run % 3 === best.run % 3 && one.run !== 2);
        if (same && best.run !== 2) event.control.fork(number(same), { from: number(best) });
        event.control.change(number(worst), { weightDecay: 0.1 });
      }
    }
    at(event);
  }
  return result;
}

let whole: Promise<Trained> | undefined;
const undisturbed = () => {
  whole ??= trained();
  return whole;
};

/** Chunks have one to twelve steps, other ones with each seed. */
function cutChunks(seed: number): void {
  const lengths = new Generator(seed);
  vi.spyOn(NetworkPacer.prototype, 'steps').mockImplementation(() => 1 + Math.floor(12 * lengths.random53()));
}

/** A checkpoint, and the runs that had not finished then. */
interface Saved {
  checkpoints: Extract<NetworkLockstepEvent, { type: 'checkpoint' }>['runs'];
  left: number[];
}

/** Trains with checkpoints, and keeps them. */
async function saving(
  options: Partial<NetworkLockstepOptions>,
  at: (event: NetworkLockstepEvent) => void = () => {},
): Promise<Trained & { saved: Saved[] }> {
  const saved: Saved[] = [];
  let left = runs.map((_, k) => k);
  const found = await trained(options, (event) => {
    if (event.type === 'finish') left = left.filter((k) => k !== event.run);
    if (event.type === 'checkpoint') saved.push({ checkpoints: event.runs, left });
    at(event);
  });
  return { ...found, saved };
}

/** Goes on from a checkpoint, to the pauses and events that were to come. */
async function expectResumed({ checkpoints, left }: Saved): Promise<void> {
  const { events, pauses } = await undisturbed();
  const resumed = left.map((k) => {
    const checkpoint = checkpoints.find(({ run }) => run === k)?.checkpoint;
    return { ...runs[k], seed: k, checkpoint };
  });
  const rest = await trained({ runs: resumed }, () => {}, left);
  expect(rest.pauses).toEqual(pauses.slice(pauses.length - rest.pauses.length));
  for (const [k, list] of rest.events.entries()) {
    expect(list).toEqual(events[k].slice(events[k].length - list.length));
    expect(list.length > 0).toBe(left.includes(k));
  }
}

it('in any chunks, and from every checkpoint', async () => {
  const { events, pauses } = await undisturbed();
  // Runs end at a pause and between two, and further ones take their places.
  expect(pauses.some((told) => told.includes('"step":10,') && told.includes('"step":30,'))).toBe(true);
  const reasons = events.map((list) => (list.at(-1) as { reason: string }).reason);
  expect(new Set(reasons)).toEqual(new Set(['max-steps', 'non-finite', 'stopped']));
  const cuts = fc.asyncProperty(fc.nat(), fc.nat(), async (seed, number) => {
    cutChunks(seed);
    const found = await saving({ checkpointSeconds: 0 });
    expect(found.pauses).toEqual(pauses);
    expect(found.events).toEqual(events);
    await expectResumed(found.saved[number % found.saved.length]);
  });
  await fc.assert(cuts, { numRuns: 2 });
});

it('whenever the device is lost', async () => {
  const counts = { plan: 0, progress: 0, window: 0, evaluation: 0, pause: 0, finish: 0 };
  const { events, pauses } = await undisturbed();
  await trained({}, ({ type }) => {
    if (type in counts) counts[type as keyof typeof counts]++;
  });
  let lost = 0;
  const moments = fc.asyncProperty(
    fc.constantFrom(...(Object.keys(counts) as (keyof typeof counts)[])),
    fc.nat(),
    fc.integer({ min: -1, max: 5 }),
    fc.constantFrom(0, 0.02, 60),
    fc.nat(),
    async (kind, number, wait, checkpointSeconds, seed) => {
      cutChunks(seed);
      let left = 1 + (number % counts[kind]);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const found = await saving({ checkpointSeconds }, ({ type }) => {
        if (type !== kind || --left !== 0) return;
        const lose = () => device.gpu.destroy();
        if (wait < 0) lose();
        else timer = setTimeout(lose, wait);
      });
      clearTimeout(timer);
      lost += found.lost;
      expect(found.pauses).toEqual(pauses);
      expect(found.events).toEqual(events);
      const { saved } = found;
      if (saved.length > 0) await expectResumed(saved[seed % saved.length]);
    },
  );
  await fc.assert(moments, { numRuns: 2 });
  expect(lost).toBeGreaterThan(0);
});

it('with runs of an async iterable, whose times are their own: all that are under way pause together, also after a loss', async () => {
  let lost = 0;
  const moments = fc.asyncProperty(
    fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 5, maxLength: 5 }),
    fc.integer({ min: 1, max: 20 }),
    fc.nat(),
    async (waits, chunks, seed) => {
      cutChunks(seed);
      async function* coming() {
        for (const [k, wait] of waits.entries()) {
          await new Promise((resolve) => setTimeout(resolve, wait));
          yield { ...runs[k], stop: undefined };
        }
      }
      const under = new Set<number>();
      let left = chunks;
      for await (const event of trainLockstep(device, { ...shared, runs: coming(), recover })) {
        if (event.type === 'recovered') device = event.device;
        if (event.type === 'lost') lost++;
        if (event.type === 'plan') under.add(event.run);
        if (event.type === 'finish') under.delete(event.run);
        if (event.type === 'pause') expect(event.runs.map(({ run }) => run)).toEqual([...under]);
        if (event.type !== 'progress') continue;
        if (--left === 0) device.gpu.destroy();
      }
    },
  );
  await fc.assert(moments, { numRuns: 2 });
  expect(lost).toBeGreaterThan(0);
});
