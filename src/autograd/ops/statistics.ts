/** Reductions composed of simpler ones (variance, norms, log-sum-exp), and running sums. */

import { runningSum } from '../../kernels/tensor/cumsum.js';
import { badArgument, checkNumber } from '../../platform/arguments.js';
import { checkOptionNames } from '../../platform/options.js';
import { checkTensor } from '../../tensor/check-tensor.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { scope } from '../../tensor/scope.js';
import { normalizeAxes, normalizeAxis, reducedShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { checkFloats, checkOperands } from './check.js';
import { abs, add, div, eq, exp, log, mul, pow, root, sub, where } from './elementwise.js';
import { type Axes, max, mean, type ReduceOptions, sum } from './reduce.js';
import { reshape } from './shape.js';

/** Options of {@link variance} and {@link std}. */
export interface VarianceOptions extends Pick<ReduceOptions, 'keepdim'> {
  /** Subtracted from the number of elements in the denominator. Default 1, as in PyTorch. */
  correction?: number;
}

function spread(name: string, x: Tensor, axis: Axes | undefined, options: VarianceOptions): Tensor {
  checkFloats(name, [x]);
  checkOptionNames(name, options, ['keepdim', 'correction']);
  const { correction = 1, keepdim } = options;
  checkNumber(name, 'correction', correction);
  const axes = normalizeAxes(name, axis, x.shape.length);
  const count = axes.reduce((product, at) => product * x.shape[at], 1);
  // The distances from the mean add up to 0, so the gradient through the mean is 0.
  const off = sub(x, mean(x.detach(), axes, { keepdim: true }));
  // With a denominator of 0 it is NaN or infinite, as in PyTorch.
  return div(sum(mul(off, off), axes, { keepdim }), Math.max(0, count - correction));
}

/**
 * The variance over axes: the squared distances from the mean, summed and divided by the number of elements - `correction`. f32.
 *
 * @example
 * variance(x, 0, { correction: 0 });
 */
export const variance = (x: Tensor, axis?: Axes, options: VarianceOptions = {}): Tensor =>
  scope(() => spread('variance', x, axis, options));

/** The standard deviation: the root of {@link variance}; no gradient flows where it is 0. f32. Example: `std(x)`. */
export const std = (x: Tensor, axis?: Axes, options: VarianceOptions = {}): Tensor =>
  scope(() => root(spread('std', x, axis, options)));

/** Options of {@link norm}. */
export interface NormOptions extends Pick<ReduceOptions, 'keepdim'> {
  /** The order: 2 for the Euclidean length, 1 for the sum of sizes, Infinity for the largest size, or any above 0. Default 2. */
  p?: number;
}

/**
 * The p-norm over axes, `sum(|x|^p)^(1/p)`, as `torch.linalg.vector_norm`. Where it is 0, the gradient is 0.
 * f32.
 *
 * @example
 * norm(x, -1);                 // Euclidean, of each row
 * norm(x, -1, { p: Infinity }); // the largest size
 */
export function norm(x: Tensor, axis?: Axes, options: NormOptions = {}): Tensor {
  checkFloats('norm', [x]);
  checkOptionNames('norm', options, ['keepdim', 'p']);
  const { p = 2, keepdim } = options;
  if (typeof p !== 'number' || !(p > 0))
    throw badArgument('norm', 'p', p, 'a number above 0 or Infinity fits');
  return scope(() => {
    if (p === 2) return root(sum(mul(x, x), axis, { keepdim }));
    if (p === 1) return sum(abs(x), axis, { keepdim });
    if (p === Infinity) return max(abs(x), axis, { keepdim });
    return power(sum(power(abs(x), p), axis, { keepdim }), 1 / p);
  });
}

/** x, which is not negative, to the power p above 0. No gradient flows where it is 0, where that of `pow` may be infinite. */
function power(x: Tensor, p: number): Tensor {
  const isZero = eq(x, 0);
  return where(isZero, 0, pow(where(isZero, 1, x), p));
}

/**
 * `ln(sum(exp(x)))` over axes, without overflow; -Infinity where there are no elements. f32.
 *
 * @example
 * const logProbabilities = sub(logits, logsumexp(logits, -1, { keepdim: true }));
 */
export function logsumexp(x: Tensor, axis?: Axes, options: Pick<ReduceOptions, 'keepdim'> = {}): Tensor {
  checkFloats('logsumexp', [x]);
  checkOptionNames('logsumexp', options, ['keepdim']);
  const axes = normalizeAxes('logsumexp', axis, x.shape.length);
  const isEmpty = axes.some((at) => x.shape[at] === 0);
  return scope(() => {
    const shift = isEmpty ? 0 : finiteMax(x, axes);
    const shifted = add(log(sum(exp(sub(x, shift)), axes, { keepdim: true })), shift);
    return options.keepdim ? shifted : reshape(shifted, reducedShape(x.shape, axes, false));
  });
}

/** The largest elements over axes, 0 in place of infinite ones: they cannot be subtracted. Outside of the graph. */
function finiteMax(x: Tensor, axes: Axes): Tensor {
  const largest = max(x.detach(), axes, { keepdim: true });
  return where(eq(abs(largest), Infinity), 0, largest);
}

/**
 * Running sums along an axis, in order. f32, i32, u32.
 *
 * @example
 * cumsum(tensor([1, 2, 3]), 0); // 1, 3, 6
 */
export function cumsum(x: Tensor, axis: number): Tensor {
  checkTensor('cumsum', 'the argument', x);
  checkOperands('cumsum', [x], ['f32', 'i32', 'u32']);
  const at = normalizeAxis('cumsum', axis, x.shape.length);
  if (isOverModels(x)) return overModels(() => cumsum(x.whole(), at + 1));
  return record('cumsum', [x], runningSum(x, at, false), [], (g) => [runningSum(g, at, true)]);
}
