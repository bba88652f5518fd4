// Decisions in pauses of two-layer networks of bits: the same bits as if they had been known before, as checkpoints and float64
// know them, for whichever runs train beside and however chunks are cut.
import '../quick-to-compile.js';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { ADAMW_DEFAULTS } from '../../src/lockstep/adamw-settings.js';
import { Pacer } from '../../src/lockstep/pacer.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type {
  AdamWSettings,
  LockstepEvent,
  LockstepOptions,
  LockstepRun,
  RunCheckpoint,
} from '../../src/lockstep/types.js';
import { EpochOrder } from '../../src/random/epoch-order.js';
import type { BinaryDataset } from '../../src/tensor/bits.js';
import { ReferenceMlp } from '../kernels/train/reference.js';
import { bitsOf, type Outcome, randomDataset, randomWeights, withWeights } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());
afterEach(() => {
  vi.restoreAllMocks();
});

const FEATURES = 13;
const HIDDEN = 32;
const options = {
  ...{ features: FEATURES, hidden: HIDDEN, batchSize: 20, maxSteps: 60, logInterval: 7 },
  ...{ keepWeights: true, pauseEvery: 20 },
};
const shown = randomDataset(90, FEATURES, 1);
/** Five of them are 0 in all examples, and left out of the training. */
const DEAD = [1, 4, 6, 9, 12];
const sparse = [2, 3].map((seed) => randomDataset(70, FEATURES, seed, { dead: DEAD }));
const testSet = randomDataset(100, FEATURES, 4);

const runNumber = (k: number, dataset: BinaryDataset = shown): LockstepRun => ({
  weights: randomWeights(FEATURES, HIDDEN, 100 + k),
  ...{ dataset, testSet, orderSeed: 200 + k },
  optimizer: { lr: 0.002 * (1 + (k % 5)), weightDecay: 0.02 * (k % 4), betas: [0.9, 0.99] },
});

type Pause = Extract<LockstepEvent, { type: 'pause' }>;
type Saved = Extract<LockstepEvent, { type: 'checkpoint' }>['runs'];
type Decide = (pause: Pause) => void;

interface Trained {
  runs: Outcome[];
  /** Which runs paused together, and at which steps. */
  pauses: [run: number, step: number][][];
}

/** `at` may end the training by returning true. */
async function trained(
  more: Partial<LockstepOptions> & Pick<LockstepOptions, 'runs'>,
  decide: Decide = () => {},
  at: (event: LockstepEvent) => unknown = () => {},
): Promise<Trained> {
  const result: Trained = { runs: [], pauses: [] };
  for await (const event of trainLockstep(device, { ...options, ...more })) {
    if (event.type === 'pause') {
      result.pauses.push(event.runs.map(({ run, step }) => [run, step]));
      decide(event);
    }
    if (event.type === 'window' || event.type === 'finish') {
      result.runs[event.run] ??= { windows: [] };
      if (event.type === 'window') result.runs[event.run].windows.push(event);
      else result.runs[event.run].finish = await withWeights(event);
    }
    if (at(event)) break;
  }
  return result;
}

/** At this step of the run. */
const when =
  (run: number, step: number, decide: Decide): Decide =>
  (pause) => {
    if (pause.runs.some((one) => one.run === run && one.step === step)) decide(pause);
  };

/** Each chunk has this many steps of a run, and of all runs. */
const chunksOf = (steps: number, runSteps = Number.POSITIVE_INFINITY) =>
  vi.spyOn(Pacer.prototype, 'chunk').mockReturnValue({ steps, runSteps });

/** What three runs were at this step, from a training without pauses. They may have begun one after the other. */
async function checkpointsAt(step: number, more: Parameters<typeof trained>[0]): Promise<RunCheckpoint[]> {
  const found: RunCheckpoint[] = [];
  const spy = chunksOf(5); // from the window that closes at 35
  await trained({ ...more, pauseEvery: undefined, checkpointSeconds: 1e-6 }, undefined, (event) => {
    if (event.type !== 'checkpoint') return;
    for (const { run, checkpoint } of event.runs) if (checkpoint.steps === step) found[run] = checkpoint;
  });
  spy.mockRestore();
  expect(Object.keys(found)).toEqual(['0', '1', '2']);
  return found;
}

const bitsAfter = (step: number, { windows, finish }: Outcome) =>
  bitsOf({ windows: windows.filter((window) => window.step > step), finish });

const other: AdamWSettings = { lr: 0.03, betas: [0.8, 0.95], eps: 1e-4, weightDecay: 0.3 };

describe.each(['subgroup', 'tiles-batched', 'portable'] as const)('decisions on the %s kernel', (kernel) => {
  const runs = [0, 1, 2].map((k) => runNumber(k));
  let alone: Promise<Trained> | undefined;
  const undisturbed = () => {
    alone ??= trained({ runs, kernel, pauseEvery: undefined });
    return alone;
  };

  it('pauses change nothing, and come to all runs at once', async () => {
    const paused = await trained({ runs, kernel });
    expect(paused.runs.map(bitsOf)).toEqual((await undisturbed()).runs.map(bitsOf));
    expect(paused.pauses).toEqual([20, 40].map((step) => [0, 1, 2].map((run) => [run, step])));
  });

  it('other settings are those of a run that goes on with them from a checkpoint', async () => {
    const decide = when(1, 40, ({ control }) => control.change(1, other));
    const changed = await trained({ runs, kernel }, decide);
    const checkpoint = (await checkpointsAt(40, { runs, kernel }))[1];
    const resumed = await trained({ runs: [{ ...runs[1], optimizer: other, checkpoint }], kernel });
    expect(bitsAfter(40, changed.runs[1])).toEqual(bitsOf(resumed.runs[0]));
    const { runs: before } = await undisturbed();
    expect([0, 2].map((k) => bitsOf(changed.runs[k]))).toEqual([0, 2].map((k) => bitsOf(before[k])));
  });

  it('a fork goes on from the state in the checkpoint of the other run', async () => {
    const forked = await trained(
      { runs, kernel },
      when(1, 40, ({ control }) => control.fork(1, { from: 2 })),
    );
    const [, own, others] = await checkpointsAt(40, { runs, kernel });
    const checkpoint = { ...own, state: others.state };
    const resumed = await trained({ runs: [{ ...runs[1], checkpoint }], kernel });
    expect(bitsAfter(40, forked.runs[1])).toEqual(bitsOf(resumed.runs[0]));
    const { runs: before } = await undisturbed();
    expect([0, 2].map((k) => bitsOf(forked.runs[k]))).toEqual([0, 2].map((k) => bitsOf(before[k])));
  });

  it('a run that is stopped has the weights of one that takes no more steps, and its place is taken', async () => {
    const stopped = await trained(
      { runs, kernel, expectedRuns: 2 },
      when(1, 20, ({ control }) => control.stop(1)),
    );
    const { runs: short } = await trained({ runs, kernel, pauseEvery: undefined, maxSteps: 20 });
    expect(stopped.runs[1].finish).toEqual({ ...short[1].finish, reason: 'stopped' });
    const { runs: before } = await undisturbed();
    expect([0, 2].map((k) => bitsOf(stopped.runs[k]))).toEqual([0, 2].map((k) => bitsOf(before[k])));
    expect(stopped.pauses).toEqual([
      [
        [0, 20],
        [1, 20],
      ],
      [
        [0, 40],
        [2, 20],
      ],
      [[2, 40]],
    ]);
  });

  it('and float64 knows them, with steps of another run and features left out', async () => {
    const three = [0, 1, 2].map((k) => runNumber(k, sparse[k % 2]));
    const decide = ({ runs: [{ run, step }], control }: Pause) => {
      if (step === 10) {
        control.change(0, other);
        control.stop(1);
      }
      if (run !== 0 || step !== 20) return;
      control.fork(2, { from: 0 });
      control.change(2, { betas: [0.7, 0.9], weightDecay: 0.1 });
    };
    const many = { runs: three, kernel, expectedRuns: 2, pauseEvery: 10, maxSteps: 30 };
    const { runs: found, pauses } = await trained(many, decide);
    expect(pauses).toEqual([
      [
        [0, 10],
        [1, 10],
      ],
      [
        [0, 20],
        [2, 10],
      ],
      [[2, 20]],
    ]);
    const models = three.map(
      ({ weights, optimizer }) =>
        new ReferenceMlp(weights, FEATURES, HIDDEN, { ...ADAMW_DEFAULTS, ...optimizer }),
    );
    const orders = three.map(
      ({ dataset, orderSeed }) => new EpochOrder((dataset as BinaryDataset).x.rows, orderSeed),
    );
    const train = (k: number, steps: number) => {
      for (let s = 0; s < steps; s++) {
        const batch = new Uint32Array(Math.min(options.batchSize, orders[k].remaining));
        orders[k].take(batch, 0, batch.length);
        models[k].step(three[k].dataset as BinaryDataset, batch);
      }
    };
    train(0, 10);
    train(1, 10);
    models[0].change(other);
    train(0, 10);
    train(2, 10);
    models[2].fork(models[0]);
    models[2].change({ betas: [0.7, 0.9], weightDecay: 0.1 });
    train(0, 10);
    train(2, 20);
    for (const [k, model] of models.entries()) {
      for (const [name, exact] of Object.entries(model.weights)) {
        const weights = found[k].finish!.weights![name as keyof typeof model.weights];
        const worst = weights.reduce((most, value, i) => Math.max(most, Math.abs(value - exact[i])), 0);
        // Up to 3e-7 were found: a few roundings of float32 in each of thirty steps.
        expect(worst, `run ${k}, ${name}`).toBeLessThan(2e-6);
      }
    }
  });
});

/** The worst goes on from the best, with other settings. */
const population: Decide = ({ runs, control }) => {
  const byLoss = [...runs].sort((a, b) => a.loss - b.loss || a.run - b.run);
  const [best, worst] = [byLoss[0], byLoss[byLoss.length - 1]];
  if (runs.length > 3) control.stop(byLoss[1].run);
  if (best === worst) return;
  control.fork(worst.run, { from: best.run });
  control.change(worst.run, { lr: 0.001 * (1 + (best.step % 7)) });
};
const stop = { minSteps: 20, accuracy: 0.6, windows: 2 };
/** More runs than places, some of which end by the stop rule. */
const crowd = {
  runs: Array.from({ length: 9 }, (_, k) => runNumber(k, randomDataset(30 + 7 * k, FEATURES, 60 + k))),
  ...{ expectedRuns: 4, stop, pauseEvery: 11 },
};

it('the same runs pause together, and end in the same bits, however chunks are cut', async () => {
  const whole = await trained(crowd, population);
  expect(new Set(whole.runs.map(({ finish }) => finish!.reason)).size).toBeGreaterThan(1);
  expect(whole.pauses.some((runs) => new Set(runs.map(([, step]) => step)).size > 1)).toBe(true);
  for (const [steps, runSteps] of [
    [1, undefined],
    [3, 3],
    [100, 20],
  ]) {
    chunksOf(steps!, runSteps);
    const cut = await trained({ ...crowd, batchThreads: steps === 3 ? 1 : 0 }, population);
    expect(cut.pauses).toEqual(whole.pauses);
    expect(cut.runs.map(bitsOf)).toEqual(whole.runs.map(bitsOf));
  }
});

it('a place that has just become free takes the next run before a pause', async () => {
  const runs = [0, 1, 2].map((k) => runNumber(k));
  const [, checkpoint] = await checkpointsAt(40, { runs });
  // One run a chunk, and checkpoints that take what is in flight: run 1 ends in one of them, when run 0 waits already.
  chunksOf(20, 1);
  const late = [runs[0], { ...runs[1], checkpoint }, runs[2]];
  const { pauses } = await trained({ runs: late, expectedRuns: 2, checkpointSeconds: 1e-6 });
  expect(pauses).toEqual([20, 40].map((step) => [0, 2].map((run) => [run, step])));
});

it('checkpoints after decisions, and of runs that wait, go on with them', async () => {
  const four = { runs: [...sparse, ...sparse].map((dataset, k) => runNumber(k, dataset)), pauseEvery: 15 };
  const whole = await trained(four, population);
  chunksOf(4, 4);
  const saved: { checkpoints: Saved; before: Outcome[] }[] = [];
  const seen: Outcome[] = four.runs.map(() => ({ windows: [] }));
  await trained({ ...four, checkpointSeconds: 1e-6 }, population, (event) => {
    if (event.type === 'window') seen[event.run].windows.push(event);
    if (event.type === 'checkpoint') {
      const before = seen.map(({ windows }, run) => {
        const isThere = event.runs.some((one) => one.run === run);
        return isThere ? { windows: [...windows] } : whole.runs[run];
      });
      saved.push({ checkpoints: structuredClone(event.runs), before });
    }
  });
  vi.restoreAllMocks();
  const statuses = saved.map(({ checkpoints }) =>
    checkpoints.map(({ checkpoint }) => checkpoint.control!.status),
  );
  const first = (has: (list: string[]) => boolean) => saved[statuses.findIndex(has)];
  const chosen = [
    first((list) => list.includes('waits') && list.includes('trains')),
    first((list) => list.includes('stopped')),
    saved[Math.floor(0.6 * saved.length)],
  ];
  for (const { checkpoints, before } of chosen) {
    const runs = checkpoints.map(({ run, checkpoint }) => ({ ...four.runs[run], checkpoint }));
    // They have other numbers now.
    const numbers = checkpoints.map(({ run }) => run);
    const renumbered: Decide = ({ runs: here, control }) => {
      const number = (run: number) => numbers.indexOf(run);
      population({
        type: 'pause',
        runs: here.map((one) => ({ ...one, run: numbers[one.run] })),
        control: {
          stop: (run) => control.stop(number(run)),
          change: (run, settings) => control.change(number(run), settings),
          fork: (run, { from }) => control.fork(number(run), { from: number(from) }),
        },
      });
    };
    const rest = await trained({ ...four, runs }, renumbered);
    const all = whole.runs.map((_, run) => {
      const k = numbers.indexOf(run);
      if (k < 0) return before[run];
      return {
        windows: [...before[run].windows, ...(rest.runs[k]?.windows ?? [])],
        finish: rest.runs[k].finish,
      };
    });
    expect(all.map(bitsOf)).toEqual(whole.runs.map(bitsOf));
  }
});

it('a run that has diverged in an open window ends before the pause, and its place is taken', async () => {
  const bad = { ...runNumber(1), optimizer: { lr: 1e6, weightDecay: 1 } };
  const runs = [runNumber(0), bad, runNumber(2)];
  const rare = { runs, logInterval: 50, expectedRuns: 2 };
  const alone = await trained({ ...rare, pauseEvery: undefined });
  const found = await trained(rare);
  expect(alone.runs[1].finish).toMatchObject({ reason: 'non-finite' });
  const { steps, reason } = alone.runs[1].finish!;
  expect(found.runs[1].finish).toMatchObject({ steps, reason });
  expect(steps).toBeLessThan(20);
  expect(found.pauses).toEqual([
    [
      [0, 20],
      [2, 20],
    ],
    [
      [0, 40],
      [2, 40],
    ],
  ]);
  expect([0, 2].map((k) => bitsOf(found.runs[k]))).toEqual([0, 2].map((k) => bitsOf(alone.runs[k])));
});

it('refuses what cannot be, by name', async () => {
  let late: Pause | undefined;
  const runs = [runNumber(0), runNumber(1, sparse[0]), runNumber(2)];
  await trained({ runs }, (pause) => {
    const { control } = pause;
    if (late) return;
    late = pause;
    expect(() => control.stop(7)).toThrow('stop: the run is the number 7; under way are 0, 1, 2.');
    expect(() => control.stop('0' as never)).toThrow('stop: the run is the text "0"');
    expect(() => control.fork(0, 2 as never)).toThrow('fork: the source is the number 2; { from: 0 } fits');
    for (const [to, from] of [
      [0, 1],
      [1, 0],
    ]) {
      expect(() => control.fork(to, { from })).toThrow(
        'fork: feature 1 is 0 in all examples of run 1, which leaves it out of the training, and run 0 trains it; both ' +
          'must train the same features.',
      );
    }
    expect(() => control.change(0, { lr: -1 })).toThrow('change of run 0: optimizer.lr is -1; it must be');
    expect(() => control.change(0, { eps: 0 })).toThrow('change of run 0: optimizer.eps is 0; it must be');
    expect(() => control.change(0, { momentum: 1 } as never)).toThrow('unknown option momentum');
    expect(() => control.change(0, 0.1 as never)).toThrow('change of run 0: the settings is the number 0.1');
    control.stop(2);
    expect(() => control.stop(2)).toThrow('under way are 0, 1.');
    expect(() => control.change(2, { lr: 0.1 })).toThrow('under way are 0, 1.');
    expect(() => control.fork(0, { from: 2 })).toThrow('under way are 0, 1.');
  });
  expect(() => late!.control.stop(0)).toThrow('the pause is over');
});

it('refuses checkpoints whose control does not fit, by name', async () => {
  let saved: Saved = [];
  const sparseRun = runNumber(1, sparse[0]);
  await trained({ runs: [sparseRun], checkpointSeconds: 1e-6 }, undefined, (event) => {
    if (event.type === 'checkpoint') saved = event.runs;
    return saved.length > 0;
  });
  const [{ checkpoint }] = saved;
  const control = checkpoint.control!;
  const cases: [string, unknown][] = [
    ['control: it is the number 3', 3],
    ['control: unknown option stat; did you mean status?', { ...control, stat: 1 }],
    ['control: optimizer.lr is 0', { ...control, optimizer: { lr: 0 } }],
    ['control: optimizerSteps is the number -1', { ...control, optimizerSteps: -1 }],
    ['control: last is an array', { ...control, last: [1] }],
    ['control: status is the text "wait"; did you mean waits?', { ...control, status: 'wait' }],
    ['control: leftOut is undefined', { ...control, leftOut: undefined }],
    ['control: leftOut.factor is the number NaN', { ...control, leftOut: { factor: Number.NaN, since: 0 } }],
    ['control: leftOut.since is the number 99', { ...control, leftOut: { factor: 1, since: 99 } }],
    ['control: leftOut.w1 is', { ...control, leftOut: { factor: 1, since: 0, w1: new Float32Array(3) } }],
  ];
  for (const [message, wrong] of cases) {
    const runs = [{ ...sparseRun, checkpoint: { ...checkpoint, control: wrong as never } }];
    await expect(trained({ runs })).rejects.toThrow(`trainLockstep: run 0: checkpoint: ${message}`);
  }
});
