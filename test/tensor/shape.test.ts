// Shape arithmetic (strides, broadcasting, merged axes, reshape) against plain computations, for random shapes.
import { describe, expect, it } from 'vitest';
import {
  broadcastAxes,
  broadcastShapes,
  broadcastStrides,
  collapse,
  contiguousStrides,
  isContiguous,
  normalizeAxes,
  normalizeAxis,
  numelOf,
  reducedShape,
  resolveReshape,
  type Shape,
} from '../../src/tensor/shape.js';
import fc from '../properties.js';

const extents = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 });
const positive = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 });

/** Offsets of all elements, row-major, by the definition of strides. */
function offsets(shape: Shape, strides: Shape): number[] {
  if (shape.length === 0) return [0];
  const inner = offsets(shape.slice(1), strides.slice(1));
  return Array.from({ length: shape[0] }, (_, i) => inner.map((at) => i * strides[0] + at)).flat();
}

/** A shape, and another that broadcasts to it: axes dropped in front, extents set to 1. */
const broadcastable = fc
  .tuple(positive, fc.infiniteStream(fc.boolean()), fc.nat(5))
  .map(([target, coins, dropped]) => {
    const from = target
      .slice(Math.min(dropped, target.length))
      .map((extent) => (coins.next().value ? extent : 1));
    return { target, from };
  });

describe('strides', () => {
  it('of a dense tensor number its elements in order', () => {
    fc.assert(
      fc.property(extents, (shape) => {
        const strides = contiguousStrides(shape);
        expect(offsets(shape, strides)).toEqual(Array.from({ length: numelOf(shape) }, (_, i) => i));
        expect(isContiguous(shape, strides)).toBe(true);
      }),
    );
  });

  it('are dense exactly when the elements lie in order', () => {
    fc.assert(
      fc.property(
        positive.chain((shape) =>
          fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
        ),
        ([shape, order]) => {
          const dense = contiguousStrides(shape);
          const permuted = order.map((axis) => shape[axis]);
          const strides = order.map((axis) => dense[axis]);
          const inOrder = offsets(permuted, strides).every((at, i) => at === i);
          expect(isContiguous(permuted, strides)).toBe(inOrder);
        },
      ),
    );
  });
});

describe('broadcasting', () => {
  it('gives the larger shape, in either order', () => {
    fc.assert(
      fc.property(broadcastable, ({ target, from }) => {
        expect(broadcastShapes('test', target, from)).toEqual(target);
        expect(broadcastShapes('test', from, target)).toEqual(target);
      }),
    );
  });

  it('repeats elements, and its axes are those that a gradient is summed over', () => {
    fc.assert(
      fc.property(broadcastable, ({ target, from }) => {
        const seen = offsets(target, broadcastStrides(from, contiguousStrides(from), target));
        const axes = broadcastAxes(target, from);
        const times = axes.reduce((product, axis) => product * target[axis], 1);
        expect(seen.length).toBe(numelOf(target));
        const counts = new Map<number, number>();
        for (const at of seen) counts.set(at, (counts.get(at) ?? 0) + 1);
        expect([...counts.keys()].sort((a, b) => a - b)).toEqual(
          Array.from({ length: numelOf(from) }, (_, i) => i),
        );
        expect([...counts.values()].every((count) => count === times)).toBe(true);
      }),
    );
  });

  it('of shapes that differ names the operation, the shapes and the axis', () => {
    expect(() => broadcastShapes('add', [2, 3], [4, 3])).toThrow(
      /^add: the shapes \[2, 3\] and \[4, 3\] do not broadcast: at axis -2 from the end, 2 and 4 differ/,
    );
    expect(() => broadcastShapes('add', [0], [2])).toThrow(/0 and 2 differ/);
    expect(broadcastShapes('add', [0, 1], [1])).toEqual([0, 1]);
  });
});

describe('collapse', () => {
  it('walks the same elements with fewer axes', () => {
    fc.assert(
      fc.property(broadcastable, ({ target, from }) => {
        const strides = [contiguousStrides(target), broadcastStrides(from, contiguousStrides(from), target)];
        const merged = collapse(target, strides);
        strides.forEach((list, i) => {
          expect(offsets(merged.shape, merged.strides[i])).toEqual(offsets(target, list));
        });
        expect(merged.shape).not.toContain(1);
      }),
    );
  });

  it('leaves one axis of dense operands', () => {
    expect(collapse([2, 3, 4], [contiguousStrides([2, 3, 4])]).shape).toEqual([24]);
    expect(collapse([1, 1], [[7, 9]])).toEqual({ shape: [], strides: [[]] });
  });
});

describe('reshape', () => {
  it('fills in the one open extent', () => {
    fc.assert(
      fc.property(positive, fc.nat(4), (shape, which) => {
        const open = shape.map((extent, axis) => (axis === which ? -1 : extent));
        expect(resolveReshape('reshape', shape, open)).toEqual(shape);
      }),
    );
  });

  it.each([
    [[6], [4]],
    [[6], [-1, 4]],
    [[6], [-1, -1]],
    [[0], [0, -1]],
    [[6], [-2, 3]],
    [[6], [1.5, 4]],
  ])('refuses %j as %j', (from, to) => {
    expect(() => resolveReshape('reshape', from, to)).toThrow(/^reshape: .* cannot become/);
  });
});

describe('axes', () => {
  it('count from the end when negative', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(5), (rank, axis) => {
        fc.pre(axis < rank);
        expect(normalizeAxis('sum', axis - rank, rank)).toBe(axis);
        expect(normalizeAxis('sum', axis, rank)).toBe(axis);
      }),
    );
    expect(normalizeAxes('sum', undefined, 3)).toEqual([0, 1, 2]);
    expect(normalizeAxes('sum', [-1, 0], 3)).toEqual([0, 2]);
    expect(reducedShape([2, 3, 4], [0, 2], false)).toEqual([3]);
    expect(reducedShape([2, 3, 4], [0, 2], true)).toEqual([1, 3, 1]);
  });

  it('that do not exist, or twice, are refused', () => {
    expect(() => normalizeAxis('sum', 2, 2)).toThrow(/^sum: axis 2 is not among .* \(-2 to 1\)/);
    expect(() => normalizeAxis('sum', 0.5, 2)).toThrow(/axis 0.5/);
    expect(() => normalizeAxes('sum', [0, -2], 2)).toThrow(/name one twice/);
  });
});
