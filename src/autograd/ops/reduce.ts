/** The differentiable reductions, over all axes or over the given ones. Negative axes count from the end. */

import { elementwise } from '../../kernels/tensor/elementwise.js';
import { type ReduceVariant, reduce } from '../../kernels/tensor/reduce.js';
import { checkBoolean } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { checkTensor } from '../../tensor/check-tensor.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { normalizeAxes, reducedShape, type Shape, showShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { checkOperands } from './check.js';
import { expandView } from './shape.js';

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep the reduced axes with extent 1, so that the result broadcasts against the input. Default false. */
  keepdim?: boolean;
  /** Which shader variant runs; for tests and measurements. @internal */
  variant?: ReduceVariant;
}

function checkReduction(name: string, x: Tensor, options: ReduceOptions): void {
  checkTensor(name, 'the argument', x);
  checkOptionNames(name, options, ['keepdim', 'variant']);
  if (options.keepdim !== undefined) checkBoolean(name, 'keepdim', options.keepdim);
}

/** Axes counted behind the one over models. */
const behind = (axes: Shape): number[] => axes.map((axis) => axis + 1);

/** One axis or several; default all. */
export type Axes = number | Shape;

/** A result or its gradient, shown as if the reduced axes had been kept. */
function withAxes(tensor: Tensor, input: Shape, axes: Shape): Tensor {
  let next = 0;
  const strides = input.map((_, axis) => (axes.includes(axis) ? 0 : tensor.strides[next++]));
  return tensor.view(reducedShape(input, axes, true), strides);
}

function added(
  name: string,
  x: Tensor,
  axis: Axes | undefined,
  mean: boolean,
  options: ReduceOptions,
): Tensor {
  checkReduction(name, x, options);
  checkOperands(name, [x], mean ? ['f32'] : ['f32', 'i32', 'u32']);
  const { shape } = x;
  const axes = normalizeAxes(name, axis, shape.length);
  if (isOverModels(x)) return overModels(() => added(name, x.whole(), behind(axes), mean, options));
  const keepdim = options.keepdim ?? false;
  const scale = mean ? 1 / axes.reduce((count, one) => count * shape[one], 1) : 1;
  const result = reduce('sum', x, axes, keepdim, scale, options.variant);
  return record(name, [x], result, [], (g) => {
    const kept = keepdim ? g : withAxes(g, shape, axes);
    const expanded = expandView(kept, shape);
    if (!mean) return [expanded];
    return [
      elementwise({
        label: 'mean gradient',
        expression: 'g * s',
        operands: { g: expanded },
        scalars: { s: scale },
      }),
    ];
  });
}

/**
 * The sum over axes. f32, i32, u32.
 *
 * @example
 * sum(x);                       // of everything: shape []
 * sum(x, -1, { keepdim: true }); // of each row, [..., 1]
 */
export const sum = (x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor =>
  added('sum', x, axis, false, options);

/** The mean over axes. f32. Example: `mean(x, 0)`. */
export const mean = (x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor =>
  added('mean', x, axis, true, options);

function extreme(name: 'max' | 'min', x: Tensor, axis: Axes | undefined, options: ReduceOptions): Tensor {
  checkReduction(name, x, options);
  checkOperands(name, [x], ['f32', 'i32', 'u32']);
  const { shape } = x;
  const axes = normalizeAxes(name, axis, shape.length);
  checkNotEmpty(name, shape, axes);
  if (isOverModels(x)) return overModels(() => extreme(name, x.whole(), behind(axes), options));
  const keepdim = options.keepdim ?? false;
  const result = reduce(name, x, axes, keepdim, 1, options.variant);
  return record(name, [x], result, [x, result], (g, [input, y]) => {
    const [gKept, yKept] = keepdim ? [g, y] : [withAxes(g, shape, axes), withAxes(y, shape, axes)];
    const isBest = elementwise({
      label: `${name} gradient`,
      expression: 'select(0.0, 1.0, equal(x, y) || (isNan(x) && isNan(y)))',
      operands: { x: input, y: yKept },
    });
    const ties = reduce('sum', isBest, axes, true);
    const operands = { g: gKept, m: isBest, n: ties };
    return [
      elementwise({ label: `${name} gradient`, expression: 'select(0.0, g / n, m != 0.0)', operands, shape }),
    ];
  });
}

function checkNotEmpty(name: string, shape: Shape, axes: Shape): void {
  if (axes.some((axis) => shape[axis] === 0)) {
    throw new LockstepError(
      'bad-input',
      `${name}: ${showShape(shape)} has no elements along ${showShape(axes)}, so there is no ${name}.`,
    );
  }
}

/**
 * The largest element over axes, NaN where there is one; equal ones share the gradient, as in PyTorch's `max()` and
 * `amax`, and NaN are equal. f32, i32, u32.
 */
export const max = (x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor =>
  extreme('max', x, axis, options);

/**
 * The smallest element over axes, NaN where there is one; equal ones share the gradient, as in PyTorch's `min()` and
 * `amin`, and NaN are equal. f32, i32, u32.
 */
export const min = (x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor =>
  extreme('min', x, axis, options);

/** The place of the largest element along an axis, or in the flattened tensor; the first of equal ones, and NaN is largest. i32. */
export function argmax(x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor {
  return place('argmax', x, axis, options);
}

/** The place of the smallest element along an axis, or in the flattened tensor; the first of equal ones, and NaN is smallest. i32. */
export function argmin(x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor {
  return place('argmin', x, axis, options);
}

function place(name: 'argmax' | 'argmin', x: Tensor, axis: Axes | undefined, options: ReduceOptions): Tensor {
  checkReduction(name, x, options);
  const dtype = checkOperands(name, [x], ['f32', 'i32', 'u32']);
  const axes = normalizeAxes(name, axis, x.shape.length);
  checkNotEmpty(name, x.shape, axes);
  if (isOverModels(x)) return overModels(() => place(name, x.whole(), behind(axes), options));
  const { keepdim = false, variant } = options;
  if (name === 'argmax') return reduce('argmax', x, axes, keepdim, 1, variant);
  // Reverse the order. For whole numbers by inverting the bits, which cannot overflow as negation can.
  const expression = dtype === 'f32' ? '-a' : '~a';
  const flipped = elementwise({ label: 'argmin', expression, operands: { a: x } });
  const places = reduce('argmax', flipped, axes, keepdim, 1, variant);
  flipped.dispose();
  return places;
}
