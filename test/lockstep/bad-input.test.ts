// Options and runs that the trainer refuses: with the name and the value, and before anything is allocated.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { openDevice } from '../../src/gpu/open.js';
import type { LockstepOptions, LockstepRun } from '../../src/lockstep/types.js';
import { LockstepError } from '../../src/platform/errors.js';
import { outcomes, randomDataset, randomWeights } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const run: LockstepRun = {
  weights: randomWeights(8, 32, 1),
  dataset: randomDataset(50, 8, 2),
  testSet: randomDataset(50, 8, 3),
  orderSeed: 1,
  optimizer: { lr: 0.01, weightDecay: 0, beta1: 0.9, beta2: 0.99 },
};
const stop = { minSteps: 1, accuracy: 0.9, windows: 1 };
const optimizer = (change: Partial<LockstepRun['optimizer']>) => ({
  optimizer: { ...run.optimizer, ...change },
});

async function expectRefused(options: Partial<LockstepOptions>, message: string, code = 'bad-input') {
  const before = device.memory();
  const all = { runs: [run], features: 8, hidden: 32, maxSteps: 3, ...options };
  const error = await outcomes(device, all).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LockstepError);
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(device.memory()).toEqual(before);
}

describe('options that are refused', () => {
  it.each<[string, Partial<LockstepOptions>]>([
    ['features is 0; it must be a whole number from 1 to 1024', { features: 0 }],
    ['features is 1025', { features: 1025 }],
    ['hidden is 2.5', { hidden: 2.5 }],
    ['batchSize is 2000; it must be a whole number from 1 to 1024', { batchSize: 2000 }],
    ['maxSteps is NaN', { maxSteps: Number.NaN }],
    ['logInterval is 0', { logInterval: 0 }],
    ['expectedRuns is 0', { expectedRuns: 0 }],
    ['stop.windows is 0', { stop: { ...stop, windows: 0 } }],
    ['stop.accuracy is NaN', { stop: { ...stop, accuracy: Number.NaN } }],
    ['stop.minSteps is Infinity', { stop: { ...stop, minSteps: Infinity } }],
    ['close windows more often', { stop, logInterval: 200_000, batchSize: 128 }],
    [
      'There is no kernel "quick"; there are auto, subgroup, tiles-persistent, tiles-batched, portable',
      { kernel: 'quick' as 'auto' },
    ],
  ])('%s', (message, options) => expectRefused(options, message));

  it.each<[string, Partial<LockstepOptions>]>([
    ['batches have at most 128 examples; asked for 200. The portable kernel can.', { batchSize: 200 }],
    ['do not divide over subgroups', { hidden: 3, runs: [{ ...run, weights: randomWeights(8, 3, 1) }] }],
  ])('the subgroup kernel by name where it cannot run: %s', (message, options) =>
    expectRefused({ ...options, kernel: 'subgroup' }, message, 'unsupported'),
  );
});

describe('runs that are refused, though others before them are good', () => {
  const { weights, dataset } = run;
  it.each<[string, Partial<LockstepRun>]>([
    ['weights.w1 has 9 elements; 32 x 8 needs 256', { weights: { ...weights, w1: new Float32Array(9) } }],
    ['weights.b2 holds NaN', { weights: { ...weights, b2: Float32Array.of(Number.NaN) } }],
    ['dataset.x has 9 columns; features is 8', { dataset: randomDataset(50, 9, 2) }],
    ['testSet.x has no rows', { testSet: randomDataset(0, 8, 2) }],
    ['dataset.y has 1 words for 50 labels', { dataset: { ...dataset, y: new Uint32Array(1) } }],
    ['orderSeed is 0.5', { orderSeed: 0.5 }],
    ['optimizer.lr is 0', optimizer({ lr: 0 })],
    ['optimizer.lr is Infinity', optimizer({ lr: Infinity })],
    ['optimizer.weightDecay is -1', optimizer({ weightDecay: -1 })],
    ['optimizer.beta1 is 1; it must be in [0, 1)', optimizer({ beta1: 1 })],
    ['optimizer.beta2 is NaN', optimizer({ beta2: Number.NaN })],
    ['optimizer.eps is 0', optimizer({ eps: 0 })],
  ])('%s', (message, change) =>
    expectRefused({ runs: [run, { ...run, ...change }] }, `trainLockstep: run 1: ${message}`),
  );
});
