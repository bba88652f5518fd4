/** Operations that rearrange axes, split tensors and stack them. All but `stack` are views. */

import { badArgument, checkList, checkNumber } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkTensor, checkTensorList } from '../../tensor/check-tensor.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { normalizeAxes, normalizeAxis, type Shape, sameShape, showShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { badOperands } from './check.js';
import { concat, slice } from './shape.js';

/**
 * A new axis of extent 1 in front of `axis`, which may be one past the last; a view. Any dtype.
 *
 * @example
 * unsqueeze(x, 0);  // [3] becomes [1, 3]
 * unsqueeze(x, -1); // [3] becomes [3, 1]
 */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  checkTensor('unsqueeze', 'the argument', x);
  const at = normalizeAxis('unsqueeze', axis, x.shape.length + 1);
  if (isOverModels(x)) return overModels(() => unsqueeze(x.whole(), at + 1));
  const view = x.view(x.shape.toSpliced(at, 0, 1), x.strides.toSpliced(at, 0, 1));
  return record('unsqueeze', [x], view, [], (g) => [without(g, [at])]);
}

/** The tensor without these axes, each of extent 1. */
const without = (x: Tensor, axes: Shape): Tensor => {
  const rest = (list: Shape) => list.filter((_, i) => !axes.includes(i));
  return x.view(rest(x.shape), rest(x.strides));
};

/**
 * The tensor without axes of extent 1: those named (others among them stay), or all; a view. Any dtype.
 *
 * @example
 * squeeze(x);     // [1, 3, 1] becomes [3]
 * squeeze(x, -1); // [1, 3, 1] becomes [1, 3]
 */
export function squeeze(x: Tensor, axis?: number | Shape): Tensor {
  checkTensor('squeeze', 'the argument', x);
  const axes = normalizeAxes('squeeze', axis, x.shape.length).filter((at) => x.shape[at] === 1);
  if (isOverModels(x)) {
    return overModels(() =>
      squeeze(
        x.whole(),
        axes.map((at) => at + 1),
      ),
    );
  }
  const from = x.shape;
  return record('squeeze', [x], without(x, axes), [], (g) => {
    let next = 0;
    const strides = from.map((_, at) => (axes.includes(at) ? 1 : g.strides[next++]));
    return [g.view(from, strides)];
  });
}

/**
 * The same elements with the axes in another order; a view. `order` names each axis once. Any dtype.
 *
 * @example
 * permute(images, [0, 2, 3, 1]); // [batch, channels, rows, columns] to [batch, rows, columns, channels]
 */
export function permute(x: Tensor, order: Shape): Tensor {
  checkTensor('permute', 'the argument', x);
  checkList('permute', 'the order', order, 'a list of axes fits, as [1, 0]');
  const rank = x.shape.length;
  const axes = order.map((axis) => normalizeAxis('permute', axis, rank));
  if (axes.length !== rank || new Set(axes).size !== rank) {
    throw badOperands(
      'permute',
      [x],
      `the order ${showShape(order)} has to name each of its ${rank} axes once`,
    );
  }
  if (isOverModels(x)) return overModels(() => permute(x.whole(), [0, ...axes.map((at) => at + 1)]));
  const ordered = (t: Tensor, by: Shape) =>
    t.view(
      by.map((axis) => t.shape[axis]),
      by.map((axis) => t.strides[axis]),
    );
  const back = axes.map((_, axis) => axes.indexOf(axis));
  return record('permute', [x], ordered(x, axes), [], (g) => [ordered(g, back)]);
}

/**
 * Tensors of one shape along a new axis. Any dtype.
 *
 * @example
 * const batch = stack([x0, x1, x2]); // [3, ...]
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  checkTensorList('stack', 'tensors', tensors);
  const [first] = tensors;
  if (!first) throw new LockstepError('bad-input', 'stack: the list of tensors is empty.');
  if (tensors.some(({ shape, dtype }) => !sameShape(shape, first.shape) || dtype !== first.dtype)) {
    throw badOperands('stack', tensors, 'their shapes and dtypes have to be the same');
  }
  const at = normalizeAxis('stack', axis, first.shape.length + 1);
  return concat(
    tensors.map((each) => unsqueeze(each, at)),
    at,
  );
}

/**
 * A tensor cut along an axis into parts of a size (the last one may be smaller), or of the sizes listed; views. Any dtype.
 *
 * @example
 * const [a, b] = split(tensor([1, 2, 3]), 2);   // [1, 2] and [3]
 * const [q, k, v] = split(x, [8, 8, 16], -1);
 */
export function split(x: Tensor, size: number | readonly number[], axis = 0): Tensor[] {
  checkTensor('split', 'the argument', x);
  const at = normalizeAxis('split', axis, x.shape.length);
  const extent = x.shape[at];
  const sizes = sizesOf(size, extent);
  if (sizes.reduce((sum, each) => sum + each, 0) !== extent) {
    throw badOperands(
      'split',
      [x],
      `the sizes ${showShape(sizes)} have to add up to the ${extent} of axis ${at}`,
    );
  }
  let start = 0;
  return sizes.map((each) => {
    start += each;
    return slice(x, at, start - each, start);
  });
}

function sizesOf(size: number | readonly number[], extent: number): readonly number[] {
  if (typeof size === 'number') {
    checkNumber('split', 'the size', size, { min: 1, whole: true });
    const count = Math.max(1, Math.ceil(extent / size));
    return Array.from({ length: count }, (_, i) => Math.min(size, extent - i * size));
  }
  if (!Array.isArray(size)) throw badArgument('split', 'the size', size, 'a number or a list of them fits');
  size.forEach((each, i) => {
    checkNumber('split', `the size ${i}`, each, { min: 0, whole: true });
  });
  return size;
}
