// How runs end: by the stop rule, as the oracle says, by a number that is none, or by the caller; and what is left on
// the device afterwards.
import '../quick-to-compile.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { FinishEvent, LockstepEvent, LockstepRun } from '../../src/lockstep/types.js';
import { BitMatrix } from '../../src/tensor/bits.js';
import { trainReference } from '../kernels/train/reference.js';
import { bitsOf, outcomes, randomDataset, randomWeights } from './outcomes.js';

const FEATURES = 8;
const HIDDEN = 32;
const shape = { features: FEATURES, hidden: HIDDEN };
const kernels = ['subgroup', 'tiles-persistent', 'tiles-batched', 'portable'] as const;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const betas = [0.9, 0.99] as const;

function runNumber(k: number, lr = 0.01): LockstepRun {
  return {
    weights: randomWeights(FEATURES, HIDDEN, k),
    dataset: randomDataset(300, FEATURES, 50 + k),
    testSet: randomDataset(100, FEATURES, 80 + k),
    orderSeed: k,
    optimizer: { lr, weightDecay: 0.01, betas },
  };
}

/** Answers 1 whatever it is asked and hardly learns: its hits are the labels of 1. */
function fixedAnswers(labels: readonly number[]): LockstepRun {
  const weights = randomWeights(FEATURES, HIDDEN, 7);
  weights.b2[0] = 5;
  const optimizer = { lr: 1e-9, weightDecay: 0, betas: [0.9, 0.99] } as const;
  return {
    weights,
    dataset: { x: new BitMatrix(labels.length, FEATURES), y: labels },
    orderSeed: 3,
    optimizer,
  };
}

describe.each(kernels)('the stop rule on the %s kernel', (kernel) => {
  const bits = (ones: number, zeros: number) => [...Array(ones).fill(1), ...Array(zeros).fill(0)];

  it.each([
    ['from step 1 on where the minimum allows', { minSteps: 1, accuracy: 0.9, windows: 1 }, 1],
    ['not before the minimum', { minSteps: 25, accuracy: 0.9, windows: 1 }, 30],
    ['after enough windows in a row', { minSteps: 15, accuracy: 0.9, windows: 3 }, 40],
    ['where accuracy is exactly the bound', { minSteps: 1, accuracy: 0.96, windows: 2 }, 10],
    ['never where it is just below', { minSteps: 1, accuracy: 0.9600001, windows: 2 }, 55],
  ])('stops %s', async (_, stop, steps) => {
    // 25 examples in one batch, 24 of them right: 0.96 at every step.
    const run = fixedAnswers(bits(24, 1));
    const options = { ...shape, batchSize: 25, maxSteps: 55, logInterval: 10, stop };
    const { runs } = await outcomes(device, { ...options, runs: [run], kernel });
    const expected = trainReference(run, options);
    expect(runs[0].finish).toMatchObject({ steps, reason: steps === 55 ? 'max-steps' : 'stopped' });
    expect([runs[0].finish!.steps, runs[0].windows.length]).toEqual([
      expected.steps,
      expected.windows.length,
    ]);
    for (const { accuracy } of runs[0].windows) expect(accuracy).toBeCloseTo(0.96, 12);
  });

  it('begins to count again after a window below the bound, as the oracle does', async () => {
    // Batches of 25 and 10 with 92% ones: windows of two batches lie now above, now below the bound, and never on it.
    const run = fixedAnswers(bits(55, 5));
    const stop = { minSteps: 4, accuracy: 0.905, windows: 3 };
    const options = { ...shape, batchSize: 25, maxSteps: 200, logInterval: 2, stop };
    const { runs } = await outcomes(device, { ...options, runs: [run], kernel });
    const expected = trainReference(run, options);
    expect(runs[0].finish).toMatchObject({ steps: expected.steps, reason: 'stopped' });
    expect(runs[0].windows.map(({ accuracy }) => accuracy)).toEqual(
      expected.windows.map(({ accuracy }) => expect.closeTo(accuracy, 12)),
    );
    const passing = expected.windows.filter(
      ({ step, accuracy }) => step >= 4 && accuracy >= stop.accuracy,
    ).length;
    expect(passing).toBeGreaterThan(stop.windows);
  });
});

describe.each(kernels)('numbers that are none, on the %s kernel', (kernel) => {
  const options = { ...shape, maxSteps: 30, kernel, keepWeights: true };

  it('end their run at the oracle’s step, and no other run notices', async () => {
    // lr is infinite as a float32, and its squares are in float64: both are lost at the second step.
    const bad = runNumber(1, 1e200);
    const good = [runNumber(2), runNumber(3)];
    const { runs } = await outcomes(device, { ...options, runs: [good[0], bad, good[1]] });
    const expected = trainReference(bad, options);
    expect(expected).toMatchObject({ reason: 'non-finite', steps: 2 });
    expect(runs[1].finish).toMatchObject({ reason: 'non-finite', steps: 2, testAccuracy: Number.NaN });
    expect(runs[1].windows.map(({ step }) => step)).toEqual([1]);
    const alone = await outcomes(device, { ...options, runs: good });
    expect([bitsOf(runs[0]), bitsOf(runs[2])]).toEqual(alone.runs.map(bitsOf));
    expect(runs[0].finish).toMatchObject({ reason: 'max-steps', steps: 30 });
  });

  it.each([1e6, 1e9])('are found at the same step whenever windows close, lr %d', async (lr) => {
    // Decay of 1 - lr wd makes the weights grow until a float32 ends; the epochs end with a batch of 44 and one of 4.
    const run = {
      ...runNumber(4),
      dataset: randomDataset(260, FEATURES, 9),
      optimizer: { lr, weightDecay: 1, betas },
    };
    const steps: number[] = [];
    for (const logInterval of [1, 7, 30]) {
      const { runs } = await outcomes(device, { ...options, logInterval, runs: [run] });
      expect(runs[0].finish!.reason).toBe('non-finite');
      for (const { loss } of runs[0].windows) expect(loss).toBeLessThanOrEqual(100);
      steps.push(runs[0].finish!.steps);
    }
    expect(new Set(steps).size, `${steps}`).toBe(1);
    expect(steps[0]).toBeGreaterThan(2);
  });
});

describe('finish events', () => {
  it.each([0, 1, 5, 20])('reach a reader who takes %i ms for each event, all of them', async (ms) => {
    // Eight test sets: one is scored after the other, while the reader is busy with what came before.
    const runs = Array.from({ length: 8 }, (_, k) => runNumber(k));
    const finished: number[] = [];
    for await (const event of trainLockstep(device, { ...shape, maxSteps: 1, runs })) {
      if (event.type === 'finish') finished.push(event.run);
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    expect(finished.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('give the weights while they are handled, when another run has the place', async () => {
    const runs = Array.from({ length: 5 }, (_, k) => runNumber(k));
    const options = { ...shape, maxSteps: 20, runs, kernel: 'portable' as const };
    const kept = await outcomes(device, { ...options, keepWeights: true });
    const events: FinishEvent[] = [];
    // Two of them at a time: the others train in the places of those that have ended.
    for await (const event of trainLockstep(device, { ...options, expectedRuns: 2 })) {
      if (event.type !== 'finish') continue;
      events.push(event);
      if (event.run === 4) continue;
      const { weights } = kept.runs[event.run].finish!;
      expect(await event.weights()).toEqual(weights);
    }
    expect(events).toHaveLength(5);
    for (const event of events) {
      // What was read stays; what was not is gone.
      if (event.run !== 4) expect(await event.weights()).toEqual(kept.runs[event.run].finish!.weights);
      else
        await expect(event.weights()).rejects.toMatchObject({
          code: 'disposed',
          message:
            'trainLockstep: the weights of run 4 are freed. Call weights() before the next event is asked for, or ' +
            'train with keepWeights: true.',
        });
    }
  });

  it('can be cloned, without their weights', async () => {
    for await (const event of trainLockstep(device, { ...shape, maxSteps: 1, runs: [runNumber(0)] })) {
      const { testAccuracy } = event as FinishEvent;
      if (event.type === 'finish')
        expect(structuredClone(event)).toEqual({
          ...{ type: 'finish', run: 0, steps: 1, reason: 'max-steps' },
          testAccuracy,
        });
    }
  });

  it.each(['subgroup', 'portable'] as const)(
    'have their %s kernel compiled while runs train, for a test set',
    async (kernel) => {
      const own = await openDevice();
      const scorers = () => own.pipelines.filter(({ label }) => label.endsWith('-score')).length;
      const options = { ...shape, maxSteps: 20, logInterval: 10, kernel };
      const { testSet: _, ...unscored } = runNumber(0);
      for await (const event of trainLockstep(own, { ...options, runs: [unscored] })) {
        if (event.type === 'finish') expect(scorers()).toBe(0);
      }
      for await (const event of trainLockstep(own, { ...options, runs: [runNumber(0)] })) {
        // Nothing ends while the first window is looked at.
        if (event.type === 'window' && event.step === 1)
          await expect.poll(scorers, { timeout: 60_000 }).toBe(1);
      }
      expect(scorers()).toBe(1);
      own.destroy();
    },
  );

  it('come before the next run does', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* waiting() {
      yield runNumber(0);
      await released;
      yield runNumber(1);
    }
    const finished: number[] = [];
    for await (const event of trainLockstep(device, { ...shape, maxSteps: 5, runs: waiting() })) {
      if (event.type !== 'finish') continue;
      finished.push(event.run);
      release();
    }
    expect(finished).toEqual([0, 1]);
  });
});

describe('memory', () => {
  /** In use, the staging that reads keep for reuse left out: a first training has made it. */
  let before: { buffers: number; bytes: number };
  const use = () => {
    const { buffers, bytes } = device.memory();
    return { buffers, bytes };
  };
  beforeEach(async () => {
    await outcomes(device, { ...shape, maxSteps: 2, runs: [runNumber(0), runNumber(1)], kernel: 'portable' });
    before = use();
  });

  it.each(kernels)('is as before after a training, %s', async (kernel) => {
    await outcomes(device, { ...shape, maxSteps: 20, runs: [runNumber(0), runNumber(1)], kernel });
    expect(use()).toEqual(before);
  });

  it('is as before where the caller leaves the loop', async () => {
    for await (const event of trainLockstep(device, { ...shape, maxSteps: 1e6, runs: [runNumber(0)] })) {
      expect(use().buffers).toBeGreaterThan(before.buffers);
      if (event.type === 'window') break;
    }
    expect(use()).toEqual(before);
  });

  it('is as before after an abort, which reports the runs under way with their steps', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const finished: LockstepEvent[] = [];
    const runs = [runNumber(0), runNumber(1), runNumber(2)];
    for await (const event of trainLockstep(device, { ...shape, maxSteps: 1e9, runs, signal })) {
      if (event.type === 'window' && event.step >= 250) controller.abort();
      if (event.type === 'finish') finished.push(event);
    }
    expect(finished.map((event) => event.type === 'finish' && event.run)).toEqual([0, 1, 2]);
    for (const event of finished) {
      expect(event).toMatchObject({ reason: 'aborted', testAccuracy: Number.NaN });
      await expect((event as FinishEvent).weights()).rejects.toThrow(
        /run \d was aborted, and has no final weights/,
      );
      expect(event.type === 'finish' && event.steps).toBeGreaterThanOrEqual(250);
    }
    expect(use()).toEqual(before);
  });

  it('is as before after an abort in the middle of a chunk, and the device goes on without an error', async () => {
    const controller = new AbortController();
    const all = {
      ...shape,
      maxSteps: 1e9,
      logInterval: 1e5,
      runs: [runNumber(0)],
      signal: controller.signal,
    };
    // Chunks soon have 65,535 steps, the most there can be, and are waited for almost all the time.
    setTimeout(() => controller.abort(), 1000);
    const finished: LockstepEvent[] = [];
    for await (const event of trainLockstep(device, all)) if (event.type === 'finish') finished.push(event);
    expect(finished).toMatchObject([{ run: 0, reason: 'aborted' }]);
    await device.sync();
    expect(use()).toEqual(before);
  });

  it('is as before after an abort while a window closes: what ends the wait is no record', async () => {
    for (const ms of [20, 40, 60, 80, 100]) {
      const controller = new AbortController();
      // Every chunk closes a window.
      const all = {
        ...shape,
        maxSteps: 1e9,
        logInterval: 200,
        runs: [runNumber(0)],
        signal: controller.signal,
      };
      setTimeout(() => controller.abort(), ms);
      const finished: LockstepEvent[] = [];
      for await (const event of trainLockstep(device, all)) if (event.type === 'finish') finished.push(event);
      expect(finished).toMatchObject([{ run: 0, reason: 'aborted' }]);
      await device.sync();
      expect(use()).toEqual(before);
    }
  });

  it('is as before after an abort while the next run is still being made', async () => {
    const controller = new AbortController();
    async function* stuck() {
      yield runNumber(0);
      await new Promise(() => {});
    }
    const options = { ...shape, maxSteps: 5, runs: stuck(), signal: controller.signal };
    const reasons: string[] = [];
    for await (const event of trainLockstep(device, options)) {
      if (event.type !== 'finish') continue;
      reasons.push(event.reason);
      controller.abort();
    }
    expect(reasons).toEqual(['max-steps']);
    expect(use()).toEqual(before);
  });

  it('stays as it is where the signal had fired before', async () => {
    const { runs } = await outcomes(device, {
      ...shape,
      maxSteps: 5,
      runs: [runNumber(0)],
      signal: AbortSignal.abort(),
    });
    expect(runs).toEqual([]);
    expect(use()).toEqual(before);
  });

  it('is as before where the runs throw', async () => {
    async function* failing() {
      yield runNumber(0);
      throw new Error('no more data');
    }
    const options = { ...shape, maxSteps: 1e6, runs: failing() };
    await expect(outcomes(device, options)).rejects.toThrow('no more data');
    expect(use()).toEqual(before);
  });
});

describe('runs from an iterable whose data is ready', () => {
  /** As the evaluation hands its runs out: each behind promises that are kept already. */
  async function* ready(count: number) {
    for (let k = 0; k < count; k++) {
      await new Promise((resolve) => setImmediate(resolve));
      yield runNumber(k);
    }
  }

  it('train together, not one more with each chunk', async () => {
    const count = 30;
    const options = { runs: ready(count), ...shape, maxSteps: 100_000, expectedRuns: count };
    let chunks = 0;
    for await (const event of trainLockstep(device, options)) {
      if (event.type === 'progress') chunks++;
      if (event.type === 'progress' && event.running === count) break;
    }
    expect(chunks).toBeLessThan(count / 3);
  });
});
