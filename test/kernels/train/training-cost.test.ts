// The training kernels' own figures against counts made by hand, for 2 features, 4 hidden units and 3 samples.
import { expect, it } from 'vitest';
import { batchedCosts, persistentCosts } from '../../../src/kernels/train/tiles-cost.js';
import { portableCosts, subgroupCosts } from '../../../src/kernels/train/training-cost.js';

const shape = { features: 2, hidden: 4, batch: 3 };

it('portable: each kernel of a step', () => {
  const costs = portableCosts(shape, { positions: 1, steps: 1, runSteps: 1 });
  expect(costs).toEqual({
    // 3 indices, rows and labels read; 3 rows and labels written
    'portable-gather': { bytes: 4 * (3 + 3 + 3 + 6), flops: 0 },
    // 12 pre-activations of 2 masked additions each; 8 weights, 4 biases and 3 rows read, 12 values written
    'portable-hidden': { bytes: 4 * (8 + 4 + 3 + 12), flops: 12 * 2 },
    // 12 times relu, product, sum, then 19 a sample; 12 values, 4 weights, a bias, 4 step sizes, 3 labels and 3 results,
    // and 4 sums of 3 samples read and written
    'portable-loss': { bytes: 4 * (12 + 4 + 1 + 4 + 3 + 3) + 4 * 24, flops: 3 * (4 * 3 + 19) },
    // a sample: 8 weights and 4 biases with a comparison and a sum each, 4 output weights with three, 1 bias with one;
    // then 12 products. 3 rows, 12 + 3 activations, 4 weights read; 17 gradients written
    'portable-gradients': { bytes: 4 * (3 + 15 + 4 + 17), flops: 3 * (8 * 2 + 4 * 2 + 4 * 3 + 1) + 12 },
    // 17 parameters: weight and two moments read and written, the gradient read
    'portable-adamw': { bytes: 4 * 17 * 7, flops: 17 * 14 },
    'portable-advance': { bytes: 8, flops: 0 },
  });
});

it('subgroup: four lanes, one subgroup', () => {
  const costs = subgroupCosts(
    { ...shape, lanes: 4, unitsPerSubgroup: 4, partials: 'workgroup' },
    { positions: 1, steps: 1, runSteps: 1 },
  );
  const tables = 4 * 4 * (1 + 1); // 4 units, 4 entries: 2 weights and the bias
  const logits = 4 * 3 * 4; // 4 units, 3 samples: relu, sign, product, sum
  const loss = 3 * (1 + 19); // 1 subgroup's part
  const sumOfGradients = 4 * (31 + 2); // 4 lanes: 32 blocks, then two steps of a butterfly
  const gradientTables = 4 * 4 * 16; // 4 words of 32 samples in 16 pairs, 4 entries
  const lookUps = 4 * 16 * (8 + 4); // 8 weights, 4 biases
  const dots = 4 * 4 * (1 + 2); // 4 units, 4 lanes: a product, two steps of a butterfly
  const products = 8 + 3 * 4;
  const adamw = 17 * 14;
  expect(costs['subgroup-train']).toEqual({
    // rows and labels in batch order, 4 words a feature, a step's sizes; state and sums read and written
    bytes: 4 * (3 + 3 + 4 * 2) + 16 + 2 * 3 * 4 * 17 + 2 * 4 * 12,
    flops: tables + logits + loss + sumOfGradients + gradientTables + lookUps + dots + products + adamw,
  });
  expect(costs['subgroup-gather']).toEqual({ bytes: 4 * (3 + 3 + 3) + 4 * (3 + 3 + 4 * 2), flops: 0 });
});

it('grows with the steps; state and sums move once a chunk', () => {
  const of = (runSteps: number) =>
    subgroupCosts(
      { ...shape, lanes: 4, unitsPerSubgroup: 4, partials: 'workgroup' },
      { positions: 2, steps: runSteps, runSteps },
    )['subgroup-train'];
  expect(of(6).flops).toBe(2 * of(3).flops!);
  expect(of(6).bytes - of(3).bytes).toBe(3 * (4 * (3 + 3 + 4 * 2) + 16));
});

const aChunk = { positions: 2, steps: 3, runSteps: 5 };
/** One step of one run, in the order of the kernel's parts; one block of units, one quad of features. */
const tiles = {
  // a product and a sum a weight and sample; bias, sign, relu, product for each unit and sample, their sum, and b2
  forward: 3 * (2 * 8 + 4 * 4 + 3 + 1),
  loss: 3 * 19,
  // G, S and the sum for b2; four units' w1 . G of two features; the products by w2; AdamW
  backward: 3 * (2 * 8 + 4 + 1) + 4 * (2 + 1) + 8 + 8 * 14,
  // b1: a product; w2: a product and a sum; the quad's sum; AdamW
  vectors: 4 * 3 + 4 + 9 * 14,
};

it('tiles-persistent: all of a step in one launch', () => {
  const costs = persistentCosts(shape, 8, aChunk);
  expect(costs).toEqual({
    'tiles-gather': { bytes: 5 * 4 * (3 + 3 + 3 + 6), flops: 0 },
    // rows, labels and sizes of each step; weights, moments and sums of each run
    'tiles-train': {
      bytes: 5 * (4 * (3 + 3) + 16) + 2 * (2 * 3 * 4 * 17 + 2 * 4 * 12),
      flops: 5 * (tiles.forward + tiles.loss + tiles.backward + tiles.vectors),
    },
  });
});

it('tiles-batched: forward, backward with the loss, and the vectors in it where a tile has all features', () => {
  const costs = batchedCosts(shape, 4, aChunk);
  expect(Object.keys(costs)).toEqual(['tiles-gather', 'tiles-forward', 'tiles-backward']);
  // weights, b2, rows; one quad of samples of a group of units, three parts of outputs
  expect(costs['tiles-forward']).toEqual({
    bytes: 5 * 4 * (8 + 8 + 1 + 3 + 1 + 3),
    flops: 5 * tiles.forward,
  });
  expect(costs['tiles-backward'].flops).toBe(5 * (tiles.loss + tiles.backward + tiles.vectors));
  const wide = batchedCosts({ ...shape, features: 100 }, 4, aChunk);
  expect(Object.keys(wide)).toContain('tiles-vectors');
  const [forward, backward] = [costs['tiles-forward'], costs['tiles-backward']];
  expect(batchedCosts(shape, 4, aChunk, true)['tiles-advance']).toEqual({
    bytes: forward.bytes! + backward.bytes!,
    flops: forward.flops! + backward.flops!,
  });
});
