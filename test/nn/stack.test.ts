// Stacked modules: many models train at once to the numbers of each alone; what they hold, give back, and refuse.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { defineOp } from '../../src/autograd/define-op.js';
import { add, concat, crossEntropy, mul, relu, sum, transpose } from '../../src/autograd/ops/index.js';
import { vmap } from '../../src/autograd/vmap.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { Generator } from '../../src/random/generator.js';
import { ones, randn, tensor, zeros } from '../../src/tensor/create.js';
import { scope } from '../../src/tensor/scope.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { firstDifference, type Tolerance } from '../tolerances.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Products of matrices in other tiles, sums in another order, over 12 steps. */
const OTHER_ORDER: Tolerance = { atol: 2e-5, rtol: 2e-4 };
const MODELS = 4;

/** A module of one's own: parameters in a list, tied ones, a constant, a function, and choices by shape. */
class Block extends nn.Module {
  readonly norm: nn.LayerNorm;
  readonly inner: nn.Sequential;
  readonly gates: Tensor[];
  readonly again: Tensor;
  readonly offset: Tensor;

  constructor(width: number, generator: Generator, k: number) {
    super();
    this.norm = new nn.LayerNorm(width, { device });
    this.inner = new nn.Sequential(
      new nn.Linear(width, 2 * width, { generator, device }),
      new nn.GELU(),
      new nn.Dropout({ p: 0.2, generator: new Generator(100 + k) }),
      new nn.Linear(2 * width, width, { generator, device, bias: false }),
      (x) => mul(x, 0.5),
    );
    const gate = randn([width], { generator, device, requiresGrad: true });
    this.gates = [gate];
    this.again = gate;
    this.offset = tensor([k], { device });
  }

  override forward(x: Tensor): Tensor {
    const [rows] = x.shape;
    const turned = transpose(transpose(x));
    const step = mul(this.inner(this.norm(turned)), this.gates[0]);
    return add(add(x, step), mul(mul(this.again, this.offset), 0.01 * rows));
  }
}

class Net extends nn.Module {
  readonly embedding: nn.Embedding;
  readonly blocks: Block[];
  readonly head: nn.Linear;

  constructor(k: number) {
    super();
    const generator = new Generator(k);
    this.embedding = new nn.Embedding(3, 2, { generator, device });
    this.blocks = [new Block(6, generator, k), new Block(6, generator, k + 50)];
    this.head = new nn.Linear(6, 3, { generator, device });
  }

  override forward(x: Tensor, kinds: Tensor): Tensor {
    let hidden = concat([x, this.embedding(kinds)], 1);
    for (const block of this.blocks) hidden = block(hidden);
    return this.head(relu(hidden));
  }
}

const data = () => {
  const generator = new Generator(7);
  const whole = (values: number[]) => tensor(values, { dtype: 'i32', device });
  return {
    x: randn([9, 4], { generator, device }),
    own: randn([MODELS, 9, 4], { generator, device }),
    kinds: whole([0, 1, 2, 0, 1, 2, 1, 1, 0]),
    y: whole([0, 1, 2, 2, 1, 0, 0, 1, -100]),
  };
};

const rates = Array.from({ length: MODELS }, (_, k) => 0.002 * (k + 1));
const decays = Array.from({ length: MODELS }, (_, k) => 0.1 * k);
const STEPS = 12;

async function values(tensor: Tensor): Promise<number[]> {
  return [...(await tensor.data())];
}

describe('models that train at once', () => {
  it.each(['inputs that all share', 'inputs of their own'])(
    'come to the numbers of each alone: %s',
    async (which) => {
      const own = which === 'inputs of their own';
      const { x, own: each, kinds, y } = data();
      const stacked = nn.stack(MODELS, (k) => new Net(k));
      const optimizer = new optim.AdamW(stacked.parameters(), { lr: rates, weightDecay: decays });
      const byModel = vmap(crossEntropy, { inAxes: [0, null] });
      const kindsOfEach = scope(() => add(kinds, zeros([MODELS, 9], { dtype: 'i32', device })));
      const losses: number[][] = [];
      for (let step = 0; step < STEPS; step++) {
        optimizer.zeroGrad();
        const all = scope(() => byModel(own ? stacked.each(each, kindsOfEach) : stacked(x, kinds), y));
        sum(all).backward();
        optimizer.step();
        losses.push(await values(all));
      }
      const state = stacked.stateDict();
      stacked.eval();
      const used = await values(own ? stacked.each(each, kindsOfEach) : stacked(x, kinds));
      for (let k = 0; k < MODELS; k++) {
        const alone = new Net(k);
        const input = own ? tensor(((await each.toArray()) as number[][][])[k], { device }) : x;
        const one = new optim.AdamW(alone.parameters(), { lr: rates[k], weightDecay: decays[k] });
        for (let step = 0; step < STEPS; step++) {
          one.zeroGrad();
          const loss = crossEntropy(alone(input, kinds), y);
          loss.backward();
          one.step();
          expect(firstDifference([losses[step][k]], [await loss.item()], OTHER_ORDER)).toBeUndefined();
        }
        expect(Object.keys(state)).toEqual(Object.keys(alone.stateDict()));
        for (const [name, parameter] of alone.namedParameters()) {
          const whole = await values(state[name]);
          const part = whole.slice(k * parameter.numel, (k + 1) * parameter.numel);
          expect(firstDifference(part, await values(parameter), OTHER_ORDER)).toBeUndefined();
        }
        const got = used.slice(k * 27, (k + 1) * 27);
        const want = await values(alone.eval()(input, kinds));
        expect(firstDifference(got, want, OTHER_ORDER)).toBeUndefined();
        const copy = stacked.unstack(k);
        expect(copy).toBeInstanceOf(Net);
        expect(firstDifference(await values(copy.eval()(input, kinds)), want, OTHER_ORDER)).toBeUndefined();
      }
    },
  );

  it('give back what a step takes, and all in the end', async () => {
    const { x, kinds, y } = data();
    await device.sync();
    const before = device.pool.usedBuffers;
    const stacked = nn.stack(MODELS, (k) => new Net(k));
    const optimizer = new optim.SGD(stacked.parameters(), { lr: rates, momentum: 0.9 });
    const step = async () => {
      optimizer.zeroGrad();
      const loss = scope(() => sum(vmap(crossEntropy, { inAxes: [0, null] })(stacked(x, kinds), y)));
      loss.backward();
      optimizer.step();
      await loss.item();
      loss.dispose();
    };
    for (let i = 0; i < 2; i++) await step();
    const after = device.pool.usedBuffers;
    for (let i = 0; i < 5; i++) await step();
    // Fewer, where the garbage of tests before was collected meanwhile.
    expect(device.pool.usedBuffers).toBeLessThanOrEqual(after);
    optimizer.dispose();
    stacked.dispose();
    // The pages of small results; see src/tensor/leftovers.ts.
    expect(device.pool.usedBuffers).toBeLessThanOrEqual(before + 2);
  });
});

describe('a stacked module', () => {
  const linear = (k: number) => new nn.Linear(2, 3, { generator: new Generator(k), device });

  it('holds the weights of the calls in their order, and takes them from a state dict', async () => {
    const stacked = nn.stack(3, linear);
    expect(stacked.models).toBe(3);
    expect(stacked.namedParameters().map(([name, { shape }]) => [name, shape])).toEqual([
      ['weight', [3, 3, 2]],
      ['bias', [3, 3]],
    ]);
    const weights = await Promise.all([0, 1, 2].map((k) => values(linear(k).weight)));
    expect(await values(stacked.stateDict().weight)).toEqual(weights.flat());
    const other = nn.stack(3, (k) => linear(k + 10));
    other.loadStateDict(nn.loadSafetensors(await nn.saveSafetensors(stacked.stateDict()), { device }));
    expect(await values(other.unstack(2).weight)).toEqual(weights[2]);
    expect(String(other)).toBe('Stacked(weight [3, 3, 2], bias [3, 3])');
  });

  it('is a part of a module, and can be frozen in part', async () => {
    class Outer extends nn.Module {
      readonly inner = nn.stack(2, (k) => {
        const module = linear(k);
        module.weight.requiresGrad = false;
        return module;
      });
      override forward(x: Tensor): Tensor {
        return sum(this.inner(x), 0);
      }
    }
    const outer = new Outer();
    expect(outer.namedParameters().map(([name]) => name)).toEqual(['inner.weight', 'inner.bias']);
    sum(outer(ones([1, 2], { device }))).backward();
    expect(outer.parameters().map(({ grad }) => grad === null)).toEqual([true, false]);
  });

  it('gives copies that train apart from it', async () => {
    const stacked = nn.stack(2, linear);
    const before = await values(stacked.parameters()[0]);
    const one = stacked.unstack(1);
    sum(one(ones([1, 2], { device }))).backward();
    new optim.SGD(one.parameters(), { lr: 1 }).step();
    expect(await values(stacked.parameters()[0])).toEqual(before);
    expect(await values(one.weight)).not.toEqual(before.slice(6));
    // And it runs as before, also after its first model was taken out.
    stacked.unstack(0);
    expect(stacked(ones([1, 2], { device })).shape).toEqual([2, 1, 3]);
  });

  it('acts as in training or use by its own train() and eval(), not by those of its copies', async () => {
    const stacked = nn.stack(
      2,
      () => new nn.Sequential(new nn.Dropout({ p: 1 }), new nn.Dropout({ p: 1 }).eval()),
    );
    const x = ones([1], { device });
    for (const k of [0, 1]) stacked.unstack(k).eval();
    expect(await values(stacked(x))).toEqual([0, 0]);
    expect(await values(stacked.unstack(0)(x))).toEqual([1]);
    stacked.eval();
    stacked.unstack(0).train();
    expect(await values(stacked(x))).toEqual([1, 1]);
    expect(await values(stacked.unstack(0)(x))).toEqual([0]);
    stacked.train();
    expect(await values(stacked(x))).toEqual([0, 0]);
  });

  const cube = defineOp({ name: 'cube', forward: (_, t: Tensor) => mul(t, t), backward: () => [null] });
  class Scaled extends nn.Module {
    readonly weight = ones([2], { requiresGrad: true, device });
    readonly other: Tensor;
    readonly factor: number;
    constructor(factor: number, tied = true, size = 2) {
      super();
      this.factor = factor;
      this.other = tied ? this.weight : ones([size], { requiresGrad: true, device });
    }
    override forward(x: Tensor): Tensor {
      return mul(mul(x, this.weight), this.factor);
    }
  }
  class Named extends nn.Module {
    readonly models = ones([1], { requiresGrad: true, device });
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  class Holding extends nn.Module {
    readonly weight = ones([1], { requiresGrad: true, device });
    readonly held: unknown;
    constructor(held: unknown) {
      super();
      this.held = held;
    }
    override forward(x: Tensor): Tensor {
      return mul(x, this.weight);
    }
  }
  it('may hold what is the same in all: functions of one text, objects, arrays, a shared tensor', () => {
    const t = ones([1], { device });
    const models = nn.stack(
      2,
      () => new Holding({ t, list: [(x: Tensor) => mul(x, 2)], data: Int8Array.of(1) }),
    );
    expect(models(ones([1, 1], { device })).shape).toEqual([2, 1, 1]);
    expect(t.disposed).toBe(false);
  });
  const one = linear;
  const call = (make: (k: number) => nn.Module) => () => nn.stack(2, make)(ones([1, 2], { device }));
  it.each<[string, () => unknown, RegExp]>([
    [
      'numbers that differ',
      call((k) => new Scaled(k)),
      /in model 1, 'factor' is 1; in model 0, 0\. Models are stacked/,
    ],
    [
      'functions',
      call((k) => new nn.Sequential(k ? relu : transpose)),
      /in model 1, '0\.run' is .*relu.*; in model 0, /,
    ],
    [
      'numbers in objects',
      call((k) => new Holding({ deep: { factor: k } })),
      /'held\.deep\.factor' is 1; in model 0, 0/,
    ],
    ['large whole numbers', call((k) => new Holding(BigInt(k))), /'held' is 1; in model 0, 0/],
    ['typed arrays', call((k) => new Holding(new Float32Array([2, k]))), /'held' is 2,1; in model 0, 2,0/],
    ['tensors in objects', call((k) => new Holding({ t: tensor([k], { device }) })), /'held\.t' is Tensor/],
    [
      'training in one and use in another',
      call((k) => new nn.Sequential(new nn.Dropout().train(k > 0))),
      /in model 1, '0\.training' is true; in model 0, false/,
    ],
    [
      'shapes',
      call((k) => new nn.Linear(2, 2 + k, { device })),
      /'weight' is .* \[3, 2\].*\[2, 2\].*same shape/,
    ],
    [
      'classes',
      call((k) => (k ? new nn.ReLU() : new nn.Tanh())),
      /the model itself is ReLU; in model 0, Tanh/,
    ],
    ['what is missing', call((k) => new nn.Linear(2, 2, { bias: k > 0, device })), /'bias' is/],
    [
      'other ties',
      call((k) => new Scaled(1, k > 0)),
      /tensor of 'weight'; in model 0, that of 'other'.*Tie them/,
    ],
    ['one module twice', () => ((same) => nn.stack(2, () => same))(one(0)), /gave one module twice/],
    ['no module', () => nn.stack(2, () => ones([1], { device }) as never), /model 0 is .*; a module fits/],
    ['no models', () => nn.stack(0, one), /number of models is the number 0/],
    ['a name that it has itself', () => nn.stack(2, () => new Named()), /cannot be called 'models'/],
    [
      'an operation of defineOp',
      call(() => new nn.Sequential(one(0), cube)),
      /^cube: it cannot run for several/,
    ],
    ['FusedMlp', call(() => new nn.FusedMlp(2, 4, { device })), /^fusedMlp: it cannot run for several/],
    ['itself inside', call(() => new nn.Sequential(nn.stack(2, one))), /inside of another/],
    [
      'inputs of too few models',
      () => nn.stack(2, one).each(ones([3, 1, 2], { device })),
      /over the 2 models/,
    ],
    ['a model that there is not', () => nn.stack(2, one).unstack(2), /at least 0 and below 2/],
  ])('refuses %s', (_, run, words) => {
    expect(run).toThrow(words);
  });
});
