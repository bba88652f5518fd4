// The parity MLP written with the library's own parts follows PyTorch's traces, as the bench's trainer does.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bceLoss, cast, eq, ge, indexSelect, mean } from '../../src/autograd/ops/index.js';
import { prepareOptimizer, prepareRun, prepareSecret } from '../../src/bench/prepare.js';
import { sampleSecrets } from '../../src/bench/secrets.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import { makeTask } from '../../src/bench/task.js';
import type { Device } from '../../src/gpu/device.js';
import { openDevice } from '../../src/gpu/open.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { Generator } from '../../src/random/generator.js';
import { tensor } from '../../src/tensor/create.js';
import { scope } from '../../src/tensor/scope.js';

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
const BATCH = 128;

function prepared(name: string, n: number) {
  const url = new URL(`../fixtures/torch/trace.${name}.n${n}.json`, import.meta.url);
  const trace = JSON.parse(readFileSync(url, 'utf8'));
  const strategy = strategyNamed(name);
  const task = makeTask(`n${n}-k8`);
  const secrets = sampleSecrets(task, trace.seed);
  const s = secrets.findIndex((secret) => secret.join() === trace.secret.join());
  const { dataset } = prepareSecret(strategy, task, trace.seed, s, secrets[s]);
  const run = prepareRun(strategy, task, trace.seed, s, trace.order);
  return {
    steps: trace.steps as [number, number][],
    dataset,
    ...run,
    settings: prepareOptimizer(strategy, task),
  };
}

describe('the parity MLP of nn and AdamW', () => {
  it.each([
    ['feature-isolation', 32],
    ['multi-epoch', 50],
  ])('%s, n%i: follows the trace for 200 steps', async (name, n) => {
    const { steps, dataset, weights, orderSeed, settings } = prepared(name, n);
    const { rows } = dataset.x;
    const bits = new Float32Array(rows * n);
    for (let r = 0; r < rows; r++) for (let c = 0; c < n; c++) bits[r * n + c] = dataset.x.get(r, c);
    const x = tensor(bits, { shape: [rows, n] });
    const y = tensor(
      Float32Array.from({ length: rows }, (_, r) => (dataset.y[r >>> 5] >>> (r & 31)) & 1),
      { shape: [rows, 1] },
    );

    const model = new nn.Sequential(
      new nn.Linear(n, 512),
      new nn.ReLU(),
      new nn.Linear(512, 1),
      new nn.Sigmoid(),
    );
    model.loadStateDict({
      '0.weight': tensor(weights.w1, { shape: [512, n] }),
      '0.bias': tensor(weights.b1),
      '2.weight': tensor(weights.w2, { shape: [1, 512] }),
      '2.bias': tensor(weights.b2),
    });
    const { lr, weightDecay, beta1, beta2 } = settings;
    const optimizer = new optim.AdamW(model.parameters(), { lr, weightDecay, betas: [beta1, beta2] });
    const generator = new Generator(orderSeed);
    let order = generator.randperm(rows);
    let at = 0;
    for (const [i, [loss, accuracy]] of steps.entries()) {
      if (at >= rows) {
        order = generator.randperm(rows);
        at = 0;
      }
      const picked = Int32Array.from(order.subarray(at, at + BATCH));
      at += BATCH;
      optimizer.zeroGrad();
      const measured = scope(() => {
        const rowsOfBatch = tensor(picked);
        const target = indexSelect(y, 0, rowsOfBatch);
        const p = model.forward(indexSelect(x, 0, rowsOfBatch));
        const correct = mean(cast(eq(ge(p, 0.5), ge(target, 0.5)), 'f32'));
        const total = bceLoss(p, target);
        total.backward();
        return { total, correct };
      });
      optimizer.step();
      const { relative } = LOSS_TOLERANCE.find(({ untilStep }) => i < untilStep)!;
      const got = await measured.total.item();
      expect(Math.abs(got - loss), `loss of step ${i + 1}`).toBeLessThanOrEqual(relative * loss);
      if (i < 25) expect(await measured.correct.item(), `accuracy of step ${i + 1}`).toBe(accuracy);
    }
  });
});
