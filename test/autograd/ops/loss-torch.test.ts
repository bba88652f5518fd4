// Losses and their gradients against PyTorch's, with probabilities of exactly 0 and 1 and logits that saturate.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  bceLoss,
  bceWithLogits,
  crossEntropy,
  type LossOptions,
  mse,
  sigmoid,
  sum,
} from '../../../src/autograd/ops/index.js';
import type { Device } from '../../../src/gpu/device.js';
import { openDevice } from '../../../src/gpu/open.js';
import { tensor } from '../../../src/tensor/create.js';
import type { NestedArray } from '../../../src/tensor/strided-values.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { firstDifference, type Tolerance } from '../../tolerances.js';

interface Recorded {
  name: string;
  reduction: 'mean' | 'sum' | 'none';
  prediction: NestedArray;
  target: number[];
  loss: number[];
  gradient: number[];
}
const url = new URL('../../fixtures/torch/loss.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(url, 'utf8')) as { cases: Recorded[] };

/** Elementary functions of two libraries, in float32; gradients near saturation are differences of close numbers. */
const TWO_LIBRARIES: Tolerance = { atol: 2e-6, rtol: 5e-5 };

const losses: Record<string, (p: Tensor, y: Tensor, options: LossOptions) => Tensor> = {
  bceLoss,
  'bceLoss of sigmoid': (p, y, options) => bceLoss(sigmoid(p), y, options),
  bceWithLogits,
  mse,
  crossEntropy,
};

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

it.each(cases)('$name, $reduction', async ({ name, reduction, prediction, target, loss, gradient }) => {
  const p = tensor(prediction, { requiresGrad: true });
  const y = tensor(target, { dtype: name === 'crossEntropy' ? 'i32' : 'f32' });
  const result = losses[name](p, y, { reduction });
  expect(firstDifference(await result.data(), loss, TWO_LIBRARIES)).toBeUndefined();
  (reduction === 'none' ? sum(result) : result).backward();
  expect(firstDifference((await p.grad?.data()) ?? [], gradient, TWO_LIBRARIES)).toBeUndefined();
});

it('an unknown reduction is refused', () => {
  const p = tensor([0.5]);
  expect(() => bceLoss(p, p, { reduction: 'median' as never })).toThrow(
    /bceLoss: the reduction is the text "median"/,
  );
  expect(() => mse(p, tensor([[0.5]]))).toThrow(/same shape/);
  expect(() => crossEntropy(tensor([[1, 2]]), tensor([0.5]))).toThrow(
    /crossEntropy: got f32 \[1, 2\] and f32 \[1\]/,
  );
});
