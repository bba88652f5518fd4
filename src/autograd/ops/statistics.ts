/** Reductions that are composed of others: variance, norms, the logarithm of a sum of exponentials; and running sums. */
import { runningSum } from '../../kernels/tensor/cumsum.js';
import { badArgument, checkNumber } from '../../platform/arguments.js';
import { checkOptionNames } from '../../platform/options.js';
import { checkTensor } from '../../tensor/check-tensor.js';
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
  /** Taken off the number of elements in the denominator. Default 1, as PyTorch's. */
  correction?: number;
}

function spread(name: string, x: Tensor, axis: Axes | undefined, options: VarianceOptions): Tensor {
  checkFloats(name, [x]);
  checkOptionNames(name, options, ['keepdim', 'correction']);
  const { correction = 1, keepdim } = options;
  checkNumber(name, 'correction', correction);
  const axes = normalizeAxes(name, axis, x.shape.length);
  const count = axes.reduce((product, at) => product * x.shape[at], 1);
  // Distances from the mean add up to 0, so that none of the gradient goes through it.
  const off = sub(x, mean(x.detach(), axes, { keepdim: true }));
  // Where nothing is left to divide by it is NaN or infinite, as PyTorch's.
  return div(sum(mul(off, off), axes, { keepdim }), Math.max(0, count - correction));
}

/**
 * The variance over axes: the mean squared distance from the mean, with `correction` taken off the number of elements. f32.
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
 * The length of the vectors along axes: the root of order p of the sum of sizes to the p, as `torch.linalg.vector_norm`. No
 * gradient flows from a Euclidean length of 0. f32.
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
    return pow(sum(pow(abs(x), p), axis, { keepdim }), 1 / p);
  });
}

/**
 * `ln(sum(exp(x)))` over axes, without overflow. f32.
 *
 * @example
 * const logProbabilities = sub(logits, logsumexp(logits, -1, { keepdim: true }));
 */
export function logsumexp(x: Tensor, axis?: Axes, options: Pick<ReduceOptions, 'keepdim'> = {}): Tensor {
  checkFloats('logsumexp', [x]);
  checkOptionNames('logsumexp', options, ['keepdim']);
  const axes = normalizeAxes('logsumexp', axis, x.shape.length);
  return scope(() => {
    const largest = max(x.detach(), axes, { keepdim: true });
    // Where all is -Infinity, or one is Infinity, nothing may be taken off.
    const shift = where(eq(abs(largest), Infinity), 0, largest);
    const shifted = add(log(sum(exp(sub(x, shift)), axes, { keepdim: true })), shift);
    return options.keepdim ? shifted : reshape(shifted, reducedShape(x.shape, axes, false));
  });
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
  return record('cumsum', [x], runningSum(x, at, false), [], (g) => [runningSum(g, at, true)]);
}
