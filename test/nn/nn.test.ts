// Modules: parameters, state dicts and how they print; layers and init against their host functions; defineOp.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { defineOp } from '../../src/autograd/define-op.js';
import { gradcheck } from '../../src/autograd/gradcheck.js';
import { copy_ } from '../../src/autograd/ops/in-place.js';
import { add, mul, pow, relu, sum, tanh } from '../../src/autograd/ops/index.js';
import { noGrad } from '../../src/autograd/record.js';
import type { Device } from '../../src/gpu/device.js';
import { runKernel } from '../../src/kernels/tensor/custom.js';
import * as host from '../../src/nn/host-init.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { Generator } from '../../src/random/generator.js';
import { manualSeed, ones, randn, tensor, zeros } from '../../src/tensor/create.js';
import { ndarray } from '../../src/tensor/ndarray.js';
import type { Tensor } from '../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

class Residual extends nn.Module {
  inner = new nn.Linear(4, 4);
  gains = [ones([4], { requiresGrad: true })];
  buffer = zeros([4]);

  override forward(x: Tensor): Tensor {
    return add(x, mul(relu(this.inner.forward(x)), this.gains[0]));
  }
}

describe('Module', () => {
  it('names parameters as PyTorch does, and leaves other tensors out', () => {
    const model = new nn.Sequential(new nn.Linear(2, 4), new nn.Tanh(), new Residual());
    expect(model.namedParameters().map(([name, { shape }]) => [name, ...shape])).toEqual([
      ['0.weight', 4, 2],
      ['0.bias', 4],
      ['2.inner.weight', 4, 4],
      ['2.inner.bias', 4],
      ['2.gains.0', 4],
    ]);
    expect(model.length).toBe(3);
  });

  it('keeps frozen parameters, which training leaves alone', async () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
    const [frozen, bias] = model.parameters();
    frozen.requiresGrad = false;
    bias.requiresGrad = false;
    expect(Object.keys(model.stateDict())).toHaveLength(4);
    const before = [...(await frozen.data())];
    const optimizer = new optim.SGD(model.parameters(), { lr: 1, weightDecay: 0.5 });
    sum(model.forward(ones([3, 2]))).backward();
    expect(frozen.grad).toBeNull();
    optimizer.step();
    expect([...(await frozen.data())]).toEqual(before);
    expect(model.parameters()[2].grad).not.toBeNull();
  });

  it('counts a shared parameter once', () => {
    const layer = new nn.Linear(3, 3);
    expect(new nn.Sequential(layer, layer).parameters()).toHaveLength(2);
  });

  it('loads what another one saved, and nothing when something does not fit', async () => {
    const [from, to] = [new Residual(), new Residual()];
    noGrad(() => copy_(from.gains[0], Float32Array.of(1, 2, 3, 4)));
    to.loadStateDict(from.stateDict());
    expect([...(await to.inner.weight.data())]).toEqual([...(await from.inner.weight.data())]);
    expect(await to.gains[0].toArray()).toEqual([1, 2, 3, 4]);
    const state = {
      ...from.stateDict(),
      'gains.0': ones([3]),
      extra: ones([1]),
      'inner.weight': ones([4, 4], { dtype: 'i32' }),
      'inner.bias': undefined as never,
    };
    expect(() => to.loadStateDict(state)).toThrow(
      /inner\.bias is missing; extra is not a parameter; inner\.weight is i32, not f32; gains\.0 is \[3\], not \[4\]/,
    );
  });

  it('zeroGrad and dispose free', () => {
    const before = device.memory().buffers;
    const model = new nn.Sequential(new nn.Linear(4, 4), new nn.ReLU());
    sum(model.forward(ones([2, 4]))).backward();
    expect(model.parameters().every(({ grad }) => grad !== null)).toBe(true);
    model.zeroGrad();
    expect(model.parameters().every(({ grad }) => grad === null)).toBe(true);
    model.dispose();
    // The input of the forward pass, and at most the page of scalars.
    expect(device.memory().buffers).toBeLessThanOrEqual(before + 2);
  });
});

describe('layers and init', () => {
  it('draw what PyTorch draws, in its order', async () => {
    manualSeed(7);
    const layers = [new nn.Linear(5, 3), new nn.Linear(3, 2, { bias: false })];
    const generator = new Generator(7);
    const first = host.linearParameters(5, 3, generator);
    const second = host.kaimingUniform_(ndarray(2, 3), { a: Math.sqrt(5) }, generator);
    expect([...(await layers[0].weight.data())]).toEqual([...first.weight.data]);
    expect([...((await layers[0].bias?.data()) ?? [])]).toEqual([...first.bias.data]);
    expect([...(await layers[1].weight.data())]).toEqual([...second.data]);
    expect(layers[1].bias).toBeNull();
  });

  it('takes no inputs, as PyTorch does, and refuses sizes that are none', async () => {
    expect([...(await new nn.Linear(0, 3).forward(ones([2, 0])).data())]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(() => new nn.Linear(1.5, 3)).toThrow(/Linear: inFeatures is the number 1.5/);
  });

  it.each([
    [
      'uniform_',
      (t: Tensor, g: Generator) => nn.init.uniform_(t, -1, 2, g),
      (a: host.LinearParameters['weight'], g: Generator) => host.uniform_(a, -1, 2, g),
    ],
    [
      'normal_',
      (t: Tensor, g: Generator) => nn.init.normal_(t, 1, 3, g),
      (a: host.LinearParameters['weight'], g: Generator) => host.normal_(a, 1, 3, g),
    ],
    [
      'truncNormal_',
      (t: Tensor, g: Generator) => nn.init.truncNormal_(t, 1, 3, 0, 2, g),
      (a: host.LinearParameters['weight'], g: Generator) => host.truncNormal_(a, 1, 3, 0, 2, g),
    ],
    [
      'sparse_',
      (t: Tensor, g: Generator) => nn.init.sparse_(t, 0.5, 1, g),
      (a: host.LinearParameters['weight'], g: Generator) => host.sparse_(a, 0.5, 1, g),
    ],
    ['eye_', (t: Tensor) => nn.init.eye_(t), (a: host.LinearParameters['weight']) => host.eye_(a)],
    [
      'xavierUniform_',
      (t: Tensor, g: Generator) => nn.init.xavierUniform_(t, 2, g),
      (a: host.LinearParameters['weight'], g: Generator) => host.xavierUniform_(a, 2, g),
    ],
    [
      'xavierNormal_',
      (t: Tensor, g: Generator) => nn.init.xavierNormal_(t, 2, g),
      (a: host.LinearParameters['weight'], g: Generator) => host.xavierNormal_(a, 2, g),
    ],
    [
      'kaimingUniform_',
      (t: Tensor, g: Generator) => nn.init.kaimingUniform_(t, { nonlinearity: 'relu' }, g),
      (a: host.LinearParameters['weight'], g: Generator) =>
        host.kaimingUniform_(a, { nonlinearity: 'relu' }, g),
    ],
    [
      'kaimingNormal_',
      (t: Tensor, g: Generator) => nn.init.kaimingNormal_(t, { mode: 'fan_out' }, g),
      (a: host.LinearParameters['weight'], g: Generator) => host.kaimingNormal_(a, { mode: 'fan_out' }, g),
    ],
    [
      'orthogonal_',
      (t: Tensor, g: Generator) => nn.init.orthogonal_(t, 2, g),
      (a: host.LinearParameters['weight'], g: Generator) => host.orthogonal_(a, 2, g),
    ],
    [
      'constant_',
      (t: Tensor) => nn.init.constant_(t, 3),
      (a: host.LinearParameters['weight']) => host.constant_(a, 3),
    ],
    ['zeros_', (t: Tensor) => nn.init.zeros_(t), (a: host.LinearParameters['weight']) => host.zeros_(a)],
    ['ones_', (t: Tensor) => nn.init.ones_(t), (a: host.LinearParameters['weight']) => host.ones_(a)],
  ])('%s fills a parameter with the host function’s numbers', async (_, onTensor, onHost) => {
    const parameter = randn([6, 5], { requiresGrad: true });
    expect(onTensor(parameter, new Generator(3))).toBe(parameter);
    expect([...(await parameter.data())]).toEqual([...onHost(ndarray(6, 5), new Generator(3)).data]);
  });
});

describe('defineOp', () => {
  const cubeWith = (slope: number) =>
    defineOp({
      name: 'cube',
      forward: (save, x: Tensor) => {
        save(x);
        return pow(x, 3);
      },
      backward: (g, [x]) => [mul(g, mul(pow(x, 2), slope))],
    });

  it('makes an operation that gradcheck accepts, with and without a rule', async () => {
    const x = randn([3, 4], { requiresGrad: true });
    await gradcheck(cubeWith(3), [x]);
    await gradcheck(cubeWith(3), [x], { rule: (values) => values.map((v) => v ** 3) });
    await gradcheck((a, b) => mul(tanh(a), b), [x, randn([4], { requiresGrad: true })]);
    expect(x.grad).toBeNull();
  });

  it('whose wrong gradient gradcheck names', async () => {
    const x = tensor([1, 2, -3], { requiresGrad: true });
    await expect(gradcheck(cubeWith(2), [x])).rejects.toThrow(/gradient by element \d of input 0 \[3\] is/);
    const shapeless = defineOp({
      name: 'shapeless',
      forward: (_, t: Tensor) => mul(t, 1),
      backward: (g) => [sum(g)],
    });
    await expect(gradcheck(shapeless, [x])).rejects.toThrow(
      /shapeless: .* gradient \[\] for input 0, which is \[3\]/,
    );
  });

  it('frees what forward made and did not return', () => {
    const x = randn([8], { requiresGrad: true });
    const before = device.memory().buffers;
    const op = cubeWith(3);
    sum(op(x)).backward();
    x.grad?.dispose();
    // The result's scalar sits on its page.
    expect(device.memory().buffers).toBeLessThanOrEqual(before + 1);
  });

  it('takes a WGSL kernel', async () => {
    const code = `
      @group(0) @binding(0) var<uniform> n: vec4u;
      @group(0) @binding(1) var<storage, read> x: array<f32>;
      @group(0) @binding(2) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
        if (id.x < n.x) { y[id.x] = 2.0 * x[id.x]; }
      }`;
    const double = (x: Tensor) =>
      runKernel({
        label: 'double',
        code,
        inputs: [x],
        params: Uint32Array.of(x.numel, 0, 0, 0),
        output: { shape: x.shape },
        workgroups: [Math.ceil(x.numel / 64)],
      });
    const op = defineOp({
      name: 'double',
      forward: (_, x: Tensor) => double(x),
      backward: (g) => [double(g)],
    });
    await gradcheck(op, [randn([5, 20], { requiresGrad: true })], { rule: (x) => x.map((v) => 2 * v) });
  });
});
