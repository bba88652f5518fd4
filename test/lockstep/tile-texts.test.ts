// The batched kernel has tiles of two sizes, and other text for GPUs than for CPU drivers: all give the same bits. That a run has
// them whoever else trains and in any chunking, same-bits.test.ts says.
import '../quick-to-compile.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { bitsOf, outcomes, randomDataset, randomWeights } from './outcomes.js';

/** Two tiles of 128 units and samples: many enough for large ones where 128 runs are expected, not where 1 is. */
const SHAPE = { features: 16, hidden: 200 };
const [LARGE, SMALL] = [128, 1];

async function trained(
  on: Device,
  { features, hidden }: typeof SHAPE,
  expectedRuns: number,
): Promise<unknown> {
  const run = {
    weights: randomWeights(features, hidden, 7),
    dataset: randomDataset(300, features, 1),
    testSet: randomDataset(500, features, 4),
    orderSeed: 200,
    optimizer: { lr: 0.002, weightDecay: 0, betas: [0.9, 0.99] as const },
  };
  const options = { features, hidden, maxSteps: 5, logInterval: 1, keepWeights: true };
  const { runs } = await outcomes(on, { ...options, kernel: 'tiles-batched', runs: [run], expectedRuns });
  return bitsOf(runs[0]);
}

/** Trains with the text that GPUs are given. Returns also which kernels those are. */
async function trainedAsOnGpu(...how: [shape: typeof SHAPE, expectedRuns: number]) {
  const gpu = await openDevice();
  Object.assign(gpu.info, { isCpu: false });
  const bits = await trained(gpu, ...how);
  const labels = gpu.pipelines.map(({ label }) => label).filter((label) => label.startsWith('tiles-'));
  gpu.destroy();
  return { bits, labels };
}

let device: Device;
let large: unknown;
beforeAll(async () => {
  device = await openDevice();
  large = await trained(device, SHAPE, LARGE);
});
afterAll(() => device.destroy());

it('gives the same bits in small and in large tiles', async () => {
  expect(await trained(device, SHAPE, SMALL)).toEqual(large);
});

it('gives the same bits in the text that GPUs are given, with its loops written out', async () => {
  const { bits, labels } = await trainedAsOnGpu(SHAPE, LARGE);
  expect(labels).not.toContain('tiles-advance');
  expect(bits).toEqual(large);
});

it.each([SHAPE, { features: 61, hidden: 70 }, { features: 3, hidden: 129 }])(
  'gives the same bits with a launch for the end of a step and the beginning of the next: $features -> $hidden',
  async (shape) => {
    const { bits, labels } = await trainedAsOnGpu(shape, SMALL);
    expect(labels).toEqual(['tiles-gather', 'tiles-advance']);
    expect(bits).toEqual(shape === SHAPE ? large : await trained(device, shape, SMALL));
  },
);
