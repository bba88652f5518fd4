// Layers against PyTorch's (test/fixtures/torch/layers.json, made by layers_reference.py beside it), training and use, and
// batches of examples.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { add, mul, relu, sum } from '../../src/autograd/ops/index.js';
import { noGrad } from '../../src/autograd/record.js';
import type { Device } from '../../src/gpu/device.js';
import { shuffledBatches } from '../../src/nn/batches.js';
import * as nn from '../../src/nn/index.js';
import { Generator } from '../../src/random/generator.js';
import { arange, manualSeed, ones, tensor } from '../../src/tensor/create.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { firstDifference, type Tolerance, TRANSCENDENTAL } from '../tolerances.js';

const url = new URL('../fixtures/torch/layers.json', import.meta.url);
const fixture = JSON.parse(readFileSync(url, 'utf8')) as {
  ids: number[][];
  weights: Record<string, number[]>;
  trained: number[];
  used: number[];
  gradients: Record<string, number[]>;
  dropped: number[][];
  orders: number[][];
};

/** Normals are within 2e-6 of PyTorch's, and two normalizations divide by small spreads. */
const SEVERAL_LAYERS: Tolerance = { atol: 1e-5, rtol: 1e-4 };

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

class Net extends nn.Module {
  embedding: nn.Embedding;
  norm = new nn.LayerNorm([3, 4]);
  first: nn.Linear;
  second: nn.Linear;
  last = new nn.LayerNorm(5, { eps: 0.1 });
  inner: nn.Sequential;

  constructor(generator: Generator, dropout: Generator) {
    super();
    this.embedding = new nn.Embedding(7, 4, { generator });
    this.first = new nn.Linear(12, 6, { generator });
    this.second = new nn.Linear(6, 5, { generator });
    this.inner = new nn.Sequential(
      this.norm,
      new nn.Flatten(),
      this.first,
      new nn.GELU(),
      new nn.Dropout({ p: 0.25, generator: dropout }),
      this.second,
      new nn.SiLU(),
      new nn.LeakyReLU({ negativeSlope: 0.2 }),
      this.last,
      new nn.Softmax(),
    );
  }

  override forward(ids: Tensor): Tensor {
    return this.inner(this.embedding(ids));
  }
}

it('a network of layers draws, computes, and is trained as PyTorch has it', async () => {
  const net = new Net(new Generator(11), new Generator(12));
  noGrad(() => {
    net.loadStateDict({
      ...net.stateDict(),
      'norm.weight': tensor(fixture.weights['norm.weight'], { shape: [3, 4] }),
      'norm.bias': tensor(fixture.weights['norm.bias'], { shape: [3, 4] }),
    });
  });
  for (const [name, parameter] of net.namedParameters()) {
    expect(firstDifference(await parameter.data(), fixture.weights[name], TRANSCENDENTAL)).toBeUndefined();
  }
  const ids = tensor(fixture.ids, { dtype: 'i32' });
  const trained = net(ids);
  expect(firstDifference(await trained.data(), fixture.trained, SEVERAL_LAYERS)).toBeUndefined();
  const factors = tensor(
    Array.from({ length: 20 }, (_, i) => Math.cos(i)),
    { shape: [4, 5] },
  );
  sum(mul(trained, factors)).backward();
  for (const [name, { grad }] of net.namedParameters()) {
    expect(
      firstDifference((await grad?.data()) ?? [], fixture.gradients[name], SEVERAL_LAYERS),
    ).toBeUndefined();
  }
  net.eval();
  for (const _ of [1, 2]) {
    expect(firstDifference(await net(ids).data(), fixture.used, SEVERAL_LAYERS)).toBeUndefined();
  }
});

describe('Dropout', () => {
  it('drops the places that PyTorch drops', async () => {
    manualSeed(13);
    for (const [i, p] of [0.1, 0.5, 1, 0].entries()) {
      const dropped = new nn.Dropout({ p })(ones([40]));
      expect([...(await dropped.data())]).toEqual(fixture.dropped[i].map(Math.fround));
    }
  });

  it('passes its input on in use, and drops again in training', () => {
    const model = new nn.Sequential(new nn.Sequential(new nn.Dropout()));
    const list = { models: [model] };
    const x = ones([4]);
    expect(model.eval()).toBe(model);
    expect(model(x)).toBe(x);
    expect(list.models[0].training).toBe(false);
    expect(model.train()(x)).not.toBe(x);
    expect(() => model.train('yes' as never)).toThrow(/train: the argument is/);
  });

  it.each([
    [-0.1, /p is the number -0.1/],
    [1.5, /p is the number 1.5/],
  ])('refuses a share of %s', (p, words) => {
    expect(() => new nn.Dropout({ p })).toThrow(words);
  });
});

describe('Sequential', () => {
  it('takes functions, and says what they are', async () => {
    const model = new nn.Sequential(
      relu,
      (x) => mul(x, 3),
      new nn.Linear(2, 2),
      function twice(x: Tensor) {
        return add(x, x);
      },
    );
    expect(model.namedParameters().map(([name]) => name)).toEqual(['2.weight', '2.bias']);
    expect(String(model)).toMatch(/\(0\): relu\n.*\(1\): \(x\) => …\n.*\n *\(3\): twice/);
    const x = tensor([[1, -2]]);
    const by = model[2](tensor([[3, 0]]));
    expect([...(await model(x).data())]).toEqual([...(await add(by, by).data())]);
    expect(await x.toArray()).toEqual([[1, -2]]);
  });

  it('refuses what gives no tensor', () => {
    expect(() => new nn.Sequential((() => 3) as never)(ones([1]))).toThrow(
      /Sequential: what the function .* gave is the number 3/,
    );
    expect(() => new nn.Sequential(3 as never)).toThrow(/modules and functions fit/);
  });
});

describe('layers refuse what does not fit', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['LayerNorm', () => new nn.LayerNorm(3)(ones([2, 4])), /layerNorm: got f32 \[2, 4\].*\[\.\.\., 3\]/],
    ['LayerNorm', () => new nn.LayerNorm([]), /normalizedShape has no axes/],
    ['Embedding', () => new nn.Embedding(3, 2)(ones([2])), /indices are an i32 or u32/],
    ['Flatten', () => new nn.Flatten({ startAxis: 2, endAxis: 0 })(ones([1, 2, 3])), /axis 2 is the first/],
    ['GELU', () => new nn.GELU({ approximate: 'erf' as never }), /approximate/],
  ])('%s', (_, make, words) => {
    expect(make).toThrow(words);
  });
});

describe('shuffledBatches', () => {
  const rows = () => [mul(ones([10, 2]), 1), arange(10)] as const;

  it('come in the order of torch.randperm, an epoch a call', async () => {
    const generator = new Generator(14);
    const [x, y] = rows();
    for (const order of fixture.orders) {
      const seen: number[][] = [];
      for (const [xs, ys] of shuffledBatches([x, y], { batchSize: 4, generator })) {
        expect(xs.shape).toEqual([ys.shape[0], 2]);
        seen.push([...(await ys.data())]);
      }
      expect(seen.map(({ length }) => length)).toEqual([4, 4, 2]);
      expect(seen.flat()).toEqual(order);
    }
  });

  it('leave out the rest, and leave nothing behind', async () => {
    const [, y] = rows();
    await device.sync();
    const before = device.pool.usedBuffers;
    const full = [...shuffledBatches([y], { batchSize: 4, dropLast: true })];
    expect(full).toHaveLength(2);
    for (const [batch] of shuffledBatches([y], { batchSize: 3 })) {
      expect(batch.shape).toEqual([3]);
      break;
    }
    expect(device.pool.usedBuffers).toBe(before);
  });

  it('refuse tensors of different numbers of examples', () => {
    expect(() => shuffledBatches([ones([3]), ones([4])], { batchSize: 1 })).toThrow(
      /\[3\], \[4\]; one or more/,
    );
    expect(() => shuffledBatches([], { batchSize: 1 })).toThrow(/one or more fit/);
  });
});
