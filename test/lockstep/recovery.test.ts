// Trainings whose device is lost, in every phase and at random moments: they go on, and what they report is the same, bit by
// bit and once, as if nothing had happened.
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { Staged } from '../../src/gpu/staging.js';
import { openDevice, optim, trainLockstep } from '../../src/index.js';
import { Networks } from '../../src/kernels/train/networks.js';
import { Scorer } from '../../src/kernels/train/scoring.js';
import { ChunkInputs } from '../../src/lockstep/chunk-inputs.js';
import { Cohort } from '../../src/lockstep/cohort.js';
import type {
  NetworkLockstepEvent,
  NetworkLockstepOptions,
  NetworkRun,
} from '../../src/lockstep/network/types.js';
import { recovering, type TrainerHooks } from '../../src/lockstep/recovery.js';
import { Slot } from '../../src/lockstep/slots.js';
import type { LockstepEvent, LockstepOptions, LockstepRun } from '../../src/lockstep/types.js';
import fc from '../properties.js';
import { weightBits } from './network/outcomes.js';
import { onceAfter } from './once-after.js';
import { bitsOf, type Outcome, randomDataset, randomWeights, withWeights } from './outcomes.js';

/** The device that a training begins with; others are opened in its place. */
let device: Device;
/** The device in use. */
let current: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterEach(async () => {
  vi.restoreAllMocks();
  device.destroy();
  device = await openDevice();
});
afterAll(() => device.destroy());

const lose = () => current.gpu.destroy();
const recover = { waitSeconds: 0 };

const loseAt = (prototype: object, method: string) => onceAfter(prototype, method, lose);

const runs: LockstepRun[] = Array.from({ length: 5 }, (_, k) => ({
  weights: randomWeights(8, 32, k),
  dataset: randomDataset(200, 8, 50 + k),
  testSet: randomDataset(100, 8, 80),
  orderSeed: k,
}));
const shared = { features: 8, hidden: 32, batchSize: 16, maxSteps: 60, logInterval: 7, keepWeights: true };

interface Trained {
  runs: Outcome[];
  steps: number[];
  lost: number;
}

/** Trains to the end; no event of a run may come twice or in another order. */
async function trained(
  options: Partial<LockstepOptions>,
  at: (event: LockstepEvent) => void = () => {},
): Promise<Trained> {
  current = device;
  const result: Trained = { runs: [], steps: [], lost: 0 };
  for await (const event of trainLockstep(device, { ...shared, runs, recover, ...options })) {
    if (event.type === 'recovered') current = event.device;
    if (event.type === 'lost') result.lost++;
    if (event.type === 'progress') result.steps.push(event.steps);
    if (event.type === 'window' || event.type === 'finish') {
      result.runs[event.run] ??= { windows: [] };
      const run = result.runs[event.run];
      expect(run.finish).toBeUndefined();
      if (event.type === 'window') run.windows.push(event);
      else run.finish = await withWeights(event);
    }
    at(event);
  }
  expect(result.steps).toEqual([...result.steps].sort((a, b) => a - b));
  expect(result.steps.at(-1)).toBe(result.runs.reduce((sum, run) => sum + run.finish!.steps, 0));
  return result;
}

let undisturbed: Promise<unknown[]> | undefined;
const expected = () => {
  undisturbed ??= trained({}).then((result) => {
    expect(result.lost).toBe(0);
    return result.runs.map(bitsOf);
  });
  return undisturbed;
};

/**
 * Trains seven runs in three places, with decisions in pauses: what the runs reported, and the pauses. One that is asked again after a
 * loss has to be the same.
 */
async function trainedWithDecisions(
  recovery: LockstepOptions['recover'],
  at: (event: LockstepEvent) => void = () => {},
) {
  const seven: LockstepRun[] = Array.from({ length: 7 }, (_, k) => ({
    ...runs[k % 5],
    weights: randomWeights(8, 32, 10 + k),
    optimizer: { lr: 0.003 * (k + 1) },
  }));
  const pauses = new Set<string>();
  const decide = (event: LockstepEvent) => {
    if (event.type === 'pause') {
      pauses.add(JSON.stringify(event.runs));
      const byLoss = [...event.runs].sort((a, b) => a.loss - b.loss);
      const [best, worst] = [byLoss[0], byLoss[byLoss.length - 1]];
      if (event.runs.every(({ step }) => step === 26)) event.control.stop(byLoss[1].run);
      // In others nothing is decided, also before runs end and give their places to further ones.
      const areApart = event.runs.some(({ step }) => step === 13) && event.runs.some(({ step }) => step > 13);
      if (areApart) {
        event.control.fork(worst.run, { from: best.run });
        event.control.change(worst.run, { lr: 0.01 });
      }
    }
    at(event);
  };
  const options = { runs: seven, expectedRuns: 3, pauseEvery: 13, recover: recovery };
  const { runs: found, lost } = await trained(options, decide);
  return { lost, found: { runs: found.map(bitsOf), pauses } };
}

it('lost at random moments, with decisions about runs, some of which wait for a place', async () => {
  const counts = { progress: 0, window: 0, pause: 0, finish: 0 };
  const count = ({ type }: LockstepEvent) => {
    if (type in counts) counts[type as keyof typeof counts]++;
  };
  const whole = await trainedWithDecisions(recover, count);
  expect(whole.lost).toBe(0);
  const moments = fc.asyncProperty(
    fc.constantFrom(...(Object.keys(counts) as (keyof typeof counts)[])),
    fc.nat(),
    fc.integer({ min: 0, max: 6 }),
    fc.boolean(),
    async (kind, number, wait, saves) => {
      let left = 1 + (number % counts[kind]);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const kept = { ...recover, checkpointSeconds: saves ? 0 : 10 };
      const result = await trainedWithDecisions(kept, ({ type }) => {
        if (type === kind && --left === 0) timer = setTimeout(lose, wait);
      });
      clearTimeout(timer);
      expect(result.found).toEqual(whole.found);
      current.destroy();
      device.destroy();
      device = await openDevice();
      lost += result.lost;
    },
  );
  let lost = 0;
  await fc.assert(moments, { numRuns: 5 });
  expect(lost).toBeGreaterThan(0);
});

const once = (type: LockstepEvent['type']) => {
  let isLost = false;
  return (event: LockstepEvent) => {
    if (event.type !== type || isLost) return;
    isLost = true;
    lose();
  };
};

const often = { checkpointSeconds: 1e-6 };
const PHASES: [string, Partial<LockstepOptions>, (() => void)?, ((event: LockstepEvent) => void)?][] = [
  ['before the first event', {}, () => device.gpu.destroy()],
  ['while the kernel compiles', {}, () => setTimeout(() => lose(), 0)],
  ['when the kernel is there', {}, undefined, once('plan')],
  ['when a run is put in its slot', {}, () => loseAt(Slot.prototype, 'load')],
  ['when a chunk is encoded', {}, () => loseAt(ChunkInputs.prototype, 'write')],
  ['while the first chunk trains', {}, () => loseAt(Staged.prototype, 'wait')],
  ['between two chunks', {}, undefined, once('progress')],
  ['at a window', {}, undefined, once('window')],
  ['while a checkpoint is read', often, () => loseAt(Slot.prototype, 'save')],
  ['after a checkpoint', often, undefined, once('checkpoint')],
  ['when networks are copied', {}, () => loseAt(Cohort.prototype, 'copyNetworks')],
  ['while weights are read', {}, () => loseAt(Networks.prototype, 'read')],
  ['while scoring', {}, () => loseAt(Scorer.prototype, 'accuracies')],
];
it.each(PHASES)('lost %s', async (_phase, options, before = () => {}, at) => {
  const bits = await expected();
  before();
  const result = await trained(options, at);
  expect(result.lost).toBe(1);
  expect(result.runs.map(bitsOf)).toEqual(bits);
});

it('lost at random moments, with runs of a list, an iterable or an async one, and more than fit at once', async () => {
  const bits = await expected();
  async function* slowly() {
    for (const run of runs) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      yield run;
    }
  }
  const sources = { list: () => runs, iterable: () => new Set(runs), 'async iterable': slowly };
  let lost = 0;
  const moments = fc.asyncProperty(
    fc.constantFrom(...(Object.keys(sources) as (keyof typeof sources)[])),
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 3 }),
    fc.boolean(),
    async (source, expectedRuns, waits, saves) => {
      const queue = [...waits];
      const next = () => {
        const wait = queue.shift();
        if (wait !== undefined) setTimeout(lose, wait);
      };
      const kept = { ...recover, checkpointSeconds: saves ? 0 : 10 };
      const options = { runs: sources[source](), expectedRuns, recover: kept };
      current = device;
      next();
      const result = await trained(options, ({ type }) => type === 'recovered' && next());
      lost += result.lost;
      expect(result.runs.map(bitsOf)).toEqual(bits);
      current.destroy();
      device.destroy();
      device = await openDevice();
    },
  );
  await fc.assert(moments, { numRuns: 4 });
  expect(lost).toBeGreaterThan(0);
});

it('is an error when it is lost too often in a row, when recovery is off, and for a device of the caller', async () => {
  const always = ({ type }: LockstepEvent) => type === 'plan' && lose();
  const twice = { ...recover, attempts: 2 };
  await expect(trained({ recover: twice }, always)).rejects.toMatchObject({ code: 'device-lost' });
  device = await openDevice();
  await expect(trained({ recover: false }, always)).rejects.toMatchObject({ code: 'device-lost' });
  const { gpu } = await openDevice();
  device = await openDevice({ device: gpu });
  await expect(trained({}, always)).rejects.toMatchObject({ code: 'device-lost' });
});

it('goes on with the device that the caller opens, which stays open', async () => {
  const bits = await expected();
  const { gpu } = await openDevice();
  device = await openDevice({ device: gpu });
  const mine = await openDevice();
  const result = await trained({ recover: { ...recover, device: async () => mine } }, once('window'));
  expect(result.runs.map(bitsOf)).toEqual(bits);
  expect(mine.destroyed).toBe(false);
  mine.destroy();
});

it('is not begun again after destroy(), nor after an abort', async () => {
  await expect(trained({}, ({ type }) => type === 'window' && device.destroy())).rejects.toMatchObject({
    code: 'device-lost',
  });
  device = await openDevice();
  const controller = new AbortController();
  const stop = ({ type }: LockstepEvent) => type === 'lost' && controller.abort();
  const left = trained({ recover: { waitSeconds: 60 }, signal: controller.signal }, (event) => {
    if (event.type === 'window') lose();
    stop(event);
  });
  await expect(left).rejects.toMatchObject({ code: 'device-lost' });
});

it('checkpoints in memory come every 10 seconds, or less often where they take more than 0.5% of that', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const pass = (seconds: number) => vi.advanceTimersByTime(1000 * seconds);
  const due: boolean[] = [];
  async function* trainer(_device: Device, _runs: unknown, hooks: TrainerHooks) {
    const wait = (seconds: number) => {
      pass(seconds);
      due.push(hooks.checkpointDue());
    };
    wait(9);
    wait(1);
    yield { type: 'progress', steps: 0, running: 0 };
    pass(0.1);
    yield { type: 'checkpoint', runs: [] };
    wait(19);
    wait(1);
    yield { type: 'progress', steps: 0, running: 0 };
    pass(0.01);
    yield { type: 'checkpoint', runs: [] };
    wait(9);
    wait(1);
  }
  for await (const event of recovering(device, { runs: [] }, trainer))
    expect(event).toMatchObject({ type: 'progress' });
  vi.useRealTimers();
  expect(due).toEqual([false, true, false, true, false, true]);
});

it.each([
  [{ attempts: -1 }, 'recover: attempts is'],
  [{ waitSeconds: 'long' }, 'recover: waitSeconds is'],
  [{ attempt: 1 }, 'recover: unknown option attempt; did you mean attempts?'],
  [{ device: 1 }, 'recover: device is'],
  ['yes', 'recover'],
])('refuses %j by name', async (wrong, message) => {
  await expect(trained({ recover: wrong as object })).rejects.toThrow(message);
});

const x = Array.from({ length: 60 }, (_, k) => [Math.sin(k), Math.cos(3 * k), Math.sin(7 * k + 1)]);
const data = { x, y: x.map(([a, b, c]) => a * b + c) };
const networkOptions: NetworkLockstepOptions = {
  network: { inputs: 3, layers: [{ units: 9, activation: 'tanh' }, { units: 1 }] },
  ...{ data, maxSteps: 80, batchSize: 7, logInterval: 6, pauseEvery: 20 },
  evaluate: { data, every: 10, keepBest: true },
  keepWeights: true,
  schedule: (optimizer) => new optim.StepLR(optimizer, { stepSize: 30 }),
  runs: Array.from({ length: 6 }, (_, k) => ({
    seed: k,
    maxSteps: 50 + 10 * (k % 3),
    optimizer: { lr: 0.01 * (k + 1) },
  })),
};

/** Events of networks by run; in each pause the worst run goes on from the best one, and one is stopped. */
async function trainedNetworks(
  recovery: NetworkLockstepOptions['recover'],
  at: (event: NetworkLockstepEvent) => void,
) {
  current = device;
  const events: Record<string, unknown[]> = {};
  let lost = 0;
  for await (const event of trainLockstep(device, { ...networkOptions, recover: recovery })) {
    if (event.type === 'recovered') current = event.device;
    if (event.type === 'lost') lost++;
    if (event.type === 'pause') {
      const byLoss = [...event.runs].sort((a, b) => a.loss - b.loss);
      const [best, worst] = [byLoss[0].run, byLoss[byLoss.length - 1].run];
      if (best !== worst) event.control.fork(worst, { from: best });
      if (event.runs.some(({ run, step }) => run === 2 && step === 40)) event.control.stop(2);
    }
    if ('run' in event) {
      events[event.run] ??= [];
      if (event.type === 'finish') {
        events[event.run].push({ ...event }, weightBits(await event.weights()));
      } else events[event.run].push(event);
    }
    at(event);
  }
  return { events, lost };
}

it('weights that are asked for after a loss: an error, and with keepWeights the right ones', async () => {
  const [run] = networkOptions.runs as NetworkRun[];
  const finish = async (keepWeights: boolean, before: () => void) => {
    const options = { ...networkOptions, runs: [run], keepWeights, recover };
    for await (const event of trainLockstep(device, options)) {
      if (event.type !== 'finish') continue;
      before();
      return weightBits(await event.weights());
    }
  };
  const right = await finish(false, () => {});
  expect(await finish(true, () => device.gpu.destroy())).toEqual(right);
  device = await openDevice();
  const late = finish(false, () => device.gpu.destroy());
  await expect(late).rejects.toThrow(expect.objectContaining({ code: 'device-lost' }));
});

it('networks of any shape: lost at random moments, with decisions, evaluations and schedules', async () => {
  const counts = { plan: 0, progress: 0, window: 0, evaluation: 0, pause: 0, finish: 0 };
  const whole = await trainedNetworks(recover, ({ type }) => {
    if (type in counts) counts[type as keyof typeof counts]++;
  });
  expect(whole.lost).toBe(0);
  let lost = 0;
  const moments = fc.asyncProperty(
    fc.constantFrom(...(Object.keys(counts) as (keyof typeof counts)[])),
    fc.nat(),
    fc.boolean(),
    async (kind, number, saves) => {
      let left = 1 + (number % counts[kind]);
      const result = await trainedNetworks({ ...recover, checkpointSeconds: saves ? 0 : 10 }, ({ type }) => {
        if (type === kind && --left === 0) lose();
      });
      lost += result.lost;
      expect(result.events).toEqual(whole.events);
      device.destroy();
      device = await openDevice();
    },
  );
  await fc.assert(moments, { numRuns: 4 });
  expect(lost).toBeGreaterThan(0);
});
