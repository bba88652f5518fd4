// Functions for several models at once: the table of operations, each case for three models whose inputs differ, against the
// same case for each model alone, values and gradients; and what cannot run so.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { defineOp } from '../../src/autograd/define-op.js';
import { copy_ } from '../../src/autograd/ops/in-place.js';
import * as ops from '../../src/autograd/ops/index.js';
import { vmap } from '../../src/autograd/vmap.js';
import type { Device } from '../../src/gpu/device.js';
import { runKernel } from '../../src/kernels/tensor/custom.js';
import { copyToBuffer, ones, randn, tensor, upload } from '../../src/tensor/create.js';
import { hostArray } from '../../src/tensor/dtype.js';
import { scope } from '../../src/tensor/scope.js';
import { numelOf } from '../../src/tensor/shape.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { firstDifference, GRADIENT } from '../tolerances.js';
import { type Case, type Input, signed } from './ops/table/cases.js';
import { table } from './ops/table/index.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

const MODELS = 3;

/** An input of model k: values of the case, from other places for each model. */
function valuesOf({ shape, values = signed }: Input, k: number): number[] {
  const n = numelOf(shape);
  return Array.from({ length: n }, (_, i) => values((i * 5 + k * 3) % n));
}

const made = (
  { shape, dtype = 'f32', gradient = dtype === 'f32' }: Input,
  values: number[],
  lead: number[],
) => {
  const data = hostArray(dtype, values.length);
  data.set(values);
  return upload(data, [...lead, ...shape], dtype, { requiresGrad: gradient, device });
};

const numbersOf = async (tensors: readonly (Tensor | null)[]) =>
  (await Promise.all(tensors.map(async (each) => [...((await each?.data()) ?? [])]))).flat();

/** The result for each model, and the gradients by its inputs. */
async function alone(each: Case, shared: readonly boolean[]) {
  const found: { result: number[]; gradients: number[][] }[] = [];
  for (let k = 0; k < MODELS; k++) {
    const inputs = each.inputs.map((input, i) => made(input, valuesOf(input, shared[i] ? 0 : k), []));
    const result = each.run(...inputs);
    if (each.gradient) ops.sum(ops.mul(result, result.detach())).backward();
    found.push({
      result: await numbersOf([result]),
      gradients: await Promise.all(inputs.map(({ grad }) => numbersOf([grad]))),
    });
  }
  return found;
}

async function expectSame(each: Case, shared: readonly boolean[]): Promise<void> {
  const expected = await alone(each, shared);
  const inputs = each.inputs.map((input, i) =>
    shared[i]
      ? made(input, valuesOf(input, 0), [])
      : made(input, Array.from({ length: MODELS }, (_, k) => valuesOf(input, k)).flat(), [MODELS]),
  );
  const run = vmap(each.run, { inAxes: shared.map((one) => (one ? null : 0)) });
  const result = run(...inputs);
  if (each.gradient) ops.sum(ops.mul(result, result.detach())).backward();
  expect(result.shape[0]).toBe(MODELS);
  const values = expected.flatMap((model) => model.result);
  expect(firstDifference(await result.data(), values, each.tolerance)).toBeUndefined();
  for (const [i, input] of inputs.entries()) {
    const gradients = expected.map((model) => model.gradients[i]);
    // A gradient of what all models share is the sum of theirs.
    const want = shared[i]
      ? gradients[0].map((_, j) => gradients.reduce((sum, list) => sum + list[j], 0))
      : gradients.flat();
    expect(firstDifference(await numbersOf([input.grad]), want, GRADIENT)).toBeUndefined();
  }
  for (const one of [result, ...inputs]) one.dispose();
}

/** Of the cases of each operation some: they differ in shapes and variants. */
const MOST_EACH = 3;
const byOperation = new Map<string, Case[]>();
for (const each of table.filter(({ name }) => !/^fused|many|large|long/.test(name))) {
  const operation = each.name.split(/[ ,]/)[0];
  byOperation.set(operation, [...(byOperation.get(operation) ?? []), each]);
}
const CASES = [...byOperation.values()].flatMap((cases) => {
  const step = Math.ceil(cases.length / MOST_EACH);
  return cases.filter((_, i) => i % step === 0);
});

describe('every operation for several models', () => {
  it.each(CASES)('$name', async (each) => {
    await expectSame(
      each,
      each.inputs.map(() => false),
    );
  });
});

describe('operations of what models share and what they do not', () => {
  const several = CASES.filter(({ inputs }) => inputs.length > 1);
  it.each(several)('$name', async (each) => {
    for (const i of each.inputs.keys()) {
      await expectSame(
        each,
        each.inputs.map((_, j) => i === j),
      );
    }
  });
});

describe('vmap', () => {
  const x = () => ones([2, 3], { device });

  it('shows one model inside, and all outside', async () => {
    let within: Tensor | undefined;
    const y = vmap((t: Tensor) => {
      expect(t.shape).toEqual([3]);
      expect(t.detach().shape).toEqual([3]);
      within = ops.mul(t, 2);
      return within;
    })(x());
    expect(y).toBe(within);
    expect(await y.toArray()).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });

  it('gives every model what they share', async () => {
    const y = vmap((_: Tensor, shared: Tensor) => ops.add(shared, 1), { inAxes: [0, null] })(x(), ones([2]));
    expect(await y.toArray()).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });

  it('shows everything again when the function throws', async () => {
    let within: Tensor | undefined;
    const run = vmap((t: Tensor) => {
      within = ops.mul(t, 3);
      throw new Error('mine');
    });
    expect(() => run(x())).toThrow('mine');
    expect(within?.shape).toEqual([2, 3]);
    expect(await ops.sum(within as Tensor).item()).toBe(18);
  });

  it('passes options on, and leaves nothing behind', async () => {
    const classes = tensor([0, 1], { dtype: 'i32', device });
    const losses = vmap(ops.crossEntropy, { inAxes: [0, null, null] });
    const logits = randn([4, 2, 3], { device, requiresGrad: true });
    const step = async () => {
      const loss = scope(() => ops.sum(losses(logits, classes, { reduction: 'sum' })));
      loss.backward();
      logits.grad?.dispose();
      logits.grad = null;
      await loss.item();
      loss.dispose();
    };
    await step();
    const before = device.pool.usedBuffers;
    for (let i = 0; i < 4; i++) await step();
    expect(device.pool.usedBuffers).toBe(before);
  });

  const cube = defineOp({ name: 'cube', forward: (_, t: Tensor) => ops.pow(t, 3), backward: () => [null] });
  const kernel = (t: Tensor) =>
    runKernel({ label: 'mine', code: '', inputs: [t], output: { shape: [3] }, workgroups: [1] });
  it.each<[string, (t: Tensor) => Tensor, RegExp]>([
    ['defineOp', cube, /^cube: it cannot run for several models at once/],
    ['runKernel', kernel, /^mine: it cannot run/],
    ['copy_', (t) => copy_(t, ones([3], { device })), /^copy_: it cannot run/],
    ['copy_ from', (t) => copy_(ones([3], { device }), t), /^copy_: it cannot run/],
    ['fusedMlp', (t) => ops.fusedMlp(ops.reshape(t, [1, 3]), t, t, t, t), /^fusedMlp: it cannot run/],
    ['backward', (t) => t.backward() as never, /stands for 2 models at once/],
    ['vmap', (t) => vmap(ops.neg)(t), /inside of another vmap/],
    ['reading', (t) => copyToBuffer(t, undefined as never) as never, /stands for 2 models/],
    ['something else', () => 3 as never, /vmap: what the function gave is the number 3/],
  ])('refuses %s', (_, run, words) => {
    expect(() => vmap(run)(x())).toThrow(words);
    // And is as before.
    expect(vmap(ops.neg)(x()).shape).toEqual([2, 3]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['models that differ in number', () => vmap(ops.add)(x(), ones([3, 3])), /first axis.*the 2 models/],
    ['a scalar', () => vmap(ops.neg)(tensor(1)), /input 0 is \[\]/],
    ['nothing mapped', () => vmap(ops.neg, { inAxes: [null] })(x()), /none of the inputs is mapped/],
    [
      'a tensor without an axis',
      () => vmap(ops.add, { inAxes: [0] })(x(), x()),
      /list of 1; input 1 is a tensor, too/,
    ],
    [
      'an axis without a tensor',
      () => vmap(ops.neg as (...all: Tensor[]) => Tensor, { inAxes: [0, 0] })(x()),
      /list of 2; input 1 is missing/,
    ],
    ['another axis', () => vmap(ops.neg, { inAxes: [1 as never] }), /inAxes\[0\] is the number 1/],
  ])('refuses %s', (_, run, words) => {
    expect(run).toThrow(words);
  });
});
