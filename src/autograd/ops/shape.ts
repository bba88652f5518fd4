/**
 * The differentiable operations that only rearrange elements. Most of them are views over the same memory.
 */

import { copyDense, dense, elementwise, filled } from '../../kernels/tensor/elementwise.js';
import * as indexing from '../../kernels/tensor/index-select.js';
import { sumTo } from '../../kernels/tensor/reduce.js';
import { checkNumber } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkTensor, checkTensorList } from '../../tensor/check-tensor.js';
import { upload } from '../../tensor/create.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import {
  broadcastStrides,
  checkShape,
  contiguousStrides,
  normalizeAxis,
  resolveReshape,
  type Shape,
  sameShape,
  showShape,
} from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { badOperands } from './check.js';
import { lifted, spread } from './lift.js';

/** A view of another shape over the same elements; a copy only where the tensor is strided. */
function reshapeView(x: Tensor, shape: Shape): Tensor {
  if (x.contiguous) return x.view(shape, contiguousStrides(shape));
  const copy = copyDense(x);
  const view = copy.view(shape, contiguousStrides(shape));
  copy.dispose();
  return view;
}

/** A view repeated to a larger shape, by strides of 0. @internal */
export const expandView = (x: Tensor, shape: Shape): Tensor =>
  x.view(shape, broadcastStrides(x.shape, x.strides, shape));

/**
 * The same elements, in row-major order, in another shape. One extent may be -1; it follows from the others. Any dtype.
 *
 * @example
 * reshape(x, [-1, 4]);
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor('reshape', 'the argument', x);
  const from = x.shape;
  const to = resolveReshape('reshape', from, shape);
  if (isOverModels(x)) {
    return overModels(() => {
      const whole = x.whole();
      return reshape(whole, [whole.shape[0], ...to]);
    });
  }
  const view = reshapeView(x, to);
  return record('reshape', [x], view, [], (g) => [reshapeView(g, from)]);
}

/** Swaps two axes; a view. Any dtype. Default: the last two. Example: `transpose(w)` of [n, m] is [m, n]. */
export function transpose(x: Tensor, axis0 = -2, axis1 = -1): Tensor {
  checkTensor('transpose', 'the argument', x);
  const rank = x.shape.length;
  const [i, j] = [normalizeAxis('transpose', axis0, rank), normalizeAxis('transpose', axis1, rank)];
  if (isOverModels(x)) return overModels(() => transpose(x.whole(), i + 1, j + 1));
  const swap = (list: Shape) => list.map((_, axis) => list[axis === i ? j : axis === j ? i : axis]);
  const view = (t: Tensor) => t.view(swap(t.shape), swap(t.strides));
  return record('transpose', [x], view(x), [], (g) => [view(g)]);
}

/** Repeats the tensor to a larger shape without a copy, as broadcasting does. Example: `expand(bias, [8, 3])`. */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkTensor('expand', 'the argument', x);
  checkShape('expand', shape);
  const added = shape.length - x.shape.length;
  const fits = added >= 0 && x.shape.every((extent, axis) => extent === 1 || extent === shape[added + axis]);
  if (!fits) {
    throw badOperands('expand', [x], `to ${showShape(shape)}, each extent has to be the same, or 1 before`);
  }
  if (isOverModels(x)) {
    return overModels(() => {
      const whole = lifted(x, shape.length) as Tensor;
      return expand(whole, [whole.shape[0], ...shape]);
    });
  }
  const from = x.shape;
  return record('expand', [x], expandView(x, shape), [], (g) => [sumTo(g, from)]);
}

/** The same elements, dense and row-major. Shares the memory where they are so already; otherwise a copy. */
export function contiguous(x: Tensor): Tensor {
  checkTensor('contiguous', 'the argument', x);
  if (isOverModels(x)) return overModels(() => contiguous(x.whole()));
  return record('contiguous', [x], dense(x), [], (g) => [g]);
}

/** Zeros of `shape` with `part` put along `axis` from `start` on. */
function padded(part: Tensor, shape: Shape, axis: number, start: number): Tensor {
  const whole = filled(part.device, shape, 0, part.dtype);
  copyInto(whole, part, axis, start);
  return whole;
}

function copyInto(whole: Tensor, part: Tensor, axis: number, start: number): void {
  const place = whole.view(part.shape, whole.strides, whole.offset + start * whole.strides[axis]);
  elementwise({ label: 'copy into', expression: 'a', operands: { a: part }, into: place });
  place.dispose();
}

function sliceView(x: Tensor, axis: number, start: number, end: number): Tensor {
  const shape = x.shape.map((extent, i) => (i === axis ? end - start : extent));
  return x.view(shape, x.strides, x.offset + start * x.strides[axis]);
}

/**
 * The part of a tensor from `start` up to but not including `end` along an axis; a view. As in Python, negative bounds count
 * from the end, and bounds beyond the axis are cut. Any dtype.
 *
 * @example
 * slice(x, 0, 0, 32); // the first 32 rows
 */
export function slice(x: Tensor, axis: number, start: number, end?: number): Tensor {
  checkTensor('slice', 'the argument', x);
  checkNumber('slice', 'the start', start, { whole: true });
  if (end !== undefined) checkNumber('slice', 'the end', end, { whole: true });
  const along = normalizeAxis('slice', axis, x.shape.length);
  const extent = x.shape[along];
  const bound = (at: number) => Math.min(Math.max(at < 0 ? at + extent : at, 0), extent);
  const first = bound(start);
  const last = Math.max(first, bound(end ?? extent));
  if (isOverModels(x)) return overModels(() => slice(x.whole(), along + 1, first, last));
  const from = x.shape;
  return record('slice', [x], sliceView(x, along, first, last), [], (g) => [padded(g, from, along, first)]);
}

/**
 * Joins tensors along an axis. Their other extents have to be equal. Any dtype.
 *
 * @example
 * concat([x, y], 0);
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  checkTensorList('concat', 'tensors', tensors);
  const [first] = tensors;
  if (!first) throw new LockstepError('bad-input', 'concat: the list of tensors is empty.');
  const along = normalizeAxis('concat', axis, first.shape.length);
  const others = (shape: Shape) => shape.filter((_, i) => i !== along);
  for (const each of tensors) {
    const fits =
      each.shape.length === first.shape.length && sameShape(others(each.shape), others(first.shape));
    if (!fits || each.dtype !== first.dtype) {
      throw badOperands(
        'concat',
        tensors,
        `along axis ${along} their dtypes and all other extents have to be the same`,
      );
    }
  }
  if (tensors.some(isOverModels)) return overModels(() => concat(tensors.map(spread), along + 1));
  const starts: number[] = [];
  let total = 0;
  for (const each of tensors) {
    starts.push(total);
    total += each.shape[along];
  }
  const shape = first.shape.map((extent, i) => (i === along ? total : extent));
  const whole = Tensor.empty(first.device, shape, first.dtype);
  tensors.forEach((each, i) => {
    copyInto(whole, each, along, starts[i]);
  });
  const extents = tensors.map((each) => each.shape[along]);
  return record('concat', tensors, whole, [], (g) =>
    starts.map((start, i) => sliceView(g, along, start, start + extents[i])),
  );
}

/**
 * Picks slices along an axis by their indices, in the given order; an index may come more than once. Any dtype.
 *
 * @param indices i32 or u32 with one axis, or a list of whole numbers, from 0 to the axis' extent - 1.
 * @throws LockstepError `bad-input` for an index outside of the axis. For a list it is thrown at once. The values of a tensor
 * only the device sees: its slice is zeros, and the next read (`data()`, `item()`, `sync()`) throws.
 * @example
 * const batch = indexSelect(x, 0, slice(order, 0, 0, 128));
 * const ends = indexSelect(x, 0, [0, x.shape[0] - 1]);
 */
export function indexSelect(x: Tensor, axis: number, indices: Tensor | readonly number[]): Tensor {
  checkTensor('indexSelect', 'the argument', x);
  const along = normalizeAxis('indexSelect', axis, x.shape.length);
  if (isOverModels(x) && !isOverModels(indices)) {
    return overModels(() => indexSelect(x.whole(), along + 1, indices));
  }
  if (Array.isArray(indices)) {
    const made = indexTensor(x, along, indices);
    const result = select(x, along, made);
    made.dispose();
    return result;
  }
  checkTensor('indexSelect', 'the third argument', indices);
  if (indices.shape.length !== 1 || (indices.dtype !== 'i32' && indices.dtype !== 'u32')) {
    throw badOperands('indexSelect', [x, indices], 'the indices are an i32 or u32 tensor with one axis');
  }
  if (isOverModels(indices)) return overModels(() => selectByModel(spread(x), along + 1, indices.whole()));
  return select(x, along, indices);
}

/** Slices of x [models, …] along an axis behind the first, by indices [models, count]: each model's by its own. */
function selectByModel(x: Tensor, axis: number, indices: Tensor): Tensor {
  const [models, count] = indices.shape;
  const among = x.shape.map((_, at) => (at === 0 ? models : at === axis ? count : 1));
  const each = x.shape.map((extent, at) => (at === axis ? count : extent));
  return pick(x, axis, expand(reshape(indices, among), each));
}

/** The elements that the indices name along an axis, of the indices' shape, which is the tensor's on the other axes. @internal */
export function pick(x: Tensor, axis: number, indices: Tensor): Tensor {
  const from = x.shape;
  const result = indexing.gather(x, axis, indices);
  return record('gather', [x], result, [indices], (g, [by]) => [indexing.scatterAdd(g, axis, by, from)]);
}

function indexTensor(x: Tensor, axis: number, indices: readonly number[]): Tensor {
  const extent = x.shape[axis];
  indices.forEach((index, i) => {
    checkNumber('indexSelect', `the index ${i}`, index, { min: 0, below: extent, whole: true });
  });
  return upload(Int32Array.from(indices), [indices.length], 'i32', { device: x.device });
}

function select(x: Tensor, axis: number, indices: Tensor): Tensor {
  const from = x.shape;
  const result = indexing.indexSelect(x, axis, indices);
  return record('indexSelect', [x], result, [indices], (g, [by]) => [indexing.indexAdd(g, axis, by, from)]);
}
