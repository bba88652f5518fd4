// Losses and their gradients against PyTorch's, with probabilities of exactly 0 and 1 and logits that saturate.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import {
  bceLoss,
  bceWithLogits,
  crossEntropy,
  hinge,
  huber,
  type LossOptions,
  l1,
  mse,
  mul,
  nll,
  sigmoid,
  smoothL1,
  stack,
  sum,
  zerosLike,
} from '../../../src/autograd/ops/index.js';
import type { Device } from '../../../src/gpu/device.js';
import { clipGradNorm_ } from '../../../src/nn/clip.js';
import { tensor } from '../../../src/tensor/create.js';
import type { NestedArray } from '../../../src/tensor/strided-values.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { ARITHMETIC, firstDifference, type Tolerance } from '../../tolerances.js';

interface Recorded {
  name: string;
  reduction: 'mean' | 'sum' | 'none';
  prediction: NestedArray;
  target: NestedArray;
  loss: number[];
  gradient: number[];
}
const url = new URL('../../fixtures/torch/loss.json', import.meta.url);
const { cases, gradients, clips } = JSON.parse(readFileSync(url, 'utf8')) as {
  cases: Recorded[];
  gradients: NestedArray[];
  clips: { most: number; p: number | 'Infinity'; norm: number; gradients: number[][] }[];
};

/** Elementary functions of two libraries, in float32; gradients near saturation are differences of close numbers. */
const TWO_LIBRARIES: Tolerance = { atol: 2e-6, rtol: 5e-5 };

const losses: Record<string, (p: Tensor, y: Tensor, options: LossOptions) => Tensor> = {
  bceLoss,
  'bceLoss of sigmoid': (p, y, options) => bceLoss(sigmoid(p), y, options),
  bceWithLogits,
  mse,
  crossEntropy,
  l1,
  huber: (p, y, options) => huber(p, y, { ...options, delta: 1.5 }),
  smoothL1: (p, y, options) => smoothL1(p, y, { ...options, beta: 0.5 }),
  'smoothL1 of 0': (p, y, options) => smoothL1(p, y, { ...options, beta: 0 }),
  hinge,
  'bceWithLogits, positive 2.5': (p, y, options) => bceWithLogits(p, y, { ...options, posWeight: 2.5 }),
  'bceWithLogits, positive each': (p, y, options) =>
    bceWithLogits(p, y, { ...options, posWeight: tensor([3, 0.5, 1, 2, 0, 4, 1.5, 9, 3, 3, 0.1, 7]) }),
  'crossEntropy, smoothed': (p, y, options) => crossEntropy(p, y, { ...options, labelSmoothing: 0.1 }),
  'crossEntropy, smoothed, ignoring 1': (p, y, options) =>
    crossEntropy(p, y, { ...options, labelSmoothing: 0.3, ignoreIndex: 1 }),
  'crossEntropy, smoothed, ignoring -100': (p, y, options) =>
    crossEntropy(p, y, { ...options, labelSmoothing: 0.3 }),
  'crossEntropy of probabilities, smoothed': (p, y, options) =>
    crossEntropy(p, y, { ...options, labelSmoothing: 0.2 }),
  nll,
  'nll, ignoring 2': (p, y, options) => nll(p, y, { ...options, ignoreIndex: 2 }),
};

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

it.each(cases)('$name, $reduction', async ({ name, reduction, prediction, target, loss, gradient }) => {
  const p = tensor(prediction, { requiresGrad: true });
  const ofClasses = /^(crossEntropy(?! of probabilities)|nll)/.test(name);
  const y = tensor(target, { dtype: ofClasses ? 'i32' : 'f32' });
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

it.each(clips)(
  'gradients clipped to $most by the norm of order $p',
  async ({ most, p, norm, gradients: after }) => {
    const parameters = gradients.map((gradient) => {
      const grad = tensor(gradient);
      const parameter = zerosLike(grad);
      parameter.requiresGrad = true;
      parameter.grad = grad;
      return parameter;
    });
    const held = parameters.map(({ grad }) => grad);
    const without = tensor([1], { requiresGrad: true });
    const length = clipGradNorm_([...parameters, without], most, { normType: Number(p) });
    expect(firstDifference(await length.data(), [norm], ARITHMETIC)).toBeUndefined();
    for (const [i, { grad }] of parameters.entries()) {
      expect(grad).toBe(held[i]);
      expect(firstDifference((await grad?.data()) ?? [], after[i], ARITHMETIC)).toBeUndefined();
    }
  },
);

it.each(clips)(
  'stacked models, each clipped to $most by its own norm of order $p',
  async ({ most, p, norm, gradients: after }) => {
    // The second model has a tenth of the first one's gradients: below a norm of 1 in some cases.
    const parameters = gradients.map((gradient) => {
      const one = tensor(gradient);
      const parameter = stack([zerosLike(one), zerosLike(one)]);
      parameter.requiresGrad = true;
      parameter.grad = stack([one, mul(one, 0.1)]);
      return parameter;
    });
    const lengths = clipGradNorm_(parameters, most, { normType: Number(p), byModel: true });
    expect(firstDifference(await lengths.data(), [norm, norm / 10], TWO_LIBRARIES)).toBeUndefined();
    const share = Math.min(1, most / (norm / 10 + 1e-6)) / 10;
    for (const [i, { grad }] of parameters.entries()) {
      const whole = tensor(gradients[i]);
      const want = [...after[i], ...(await mul(whole, share).data())];
      expect(firstDifference((await grad?.data()) ?? [], want, TWO_LIBRARIES)).toBeUndefined();
    }
  },
);

it('by model, all gradients have an axis over the models', () => {
  const parameters = [tensor([1, 2], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
  for (const parameter of parameters) parameter.grad = zerosLike(parameter);
  expect(() => clipGradNorm_(parameters, 1, { byModel: true })).toThrow(/one is \[1\]/);
});

it('up to an infinite norm nothing is clipped', async () => {
  const parameter = tensor([1, 2], { requiresGrad: true });
  for (const gradient of [
    [3, -4],
    [0, 0],
  ]) {
    parameter.grad = tensor(gradient);
    expect(await clipGradNorm_(parameter, Infinity).item()).toBe(Math.hypot(...gradient));
    expect(await parameter.grad.toArray()).toEqual(gradient);
  }
  for (const wrong of [-1, -Infinity, Number.NaN]) {
    expect(() => clipGradNorm_(parameter, wrong)).toThrow(/clipGradNorm_: maxNorm is/);
  }
});

it('without gradients there is nothing to clip', async () => {
  expect(await clipGradNorm_(tensor([1], { requiresGrad: true }), 1).item()).toBe(0);
});

it('targets, weights and settings that do not fit are refused', () => {
  const z = tensor([[1, 2]], { requiresGrad: true });
  const y = tensor([1], { dtype: 'i32' });
  expect(() => nll(z, tensor([[1, 0]]))).toThrow(/nll: got f32 \[1, 2\] and f32 \[1, 2\]; log-probabilities/);
  expect(() => crossEntropy(z, y, { labelSmoothing: 2 })).toThrow(/labelSmoothing is the number 2/);
  expect(() => huber(z, z, { delta: 0 })).toThrow(/huber: delta is the number 0/);
  expect(() => bceWithLogits(z, z, { posWeight: z })).toThrow(/posWeight requires no gradient/);
  expect(() => bceWithLogits(z, z, { posWeight: tensor([1, 2, 3]) })).toThrow(/do not broadcast/);
});
