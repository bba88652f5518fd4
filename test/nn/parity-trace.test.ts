// The parity MLP written with the library's own parts follows PyTorch's 12 traces, as the bench's trainer does.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import {
  bceLoss,
  cast,
  concat,
  eq,
  ge,
  indexSelect,
  mean,
  reshape,
  slice,
} from '../../src/autograd/ops/index.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { Generator } from '../../src/random/generator.js';
import type { BinaryDataset } from '../../src/tensor/bits.js';
import { randperm, tensor } from '../../src/tensor/create.js';
import { scope } from '../../src/tensor/scope.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { readFixture, runOfTrace, type Trace, type TracedRun } from '../lockstep/outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Relative error of a step's loss, in the first 25 steps, 100 steps, and all: rounding, which training magnifies. */
const LOSS_TOLERANCE = [
  { untilStep: 25, relative: 1e-5 },
  { untilStep: 100, relative: 1e-3 },
  { untilStep: 200, relative: 2e-2 },
];
/** PyTorch's accuracies are equal while rounding has changed no prediction. */
const STEPS_WITH_ACCURACY = 25;
const BATCH = 128;
const HIDDEN = 512;
const STRATEGIES = ['feature-isolation', 'feature-isolation-wd1', 'exhaustive-coverage', 'multi-epoch'];

/** The examples as float matrices [rows, n] and [rows, 1]. */
function examples({ x, y }: BinaryDataset): [Tensor, Tensor] {
  const { rows, cols } = x;
  const bits = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) bits[r * cols + c] = x.get(r, c);
  const labels = Float32Array.from({ length: rows }, (_, r) => y.get(r));
  return [tensor(bits, { shape: [rows, cols] }), tensor(labels, { shape: [rows, 1] })];
}

/** Batches of a shuffled epoch after another, as PyTorch's DataLoader has them. */
function* batches(rows: number, seed: number) {
  const generator = new Generator(seed);
  for (;;) {
    using order = randperm(rows, { generator });
    for (let at = 0; at < rows; at += BATCH) yield slice(order, 0, at, at + BATCH);
  }
}

/** Loss of each step and accuracy of the first ones, read once at the end. */
async function train({ dataset, weights, orderSeed, optimizer: settings }: TracedRun, steps: number) {
  const [x, y] = examples(dataset);
  const n = x.shape[1];
  const model = new nn.Sequential(
    new nn.Linear(n, HIDDEN),
    new nn.ReLU(),
    new nn.Linear(HIDDEN, 1),
    new nn.Sigmoid(),
  );
  model.loadStateDict({
    '0.weight': tensor(weights.w1, { shape: [HIDDEN, n] }),
    '0.bias': tensor(weights.b1),
    '2.weight': tensor(weights.w2, { shape: [1, HIDDEN] }),
    '2.bias': tensor(weights.b2),
  });
  const optimizer = new optim.AdamW(model.parameters(), settings);
  const losses: Tensor[] = [];
  const accuracies: Tensor[] = [];
  for (const batch of batches(dataset.x.rows, orderSeed)) {
    optimizer.zeroGrad();
    const { loss, accuracy } = scope(() => {
      const target = indexSelect(y, 0, batch);
      const p = model.forward(indexSelect(x, 0, batch));
      const correct = () => mean(cast(eq(ge(p, 0.5), ge(target, 0.5)), 'f32'));
      const accuracy = losses.length < STEPS_WITH_ACCURACY ? [correct()] : [];
      return { loss: bceLoss(p, target), accuracy };
    });
    loss.backward();
    optimizer.step();
    batch.dispose();
    losses.push(loss);
    accuracies.push(...accuracy);
    if (losses.length === steps) break;
  }
  const read = (scalars: Tensor[]) => scope(() => concat(scalars.map((each) => reshape(each, [1])))).data();
  return { losses: await read(losses), accuracies: await read(accuracies) };
}

/** The kernels differ in the number of features, which matters from the first step on; errors grow as in the narrowest. */
const LENGTHS = [
  [32, 200],
  [50, 50],
  [64, 50],
] as const;

describe('the parity MLP of nn and AdamW follows PyTorch’s trace', () => {
  it.each(STRATEGIES.flatMap((name) => LENGTHS.map(([n, length]) => [name, n, length] as const)))(
    '%s, n%i, for %i steps',
    async (name, n, length) => {
      const trace = readFixture<Trace>(`trace.${name}.n${n}`);
      expect(trace.steps).toHaveLength(200);
      const steps = trace.steps.slice(0, length);
      const { losses, accuracies } = await train(runOfTrace(trace, n), length);
      steps.forEach(([loss, accuracy], i) => {
        const { relative } = LOSS_TOLERANCE.find(({ untilStep }) => i < untilStep)!;
        expect(Math.abs(losses[i] - loss), `loss of step ${i + 1}`).toBeLessThanOrEqual(relative * loss);
        if (i < STEPS_WITH_ACCURACY) expect(accuracies[i], `accuracy of step ${i + 1}`).toBe(accuracy);
      });
    },
  );
});
