// The batched kernel has tiles of two sizes, and other text for GPUs than for CPU drivers: all give the same bits. That a run has
// them whoever else trains and in any chunking, same-bits.test.ts says.
import '../quick-to-compile.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { bitsOf, outcomes, randomDataset, randomWeights } from './outcomes.js';

/** Two tiles of 128 units and samples: many enough for large ones where 128 runs are expected, not where 1 is. */
const HIDDEN = 200;
const FEATURES = 16;
const [LARGE, SMALL] = [128, 1];
const run = {
  weights: randomWeights(FEATURES, HIDDEN, 7),
  dataset: randomDataset(300, FEATURES, 1),
  testSet: randomDataset(500, FEATURES, 4),
  orderSeed: 200,
  optimizer: { lr: 0.002, weightDecay: 0, betas: [0.9, 0.99] as const },
};

async function trained(on: Device, expectedRuns: number): Promise<unknown> {
  const shape = { features: FEATURES, hidden: HIDDEN, maxSteps: 5, logInterval: 1, keepWeights: true };
  const { runs } = await outcomes(on, { ...shape, kernel: 'tiles-batched', runs: [run], expectedRuns });
  return bitsOf(runs[0]);
}

let device: Device;
let large: unknown;
beforeAll(async () => {
  device = await openDevice();
  large = await trained(device, LARGE);
});
afterAll(() => device.destroy());

it('gives the same bits in small and in large tiles', async () => {
  expect(await trained(device, SMALL)).toEqual(large);
});

it.each([
  ['its loops written out', LARGE],
  ['both halves of a step in one kernel', SMALL],
])('gives the same bits in the text that GPUs are given, with %s', async (_, expectedRuns) => {
  const gpu = await openDevice();
  Object.assign(gpu.info, { isCpu: false });
  const there = await trained(gpu, expectedRuns);
  expect(gpu.pipelines.some(({ label }) => label === 'tiles-half')).toBe(expectedRuns === SMALL);
  gpu.destroy();
  expect(there).toEqual(large);
});
