// Operations and their gradients at NaN, infinities, zeros of both signs, huge and tiny numbers, against what PyTorch
// gives (test/fixtures/torch/special-values.json, made by special_values_reference.py beside it).
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import * as ops from '../../../src/autograd/ops/index.js';
import type { Device } from '../../../src/gpu/device.js';
import { tensor } from '../../../src/tensor/create.js';
import { scope } from '../../../src/tensor/scope.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { allowed, TRANSCENDENTAL } from '../../tolerances.js';

type Written = number | string;
interface Recorded {
  name: string;
  inputs: Written[][];
  result: Written[];
  /** [gradient of the result][input][element]. */
  gradients: Written[][][];
}
const url = new URL('../../fixtures/torch/special-values.json', import.meta.url);
const fixture = JSON.parse(readFileSync(url, 'utf8')) as {
  gradients: Written[];
  unary: Recorded[];
  binary: Recorded[];
  compare: Recorded[];
  columns: number;
  argmax: Recorded;
  argmin: Recorded;
  reductions: Recorded[];
  composed: Recorded[];
  crossEntropy: (Recorded & { classes: number[]; reduction: ops.Reduction })[];
};
const numbers = (list: readonly Written[]): number[] => list.map(Number);

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

const unary: Record<string, (x: Tensor) => Tensor> = {
  neg: ops.neg,
  exp: ops.exp,
  log: ops.log,
  sqrt: ops.sqrt,
  abs: ops.abs,
  sign: ops.sign,
  relu: ops.relu,
  leakyRelu: (x) => ops.leakyRelu(x),
  sigmoid: ops.sigmoid,
  tanh: ops.tanh,
  softplus: ops.softplus,
  sin: ops.sin,
  cos: ops.cos,
  round: ops.round,
  gelu: (x) => ops.gelu(x),
  'gelu tanh': (x) => ops.gelu(x, { approximate: 'tanh' }),
  silu: ops.silu,
  clamp: (x) => ops.clamp(x, -0.5, 2),
  'clamp from 0': (x) => ops.clamp(x, 0, Infinity),
  'pow 0': (x) => ops.pow(x, 0),
  'pow 2': (x) => ops.pow(x, 2),
  'pow 3': (x) => ops.pow(x, 3),
  'pow -1': (x) => ops.pow(x, -1),
  'pow 0.5': (x) => ops.pow(x, 0.5),
  'sqrt of maximum with 0': (x) => ops.sqrt(ops.maximum(x, 0)),
  'sqrt of relu': (x) => ops.sqrt(ops.relu(x)),
  'log of where above 0': (x) => ops.log(ops.where(ops.gt(x, 0), x, 0)),
};
const binary: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  pow: ops.pow,
  maximum: ops.maximum,
  minimum: ops.minimum,
  where: (a, b) => ops.where(ops.gt(a, b), a, b),
  bceWithLogits: (a, b) => ops.bceWithLogits(a, b, { reduction: 'none' }),
  mse: (a, b) => ops.mse(a, b, { reduction: 'none' }),
};
const compare: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  eq: ops.eq,
  ne: ops.ne,
  lt: ops.lt,
  le: ops.le,
  gt: ops.gt,
  ge: ops.ge,
};

/** Operations whose zeros have a sign that counts; of two zeros maximum and minimum may take either. */
const SIGNED_ZEROS = new Set([
  'neg',
  'sqrt',
  'relu',
  'leakyRelu',
  'tanh',
  'clamp',
  'pow 3',
  'mul',
  'div',
  'pow',
]);
const SMALLEST_NORMAL = 2 ** -126;
const isSubnormal = (x: number): boolean => x !== 0 && Math.abs(x) < SMALLEST_NORMAL;

function same(got: number, want: number): boolean {
  if (Number.isNaN(want) || !Number.isFinite(want)) return Object.is(got, want);
  return Math.abs(got - want) <= allowed(TRANSCENDENTAL, want);
}

/** Places where what we got is not PyTorch's, in words. WGSL may flush subnormals: those are left out. */
function differences(
  at: (i: number) => string,
  got: ArrayLike<number>,
  want: readonly number[],
  fits: (got: number, want: number, i: number) => boolean = same,
): string[] {
  expect(got.length).toBe(want.length);
  return want.flatMap((value, i) =>
    isSubnormal(value) || fits(got[i], value, i) ? [] : [`${at(i)} is ${got[i]}, PyTorch ${value}`],
  );
}

/** Everything of one recorded operation that differs from PyTorch. */
async function compareAll(
  recorded: Recorded,
  leaves: () => Tensor[],
  run: (...inputs: Tensor[]) => Tensor,
): Promise<string[]> {
  const { name, inputs, result, gradients } = recorded;
  const expected = numbers(result);
  const at = (i: number) =>
    inputs[0].length === expected.length
      ? `${name}(${inputs.map((list) => list[i])})`
      : `${name} of row ${i}`;
  const exact = (got: number, want: number) =>
    same(got, want) && (want !== 0 || got !== 0 || !SIGNED_ZEROS.has(name) || Object.is(got, want));
  const found = differences(at, await scope(() => run(...leaves()).detach()).data(), expected, exact);
  for (const [k, by] of gradients.entries()) {
    const g = Number(fixture.gradients[k]);
    const ready = leaves();
    scope(() => {
      const y = run(...ready);
      y.backward({ gradient: tensor(new Float32Array(y.numel).fill(g), { shape: y.shape }) });
    });
    for (const [input, list] of by.entries()) {
      const where = (i: number) =>
        `d ${name} / d input ${input} times ${g} at ${inputs.map((each) => each[i])}`;
      const fits = (got: number, want: number, i: number) => isSubnormal(expected[i]) || same(got, want);
      found.push(...differences(where, await ready[input].grad!.data(), numbers(list), fits));
    }
  }
  return found;
}

const vectors = ({ inputs }: Recorded) => inputs.map((list) => tensor(numbers(list), { requiresGrad: true }));

describe('elementwise operations and their gradients', () => {
  it.each(fixture.unary)('$name', async (recorded) => {
    expect(await compareAll(recorded, () => vectors(recorded), unary[recorded.name])).toEqual([]);
  });
  it.each(fixture.binary)('$name', async (recorded) => {
    expect(await compareAll(recorded, () => vectors(recorded), binary[recorded.name])).toEqual([]);
  });
  it.each(fixture.compare)('$name', async ({ name, inputs, result }) => {
    const [a, b] = inputs.map((list) => tensor(numbers(list)));
    const at = (i: number) => `${name}(${inputs[0][i]}, ${inputs[1][i]})`;
    expect(differences(at, await compare[name](a, b).data(), numbers(result))).toEqual([]);
    // One tensor on both sides: compilers take x != x for false.
    const itself = await compare[name](a, a).data();
    const ofNan = numbers(inputs[0]).findIndex(Number.isNaN);
    expect(itself[ofNan]).toBe(name === 'ne' ? 1 : 0);
  });
});

describe('along rows', () => {
  const matrix = ({ inputs }: Recorded) =>
    tensor(Float32Array.from(numbers(inputs[0])), {
      shape: [inputs[0].length / fixture.columns, fixture.columns],
      requiresGrad: true,
    });
  const variants = ['invocation', 'workgroup'] as const;
  const reducers = { sum: ops.sum, mean: ops.mean, max: ops.max, min: ops.min };
  const compositions: Record<string, (x: Tensor) => Tensor> = {
    norm: (x) => ops.norm(x, 1),
    'norm 1': (x) => ops.norm(x, 1, { p: 1 }),
    'norm 3': (x) => ops.norm(x, 1, { p: 3 }),
    std: (x) => ops.std(x, 1),
    variance: (x) => ops.variance(x, 1),
    logsumexp: (x) => ops.logsumexp(x, 1),
  };
  const cases = fixture.reductions.flatMap((recorded) => {
    const { name } = recorded;
    if (name === 'softmax') return [{ title: name, recorded, run: (x: Tensor) => ops.softmax(x) }];
    if (name === 'logSoftmax') return [{ title: name, recorded, run: (x: Tensor) => ops.logSoftmax(x) }];
    return variants.map((variant) => ({
      title: `${name}, an output ${variant}`,
      recorded,
      run: (x: Tensor) => reducers[name as keyof typeof reducers](x, 1, { variant }),
    }));
  });
  it.each(cases)('$title', async ({ recorded, run }) => {
    expect(await compareAll(recorded, () => [matrix(recorded)], run)).toEqual([]);
  });
  it.each(fixture.composed)('$name', async (recorded) => {
    expect(await compareAll(recorded, () => [matrix(recorded)], compositions[recorded.name])).toEqual([]);
  });
  it('a norm of an order below 1 has no gradient where an element is 0', async () => {
    const x = tensor(
      [
        [0, 4],
        [0, 0],
      ],
      { requiresGrad: true },
    );
    ops.sum(ops.norm(x, 1, { p: 0.5 })).backward();
    expect(await x.grad?.toArray()).toEqual([
      [0, 1],
      [0, 0],
    ]);
  });
  it('the logarithm of no exponentials is -Infinity', async () => {
    const x = tensor([[], []], { requiresGrad: true });
    const y = ops.logsumexp(x, 1);
    expect(await y.toArray()).toEqual([-Infinity, -Infinity]);
    ops.sum(y).backward();
    expect(x.grad?.shape).toEqual([2, 0]);
  });
  it.each(variants)('argmax and argmin, an output %s', async (variant) => {
    for (const [recorded, find] of [
      [fixture.argmax, ops.argmax],
      [fixture.argmin, ops.argmin],
    ] as const) {
      const places = find(matrix(recorded), 1, { variant });
      expect([...(await places.data())]).toEqual(numbers(recorded.result));
    }
  });
  it.each(variants)(
    'the least and the largest whole numbers are extremes too, an output %s',
    async (variant) => {
      const of = async (values: number[], dtype: 'i32' | 'u32') => {
        const x = tensor([values, values], { dtype });
        const found = [ops.max, ops.min].map(async (run) => [...(await run(x, 1, { variant }).data())]);
        return Promise.all(found);
      };
      const [least, largest, most] = [-(2 ** 31), 2 ** 31 - 1, 2 ** 32 - 1];
      const both = (value: number) => [value, value];
      expect(await of([least, least], 'i32')).toEqual([both(least), both(least)]);
      expect(await of([largest, largest], 'i32')).toEqual([both(largest), both(largest)]);
      expect(await of([0, 0], 'u32')).toEqual([both(0), both(0)]);
      expect(await of([most, 0, most], 'u32')).toEqual([both(most), both(0)]);
    },
  );
  it('the mean of nothing is NaN, its sum 0', async () => {
    const none = tensor(new Float32Array(0), { shape: [2, 0] });
    expect([...(await ops.mean(none, 1).data())]).toEqual([Number.NaN, Number.NaN]);
    expect([...(await ops.sum(none, 1).data())]).toEqual([0, 0]);
  });
  it('the first of several NaN is found wherever they lie among many', async () => {
    const n = 70_000;
    for (const [first, second] of [
      [3, 69_999],
      [40_000, 40_001],
      [64, 127],
    ]) {
      const values = new Float32Array(n).fill(1);
      values[first] = values[second] = Number.NaN;
      const x = tensor(values);
      expect(await ops.argmax(x).item()).toBe(first);
      expect(await ops.max(x).item()).toBeNaN();
      expect(await ops.min(x).item()).toBeNaN();
    }
  });
});

describe('crossEntropy with rows that are ignored', () => {
  const classes = 3;
  const cases = fixture.crossEntropy.map((each) => ({
    ...each,
    title: `classes ${each.classes}, ${each.reduction}`,
  }));
  const logits = ({ inputs }: Recorded) =>
    tensor(Float32Array.from(numbers(inputs[0])), {
      shape: [inputs[0].length / classes, classes],
      requiresGrad: true,
    });
  it.each(cases)('$title', async (recorded) => {
    const target = tensor(recorded.classes, { dtype: 'i32' });
    const run = (x: Tensor) => ops.crossEntropy(x, target, { reduction: recorded.reduction });
    expect(await compareAll(recorded, () => [logits(recorded)], run)).toEqual([]);
  });
  it.each([-100, 0, 2])('ignoreIndex %i is as leaving those rows out', async (ignoreIndex) => {
    const rows = [
      [1, 2, -1],
      [0.5, 0, 3],
      [-2, 1, 1],
      [4, 0, 0],
    ];
    const labels = [1, ignoreIndex, 1, ignoreIndex];
    const x = tensor(rows, { requiresGrad: true });
    const y = tensor(labels, { dtype: 'i32' });
    const loss = ops.crossEntropy(x, y, { ignoreIndex }).detach();
    ops.crossEntropy(x, y, { ignoreIndex }).backward();
    const left = tensor([rows[0], rows[2]], { requiresGrad: true });
    const alone = ops.crossEntropy(left, tensor([1, 1], { dtype: 'i32' }));
    expect(await loss.item()).toBeCloseTo(await alone.detach().item(), 6);
    alone.backward();
    const [got, want] = [await x.grad!.data(), await left.grad!.data()];
    const expected = [...want.slice(0, 3), 0, 0, 0, ...want.slice(3), 0, 0, 0];
    expect(differences((i) => `gradient ${i}`, got, expected)).toEqual([]);
  });
  it('takes whole numbers, and beside class numbers only', () => {
    const x = tensor([[1, 2]]);
    expect(() => ops.crossEntropy(x, tensor([0], { dtype: 'i32' }), { ignoreIndex: 0.5 })).toThrow(
      /ignoreIndex is 0.5/,
    );
    expect(() => ops.crossEntropy(x, x, { ignoreIndex: 1 })).toThrow(/ignoreIndex is 1/);
  });
});

// PyTorch refuses such probabilities before its formula sees them.
it('bceLoss of NaN is NaN, and so is its gradient', async () => {
  const p = tensor([Number.NaN, 0.5, 0.25, Number.NaN], { requiresGrad: true });
  const y = tensor([1, Number.NaN, 1, 0]);
  expect([...(await ops.bceLoss(p.detach(), y, { reduction: 'none' }).data())]).toEqual([
    Number.NaN,
    Number.NaN,
    expect.closeTo(-Math.log(0.25), 6),
    Number.NaN,
  ]);
  ops.bceLoss(p, y, { reduction: 'sum' }).backward();
  const gradient = [...(await p.grad!.data())];
  expect(gradient).toEqual([Number.NaN, Number.NaN, expect.closeTo(-4, 5), Number.NaN]);
});
