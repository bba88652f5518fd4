// Operations over random shapes, axes and views, on the device, against the rules of rules.ts.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import {
  add,
  concat,
  matmul,
  max,
  mul,
  reshape,
  slice,
  sum,
  transpose,
} from '../../../src/autograd/ops/index.js';
import type { Device } from '../../../src/gpu/device.js';
import { upload } from '../../../src/tensor/create.js';
import { scope } from '../../../src/tensor/scope.js';
import { numelOf, type Shape } from '../../../src/tensor/shape.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import fc from '../../properties.js';
import { EXACT, firstDifference, SUMS, type Tolerance } from '../../tolerances.js';
import { gatherRule, type Host, host, mapRule, matmulRule, reduceRule, sumOf } from './rules.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const RUNS = { numRuns: 60 };
const extents = (min: number, axes: number) => fc.array(fc.integer({ min, max: 5 }), { maxLength: axes });

/** Small whole numbers, whose float32 sums and products are exact. */
const values = (shape: Shape, seed: number): Host =>
  host(
    shape,
    Array.from({ length: numelOf(shape) }, (_, i) => ((i * 31 + seed * 17) % 19) - 9),
  );
const onDevice = ({ shape, data }: Host): Tensor => upload(Float32Array.from(data), shape, 'f32');

async function expectEqual(run: () => Tensor, expected: Host, tolerance: Tolerance = EXACT): Promise<void> {
  using result = scope(run);
  expect(result.shape).toEqual(expected.shape);
  expect(firstDifference(await result.data(), expected.data, tolerance)).toBeUndefined();
}

/** A shape, and one that broadcasts with it. */
const pairs = fc
  .tuple(extents(0, 4), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.nat(4), fc.boolean())
  .map(([shape, ones, dropped, swap]) => {
    const other = shape
      .map((extent, axis) => (ones[axis] ? 1 : extent))
      .slice(Math.min(dropped, shape.length));
    return swap ? [other, shape] : [shape, other];
  });

it('binary operations broadcast', async () => {
  await fc.assert(
    fc.asyncProperty(pairs, async ([a, b]) => {
      const [x, y] = [values(a, 1), values(b, 2)];
      await expectEqual(
        () => add(mul(onDevice(x), onDevice(y)), 0.5),
        mapRule((p, q) => p * q + 0.5, [x, y]),
      );
    }),
    RUNS,
  );
});

it('reductions take any axes of any view', async () => {
  const cases = extents(1, 4).chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.subarray([...shape.keys()]),
      fc.boolean(),
      fc.constantFrom('invocation', 'workgroup'),
      fc.constantFrom(0, 1),
    ),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ([shape, axes, keepdim, variant, which]) => {
      const x = values(shape, 3);
      // Seen reversed along two axes: strides that do not descend.
      const turned = shape.length >= 2 ? gatherRule(x, swapEnds(shape), (index) => swapEnds(index)) : x;
      const view = () => (shape.length >= 2 ? transpose(onDevice(x), 0, -1) : onDevice(x));
      const options = { keepdim, variant: variant as 'invocation' | 'workgroup' };
      const [run, rule] =
        which === 0
          ? [() => sum(view(), axes, options), sumOf]
          : [() => max(view(), axes, options), (list: number[]) => Math.max(...list)];
      await expectEqual(run, reduceRule(rule, turned, axes, keepdim));
    }),
    RUNS,
  );
});

function swapEnds(list: readonly number[]): number[] {
  const swapped = [...list];
  swapped[0] = list[list.length - 1];
  swapped[list.length - 1] = list[0];
  return swapped;
}

it('products of matrices, of any sizes, with operands that lie transposed', async () => {
  const size = fc.integer({ min: 1, max: 70 });
  const cases = fc.tuple(size, size, size, fc.boolean(), fc.constantFrom(1, 4, 8));
  await fc.assert(
    fc.asyncProperty(cases, async ([m, k, n, turned, variant]) => {
      const [a, b] = [values([m, k], 4), values([k, n], 5)];
      const bTurned = gatherRule(b, [n, k], ([i, j]) => [j, i]);
      const right = () => (turned ? transpose(onDevice(bTurned)) : onDevice(b));
      await expectEqual(
        () => matmul(onDevice(a), right(), { variant: variant as 1 | 4 | 8 }),
        matmulRule(a, b),
        SUMS,
      );
    }),
    { numRuns: 40 },
  );
});

it('slices of a tensor put together again are the tensor', async () => {
  const cases = extents(1, 4)
    .filter((shape) => shape.length > 0)
    .chain((shape) =>
      fc
        .nat(shape.length - 1)
        .chain((axis) => fc.tuple(fc.constant(shape), fc.constant(axis), fc.nat(shape[axis]))),
    );
  await fc.assert(
    fc.asyncProperty(cases, async ([shape, axis, cut]) => {
      const x = values(shape, 6);
      const whole = () => {
        const t = onDevice(x);
        return concat([slice(t, axis, 0, cut), slice(t, axis, cut)], axis);
      };
      await expectEqual(whole, x);
      await expectEqual(() => reshape(reshape(onDevice(x), [-1]), shape), x);
    }),
    RUNS,
  );
});
