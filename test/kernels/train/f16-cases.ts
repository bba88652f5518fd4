/**
 * What the kernel `tiles-f16` has to do on any device, its matrices emulated or in matrix units: the float64 oracle, PyTorch's trace,
 * the same bits in company, and sums of extreme weights and gradients.
 */
import { expect, it } from 'vitest';
import type { Device } from '../../../src/gpu/device.js';
import type { LockstepRun } from '../../../src/lockstep/types.js';
import { BitMatrix, BitVector } from '../../../src/tensor/bits.js';
import {
  bitsOf,
  outcomes,
  randomDataset,
  randomWeights,
  readFixture,
  runOfTrace,
  type Trace,
} from '../../lockstep/outcomes.js';
import { trainReference } from './reference.js';

/** As in oracle.test.ts: a window's loss, relative; weights after some steps, as a root mean square. */
const [LOSS_TOLERANCE, WEIGHTS_TOLERANCE] = [1e-5, 1e-4];
/** The loss of three sums of a few weights, relative: matrix units may cut sums off where others round. Without the last part it is 1e-4. */
const SUM_TOLERANCE = 2e-6;

/** The tests, to be called in a `describe`. */
export function f16Cases(device: Device): void {
  const kernel = 'tiles-f16';
  function runOf(features: number, hidden: number, rows: number, seed: number): LockstepRun {
    return {
      weights: randomWeights(features, hidden, seed),
      dataset: randomDataset(rows, features, seed + 1),
      testSet: randomDataset(100, features, seed + 2),
      orderSeed: seed + 3,
      optimizer: { lr: 0.01, weightDecay: 0.1, betas: [0.9, 0.99] },
    };
  }

  it.each([
    ['one feature, one unit, batches of one', 1, 1, 1, 5],
    ['several stages and tiles of units, odd sizes', 35, 98, 100, 230],
    ['two tiles of features, batches above what a workgroup has', 70, 40, 260, 530],
  ])('%s', async (_, features, hidden, batchSize, rows) => {
    const run = runOf(features, hidden, rows, 17);
    const options = { features, hidden, batchSize, maxSteps: 4, logInterval: 1 };
    const expected = trainReference(run, options);
    const { runs, plans } = await outcomes(device, { ...options, runs: [run], kernel, keepWeights: true });
    expect(plans[0]).toMatchObject({
      kernel,
      note: expect.stringMatching(/^no GPU has run this kernel yet/),
    });
    const { windows, finish } = runs[0];
    for (const [i, { loss, accuracy }] of expected.windows.entries()) {
      expect(Math.abs(windows[i].loss - loss) / loss).toBeLessThanOrEqual(LOSS_TOLERANCE);
      expect(windows[i].accuracy).toBeCloseTo(accuracy, 12);
    }
    for (const name of ['w1', 'b1', 'w2', 'b2'] as const) {
      const errors = expected.weights[name].map((w, i) => finish!.weights![name][i] - w);
      expect(Math.hypot(...errors) / Math.sqrt(errors.length), name).toBeLessThanOrEqual(WEIGHTS_TOLERANCE);
    }
  });

  it("follows PyTorch's trace", async () => {
    const trace = readFixture<Trace>('trace.multi-epoch.n32');
    const options = { features: 32, maxSteps: 10, logInterval: 1, kernel } as const;
    const { runs } = await outcomes(device, { ...options, runs: [runOfTrace(trace, 32)] });
    for (const [i, { loss, accuracy }] of runs[0].windows.entries()) {
      const [expected, right] = trace.steps[i];
      expect(Math.abs(loss - expected) / expected, `step ${i + 1}`).toBeLessThanOrEqual(LOSS_TOLERANCE);
      expect(Math.fround(accuracy)).toBe(right);
    }
  });

  it('gives the same bits alone and among others', async () => {
    const options = {
      features: 20,
      hidden: 70,
      batchSize: 30,
      maxSteps: 7,
      logInterval: 3,
      keepWeights: true,
    };
    const list = [1, 2, 3].map((seed) => runOf(20, 70, 100, 10 * seed));
    const together = await outcomes(device, { ...options, runs: list, kernel });
    const alone = await outcomes(device, { ...options, runs: [list[1]], kernel });
    expect(bitsOf(together.runs[1])).toEqual(bitsOf(alone.runs[0]));
  });

  /** One step on all rows, which hold bit i in row i, from given weights. */
  async function firstStep(
    rows: readonly (readonly number[])[],
    labels: readonly number[],
    weights: LockstepRun['weights'],
    lr: number,
  ) {
    const features = rows[0].length;
    const x = new BitMatrix(rows.length, features);
    const y = new BitVector(rows.length);
    rows.forEach((row, r) => {
      row.forEach((bit, i) => {
        if (bit === 1) x.set(r, i, 1);
      });
      y.set(r, labels[r] as 0 | 1);
    });
    // With eps this large a first step is lr / eps times the gradient.
    const run = {
      weights,
      dataset: { x, y },
      orderSeed: 1,
      optimizer: { lr, eps: 1e10, weightDecay: 0, betas: [0, 0] as const },
    };
    const options = {
      features,
      hidden: weights.b1.length,
      batchSize: rows.length,
      maxSteps: 1,
      logInterval: 1,
    };
    const expected = trainReference(run as never, options);
    const { runs } = await outcomes(device, { ...options, runs: [run], kernel, keepWeights: true });
    return { expected, is: runs[0] };
  }

  it.each([2 ** -90, 2 ** -30, 1, 2 ** 30, 2 ** 90])(
    'sums weights of size %f beside one 2^26 times as large',
    async (size) => {
      // The large one is on a feature of the last row, whose label it fits: that row has no loss.
      const w1 = Float32Array.of(0.7, 0.1, 0.013, 2 ** 26, 0.3, 0.2, 0.9, 1.1).map((w) => w * size);
      const w2 = Float32Array.of(1 / size, 1 / size);
      const weights = { w1, b1: new Float32Array(2), w2, b2: new Float32Array(1) };
      for (const row of [
        [1, 0, 0, 0],
        [0, 1, 1, 0],
        [1, 1, 1, 0],
      ]) {
        const { expected, is } = await firstStep([row, [1, 1, 1, 1]], [0, 1], weights, 1);
        const { loss } = expected.windows[0];
        expect(Math.abs(is.windows[0].loss - loss) / loss).toBeLessThanOrEqual(SUM_TOLERANCE);
      }
    },
  );

  it('sums gradients 5e8 times as small as the largest', async () => {
    // All samples have z2 = -20: with label 0 the gradient is 2e-9, with label 1 it is -1.
    const rows = [
      [1, 1, 0],
      [0, 1, 0],
      [1, 0, 1],
    ];
    const weights = {
      w1: new Float32Array(6),
      b1: Float32Array.of(1, 2),
      w2: Float32Array.of(-4, -8),
      b2: new Float32Array(1),
    };
    const { expected, is } = await firstStep(rows, [0, 0, 1], weights, 1e10);
    expected.weights.w1.forEach((w, i) => {
      expect(Math.abs(is.finish!.weights!.w1[i] - w) / Math.abs(w), `weight ${i}`).toBeLessThanOrEqual(1e-5);
    });
  });
}
