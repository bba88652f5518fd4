// The fused network against the same network composed of linear, relu, sigmoid and bceLoss: sizes that tiles do not
// divide, bits and floats, views, saturated outputs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import {
  bceLoss,
  bceWithLogits,
  fusedMlp,
  fusedMlpBce,
  linear,
  mul,
  relu,
  sigmoid,
  slice,
  transpose,
} from '../../../src/autograd/ops/index.js';
import type { Device } from '../../../src/gpu/device.js';
import * as nn from '../../../src/nn/index.js';
import { Generator } from '../../../src/random/generator.js';
import { randint, randn, tensor, zeros } from '../../../src/tensor/create.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { EXACT, firstDifference, type Tolerance } from '../../tolerances.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Both compute in float32 and add up in different orders: sums of up to 600 terms of order 1. */
const TWO_ORDERS: Tolerance = { atol: 5e-6, rtol: 1e-4 };

type Network = [w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor];

const generator = new Generator(5);
const scaled = (shape: number[], scale: number) => {
  const t = mul(randn(shape, { generator }), scale).detach();
  t.requiresGrad = true;
  return t;
};
const network = (n: number, w: number): Network => [
  scaled([w, n], 1 / Math.sqrt(n)),
  scaled([w], 0.5),
  scaled([1, w], 1 / Math.sqrt(w)),
  scaled([1], 0.1),
];
const logits = (x: Tensor, [w1, b1, w2, b2]: Network) => linear(relu(linear(x, w1, b1)), w2, b2);

/** Random bits as floats [batch, n] and as words [batch, ceil(n / 32)]. */
async function bitsOf(batch: number, n: number): Promise<{ floats: Tensor; words: Tensor }> {
  const drawn = await randint(0, 2, [batch, n], { generator }).data();
  const perRow = Math.ceil(n / 32);
  const words = new Uint32Array(batch * perRow);
  drawn.forEach((bit, at) => {
    const [r, c] = [Math.floor(at / n), at % n];
    words[r * perRow + (c >>> 5)] |= bit << (c & 31);
  });
  return {
    floats: tensor(Float32Array.from(drawn), { shape: [batch, n] }),
    words: tensor(words, { shape: [batch, perRow] }),
  };
}

async function gradients(loss: Tensor, leaves: readonly Tensor[]): Promise<Float32Array[]> {
  loss.backward();
  const grads = await Promise.all(leaves.map(async ({ grad }) => (await grad!.data()) as Float32Array));
  for (const leaf of leaves) {
    leaf.grad?.dispose();
    leaf.grad = null;
  }
  return grads;
}

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>) =>
  expect(firstDifference(actual, expected, TWO_ORDERS)).toBeUndefined();

describe('the fused network is the composed one', () => {
  it.each([
    [1, 1, 1],
    [16, 32, 512],
    [128, 50, 512],
    [33, 63, 31],
    [64, 64, 65],
    [7, 100, 600],
  ])('batch %i, N %i, W %i', async (batch, n, w) => {
    const net = network(n, w);
    const { floats, words } = await bitsOf(batch, n);
    const y = tensor(Float32Array.from(await randint(0, 2, [batch], { generator }).data()), {
      shape: [batch, 1],
    });

    const composed = logits(floats, net);
    const expectedLogits = await composed.data();
    const expectedLoss = bceLoss(sigmoid(composed), y);
    const expected = await gradients(expectedLoss, net);
    for (const x of [floats, words]) {
      close(await fusedMlp(x, ...net).data(), expectedLogits);
      const loss = fusedMlpBce(x, y, ...net);
      const grads = await gradients(loss, net);
      close(await loss.data(), await expectedLoss.data());
      grads.forEach((grad, i) => {
        close(grad, expected[i]);
      });
      const byLogits = await gradients(bceWithLogits(fusedMlp(x, ...net), y), net);
      byLogits.forEach((grad, i) => {
        close(grad, expected[i]);
      });
    }
  });

  it('by the inputs too, with weights that are views', async () => {
    const x = scaled([40, 36], 1);
    const wide = scaled([36, 50], 0.2);
    const [, b1, w2, b2] = network(36, 48);
    const w1 = () => slice(transpose(wide), 0, 2);
    const leaves = [x, wide, b1, w2, b2];
    const y = tensor(new Float32Array(40).fill(1), { shape: [40, 1] });
    const expected = await gradients(bceLoss(sigmoid(logits(x, [w1(), b1, w2, b2])), y), leaves);
    const grads = await gradients(fusedMlpBce(x, y, w1(), b1, w2, b2), leaves);
    grads.forEach((grad, i) => {
      close(grad, expected[i]);
    });
  });

  it('where the output saturates, as PyTorch clamps it', async () => {
    const [w1, b1, w2] = network(4, 8);
    const y = tensor([[0], [1]]);
    for (const bias of [200, -200]) {
      const net: Network = [w1, b1, w2, tensor([bias], { requiresGrad: true })];
      const x = zeros([2, 4]);
      const fused = fusedMlpBce(x, y, ...net);
      const composed = bceLoss(sigmoid(logits(x, net)), y);
      expect(await fused.item()).toBe(await composed.item());
      expect(await fused.item()).toBe(50);
      const [a, b] = [await gradients(fused, net), await gradients(composed, net)];
      a.forEach((grad, i) => {
        expect(firstDifference(grad, b[i], EXACT)).toBeUndefined();
      });
    }
  });

  it('gives the same bits each time', async () => {
    const net = network(32, 512);
    const { words } = await bitsOf(128, 32);
    const y = tensor(new Float32Array(128).fill(1), { shape: [128, 1] });
    const [a, b] = [
      await gradients(fusedMlpBce(words, y, ...net), net),
      await gradients(fusedMlpBce(words, y, ...net), net),
    ];
    expect(b.map((list) => [...list])).toEqual(a.map((list) => [...list]));
  });

  it('refuses what does not fit, naming shapes', () => {
    const [w1, b1, w2, b2] = network(40, 8);
    expect(() => fusedMlp(zeros([3, 4]), w1, b1, w2, b2)).toThrow(
      /fusedMlp: got f32 \[3, 4\] and f32 \[8, 40\]/,
    );
    expect(() => fusedMlp(zeros([3, 1], { dtype: 'u32' }), w1, b1, w2, b2)).toThrow(/ceil\(N \/ 32\)/);
    expect(() => fusedMlpBce(zeros([3, 40]), zeros([4]), w1, b1, w2, b2)).toThrow(/targets \[batch, 1\]/);
  });
});

describe('nn.FusedMlp', () => {
  it('draws the weights of Linear, ReLU, Linear, and predicts the same', async () => {
    const fused = new nn.FusedMlp(5, 9, { generator: new Generator(1) });
    const source = new Generator(1);
    const composed = new nn.Sequential(
      new nn.Linear(5, 9, { generator: source }),
      new nn.ReLU(),
      new nn.Linear(9, 1, { generator: source }),
    );
    expect(Object.keys(fused.stateDict())).toEqual([
      'hidden.weight',
      'hidden.bias',
      'output.weight',
      'output.bias',
    ]);
    const x = randn([6, 5]);
    close(await fused.forward(x).data(), await composed.forward(x).data());
    const y = zeros([6, 1]);
    close(await fused.bceLoss(x, y).data(), await bceLoss(sigmoid(composed.forward(x)), y).data());
  });
});
