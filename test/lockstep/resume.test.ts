// A run that goes on from a checkpoint ends in the same bits as one that was never stopped, wherever it was stopped: in
// a window, in an epoch, with windows counted for the stop rule.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { Pacer } from '../../src/lockstep/pacer.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { LockstepOptions, LockstepRun, RunCheckpoint } from '../../src/lockstep/types.js';
import { LockstepError } from '../../src/platform/errors.js';
import { BitMatrix, type BitVector } from '../../src/tensor/bits.js';
import { bitsOf, type Outcome, outcomes, randomDataset, randomWeights, withWeights } from './outcomes.js';

const FEATURES = 16;
const HIDDEN = 32;
const options = {
  features: FEATURES,
  hidden: HIDDEN,
  maxSteps: 120,
  logInterval: 25,
  stop: { minSteps: 40, accuracy: 0.7, windows: 2 },
  keepWeights: true,
};
/** Always due: a checkpoint between any two chunks. */
const ALWAYS = 1e-6;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());
afterEach(() => {
  vi.restoreAllMocks();
});

/** One with dead columns, so that two kernels train; epochs of one whole batch and a small one, and of two. */
const datasets = [
  randomDataset(200, FEATURES, 1),
  randomDataset(256, FEATURES, 2, { dead: [0, 2, 4, 6, 8, 10, 12, 14] }),
  randomDataset(90, FEATURES, 3),
];
const testSet = randomDataset(300, FEATURES, 4);
const runs: LockstepRun[] = Array.from({ length: 9 }, (_, k) => ({
  weights: randomWeights(FEATURES, HIDDEN, 100 + k),
  dataset: datasets[k % 3],
  testSet,
  orderSeed: 200 + k,
  optimizer: { lr: 0.002 * (1 + k), weightDecay: 0.01 * (k % 4), betas: [0.9, 0.99] },
}));

/** Trains until the checkpoint of that number, counted from 1: it, and the windows and ends up to it. */
async function stopAt(number: number, more: Partial<LockstepOptions>) {
  const before: Outcome[] = runs.map(() => ({ windows: [] }));
  let seen = 0;
  const all = { ...options, ...more, runs, checkpointSeconds: ALWAYS };
  for await (const event of trainLockstep(device, all)) {
    if (event.type === 'window') before[event.run].windows.push(event);
    if (event.type === 'finish') before[event.run].finish = await withWeights(event);
    if (event.type === 'checkpoint' && ++seen === number) return { before, checkpoint: event.runs };
  }
  throw new Error(`the training ended after ${seen} checkpoints`);
}

/**
 * Trains the rest, as another process would: the checkpoint has been through a copy. Runs that had not begun are not in
 * it.
 */
async function goOn(before: Outcome[], saved: { run: number; checkpoint: RunCheckpoint }[], more = {}) {
  const checkpoints = new Map(structuredClone(saved).map(({ run, checkpoint }) => [run, checkpoint]));
  const left = before.flatMap(({ finish }, run) => (finish ? [] : [run]));
  const rest = await outcomes(device, {
    ...options,
    ...more,
    runs: left.map((run) => ({ ...runs[run], checkpoint: checkpoints.get(run) })),
  });
  const whole = [...before];
  for (const [i, run] of left.entries()) {
    const { windows, finish } = rest.runs[i];
    whole[run] = { windows: [...before[run].windows, ...windows], finish };
  }
  return whole;
}

describe.each(['subgroup', 'tiles-persistent', 'tiles-batched', 'portable'] as const)(
  'training on from a checkpoint on the %s kernel',
  (kernel) => {
    let whole: Outcome[];
    beforeAll(async () => {
      whole = (await outcomes(device, { ...options, kernel, runs })).runs;
    });

    it.each([1, 4, 9])(
      'ends in the same bits after chunks of 7 steps, from checkpoint %i',
      async (number) => {
        expect(new Set(whole.map(({ finish }) => finish?.steps)).size).toBeGreaterThan(1); // some stop early
        vi.spyOn(Pacer.prototype, 'chunk').mockReturnValue({ steps: 7, runSteps: Number.POSITIVE_INFINITY });
        const { before, checkpoint } = await stopAt(number, { kernel });
        const resumed = await goOn(before, checkpoint, { kernel });
        expect(resumed.map(bitsOf)).toEqual(whole.map(bitsOf));
      },
    );

    it('ends in the same bits where it was stopped and went on three times', async () => {
      vi.spyOn(Pacer.prototype, 'chunk').mockReturnValue({ steps: 3, runSteps: 3 });
      let run = runs[0];
      for (let time = 0; time < 3; time++) {
        const all = { ...options, kernel, runs: [run], checkpointSeconds: ALWAYS };
        for await (const event of trainLockstep(device, all)) {
          if (event.type !== 'checkpoint' || event.runs[0].checkpoint.steps < 10 * (time + 1)) continue;
          run = { ...run, checkpoint: event.runs[0].checkpoint };
          break;
        }
      }
      expect(run.checkpoint!.steps).toBeGreaterThanOrEqual(30);
      const { runs: rest } = await outcomes(device, { ...options, kernel, runs: [run] });
      expect(rest[0].finish).toEqual(whole[0].finish);
    });
  },
);

it('goes on where one x has labels for each run, from objects of the same content', async () => {
  const [{ x }] = datasets;
  const labelled = [1, 2].map((seed) => ({ x, y: randomDataset(200, FEATURES, 40 + seed).y }));
  const all = labelled.map((dataset, k) => ({ ...runs[k], dataset }));
  const more = { ...options, kernel: 'portable' as const };
  let saved: { run: number; checkpoint: RunCheckpoint }[] = [];
  for await (const event of trainLockstep(device, { ...more, runs: all, checkpointSeconds: ALWAYS })) {
    if (event.type === 'checkpoint') saved = event.runs;
    if (saved.length === all.length) break;
  }
  expect(saved).toHaveLength(all.length);
  const copyOf = ({ rows, cols, words }: BitMatrix) => new BitMatrix(rows, cols, words.slice());
  const goesOn = ({ run, checkpoint }: (typeof saved)[0], y: BitVector) =>
    outcomes(device, { ...more, runs: [{ ...all[run], dataset: { x: copyOf(x), y }, checkpoint }] });
  for (const one of saved) await goesOn(one, labelled[one.run].y);
  await expect(goesOn(saved[0], labelled[1].y)).rejects.toThrow('it is of data');
});

describe('a checkpoint that does not fit is refused', () => {
  const checkpointOf = async (kernel: 'subgroup' | 'portable') =>
    (await stopAt(1, { kernel })).checkpoint[0].checkpoint;
  const refusal = async (checkpoint: RunCheckpoint, more: Partial<LockstepOptions> = {}) => {
    const used = device.memory();
    const error = await outcomes(device, { ...options, runs: [{ ...runs[0], checkpoint }], ...more }).catch(
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(LockstepError);
    expect(error.code).toBe('bad-input');
    expect({ ...device.memory(), peak: 0 }).toEqual({ ...used, peak: 0 });
    return error.message as string;
  };

  it('where another kernel made it', async () => {
    const checkpoint = await checkpointOf('portable');
    expect(await refusal(checkpoint, { kernel: 'subgroup' })).toContain(
      'run 0 cannot go on from its checkpoint: it was made by the kernel portable, and subgroup is to train it',
    );
  });

  it('where the run has other examples, or another order of them', async () => {
    const checkpoint = await checkpointOf('portable');
    const [run] = runs;
    const others: [Partial<LockstepRun>, Partial<LockstepOptions>, RegExp][] = [
      [{ orderSeed: 77 }, {}, /it is of orderSeed \d+, and the run has 77/],
      [{ dataset: randomDataset(200, FEATURES, 5) }, {}, /it is of data the text "\d+ examples, checksum/],
      [{}, { batchSize: 100 }, /it is of batchSize \d+, and the run has/],
      [{ checkpoint: { ...checkpoint, of: undefined as never } }, {}, /it says that it is of undefined/],
    ];
    for (const [change, more, message] of others) {
      const all = [{ ...run, checkpoint, ...change }];
      expect(await refusal(undefined as never, { kernel: 'portable', ...more, runs: all })).toMatch(message);
    }
  });

  it('where the network has another shape', async () => {
    const checkpoint = await checkpointOf('portable');
    checkpoint.state = checkpoint.state.slice(1);
    expect(await refusal(checkpoint, { kernel: 'portable' })).toMatch(
      /its state has \d+ elements instead of \d+/,
    );
  });

  it('where it stands behind the last step', async () => {
    const checkpoint = await checkpointOf('portable');
    expect(await refusal({ ...checkpoint, steps: 120 })).toContain(
      'its checkpoint stands at step 120; it must be a whole number below maxSteps, 120',
    );
  });

  it('in any field, by name and before anything is allocated', async () => {
    const good = await checkpointOf('portable');
    const change = (array: Uint32Array, at: number, value: number) => array.with(at, value);
    const pitch = good.sums.length / 4;
    const cases: [string, unknown][] = [
      ['it is null', null],
      ['it is 7', 7],
      ['stands at step -1', { ...good, steps: -1 }],
      ['stands at step 1.5', { ...good, steps: 1.5 }],
      ['stands at step -3945104884', { ...good, steps: -3945104884 }],
      ['stands at step the BigInt 3n', { ...good, steps: 3n }],
      ['its kernel is the text "quick"', { ...good, kernel: 'quick' }],
      ['its kernel is undefined', { ...good, kernel: undefined }],
      ['its state is an array', { ...good, state: [...good.state] }],
      ['its state is an object (Float64Array)', { ...good, state: Float64Array.from(good.state) }],
      ['its sums is an object (Float32Array)', { ...good, sums: Float32Array.from(good.sums) }],
      [`its sums has ${good.sums.length - 1} elements`, { ...good, sums: good.sums.slice(1) }],
      ['hits for sample 3', { ...good, sums: change(good.sums, pitch + 3, 1e6) }],
      ['hits of smaller batches for sample 0', { ...good, sums: change(good.sums, 2 * pitch, 4e9) }],
      ['steps without a number for sample 5', { ...good, sums: change(good.sums, 3 * pitch + 5, 99) }],
      ['a loss of NaN for sample 2', { ...good, sums: change(good.sums, 2, 0x7fc00000) }],
      ['its stableWindows is -1', { ...good, stableWindows: -1 }],
      ['its stableWindows is 2', { ...good, stableWindows: 2 }],
      ['its stableWindows is NaN', { ...good, stableWindows: Number.NaN }],
      ['unknown option step; did you mean steps?', { ...good, step: 3 }],
    ];
    for (const [message, checkpoint] of cases) {
      // The run before is good, and does not begin.
      const all = [runs[0], { ...runs[0], checkpoint: checkpoint as RunCheckpoint }];
      const said = await refusal(undefined as never, { runs: all, kernel: 'portable' });
      expect(said).toContain('trainLockstep: run 1');
      expect(said).toContain(message);
    }
  });

  it('where two were made by different kernels', async () => {
    const made = await Promise.all([checkpointOf('portable'), checkpointOf('subgroup')]);
    const all = made.map((checkpoint) => ({ ...runs[0], checkpoint }));
    expect(await refusal(undefined as never, { runs: all })).toContain(
      'run 1 cannot go on from its checkpoint: it was made by the kernel subgroup, and portable is to train it',
    );
  });

  it('and so are seconds that never pass', async () => {
    const error = await outcomes(device, { ...options, runs, checkpointSeconds: 0 }).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('checkpointSeconds is 0'),
    });
  });
});
