/**
 * The differentiable elementwise operations, with NumPy's broadcasting. Each is a row of the table in
 * src/kernels/tensor/elementwise-ops.ts. A number among the operands gets the tensor's dtype.
 */

import type { Operand } from '../../kernels/tensor/elementwise.js';
import * as kernels from '../../kernels/tensor/elementwise.js';
import {
  type BinaryName,
  binaryOps,
  type ElementwiseOp,
  type UnaryName,
  unaryOps,
} from '../../kernels/tensor/elementwise-ops.js';
import { sumTo } from '../../kernels/tensor/reduce.js';
import { badArgument, checkNumber, checkText } from '../../platform/arguments.js';
import { checkOptionNames } from '../../platform/options.js';
import { checkTensor } from '../../tensor/check-tensor.js';
import type { DType } from '../../tensor/dtype.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { badOperands, checkOperands } from './check.js';
import { liftedAlike } from './lift.js';

const NAMES = ['a', 'b', 'c'] as const;
const reads = (expression: string, name: string): boolean => new RegExp(`\\b${name}\\b`).test(expression);

/** Runs an operation of the table over its operands and records it. */
function apply(
  name: string,
  op: ElementwiseOp,
  operands: readonly Operand[],
  scalars: Record<string, number>,
): Tensor {
  if (operands.some(isOverModels)) {
    return overModels(() => apply(name, op, liftedAlike(operands), scalars));
  }
  if (operands.length === 1) checkTensor(name, 'the argument', operands[0]);
  const dtype = checkOperands(name, operands, op.dtypes ?? ['f32']);
  const named = Object.fromEntries(operands.map((operand, i) => [NAMES[i], operand]));
  const expression = dtype === 'f32' ? op.forward : (op.whole ?? op.forward);
  const result = kernels.elementwise({
    label: name,
    expression,
    operands: named,
    scalarDtype: dtype,
    scalars: onlyRead(expression, scalars),
    dtype: op.bool ? 'bool' : dtype,
    check: op.check,
  });
  const { gradients } = op;
  if (!gradients) return result;

  const inputs = operands.filter((operand) => operand instanceof Tensor);
  const expressions = operands.flatMap((operand, i) =>
    operand instanceof Tensor ? [gradients[i] ?? null] : [],
  );
  const wanted = expressions.filter((_, i) => inputs[i].requiresGrad).join(' ');
  const values: Record<string, Operand> = { ...named, y: result };
  const savedNames = Object.keys(values).filter((key) => values[key] instanceof Tensor && reads(wanted, key));
  const saved = savedNames.map((key) => values[key] as Tensor);
  return record(name, inputs, result, saved, (g, kept, needed) => {
    const known: Record<string, Operand> = { g };
    for (const key of NAMES) if (typeof values[key] === 'number') known[key] = values[key];
    savedNames.forEach((key, i) => {
      known[key] = kept[i];
    });
    return expressions.map((expression, i) => {
      if (!needed[i] || expression === null) return null;
      if (expression === 'g') return sumTo(g, inputs[i].shape);
      if (expression === '0.0') return kernels.filled(g.device, inputs[i].shape, 0);
      const used = Object.fromEntries(Object.entries(known).filter(([key]) => reads(expression, key)));
      const full = kernels.elementwise({
        label: `${name} gradient`,
        expression,
        operands: used,
        scalars: onlyRead(expression, scalars),
        shape: result.shape,
        dtype: 'f32',
      });
      return sumTo(full, inputs[i].shape);
    });
  });
}

function onlyRead(expression: string, scalars: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(scalars).filter(([key]) => reads(expression, key)));
}

const unary = (name: UnaryName, x: Tensor, scalars: Record<string, number> = {}): Tensor =>
  apply(name, unaryOps[name], [x], scalars);
const binary = (name: BinaryName, a: Operand, b: Operand): Tensor => apply(name, binaryOps[name], [a, b], {});

/** a + b. Any number dtype. Example: `add(tensor([1, 2]), 1)` is [2, 3]. */
export const add = (a: Operand, b: Operand): Tensor => binary('add', a, b);
/** a - b. Any number dtype. */
export const sub = (a: Operand, b: Operand): Tensor => binary('sub', a, b);
/** a * b, element by element. Any number dtype. For products of matrices: {@link matmul}. */
export const mul = (a: Operand, b: Operand): Tensor => binary('mul', a, b);
/** a / b. f32. */
export const div = (a: Operand, b: Operand): Tensor => binary('div', a, b);
/** a to the power b, as IEEE 754 defines it: 0 to the 0 is 1; a negative base with a fractional exponent gives NaN. f32. */
export const pow = (a: Operand, b: Operand): Tensor => binary('pow', a, b);
/** The larger of a and b; NaN where one is NaN. Where they are equal, each gets half of the gradient. Any number dtype. */
export const maximum = (a: Operand, b: Operand): Tensor => binary('maximum', a, b);
/** The smaller of a and b; NaN where one is NaN. Where they are equal, each gets half of the gradient. Any number dtype. */
export const minimum = (a: Operand, b: Operand): Tensor => binary('minimum', a, b);

/** a == b as bool. Any dtype. */
export const eq = (a: Operand, b: Operand): Tensor => binary('eq', a, b);
/** a != b as bool. Any dtype. */
export const ne = (a: Operand, b: Operand): Tensor => binary('ne', a, b);
/** a < b as bool. Any number dtype. */
export const lt = (a: Operand, b: Operand): Tensor => binary('lt', a, b);
/** a <= b as bool. Any number dtype. */
export const le = (a: Operand, b: Operand): Tensor => binary('le', a, b);
/** a > b as bool. Any number dtype. */
export const gt = (a: Operand, b: Operand): Tensor => binary('gt', a, b);
/** a >= b as bool. Any number dtype. */
export const ge = (a: Operand, b: Operand): Tensor => binary('ge', a, b);

/** -x. f32, i32. */
export const neg = (x: Tensor): Tensor => unary('neg', x);
/** e to the x. f32. */
export const exp = (x: Tensor): Tensor => unary('exp', x);
/** The natural logarithm: -Infinity for 0, NaN below 0. f32. */
export const log = (x: Tensor): Tensor => unary('log', x);
/** The square root. f32. */
export const sqrt = (x: Tensor): Tensor => unary('sqrt', x);
/** The absolute value; its gradient at 0 is 0. f32, i32. */
export const abs = (x: Tensor): Tensor => unary('abs', x);
/** -1, 0 or 1; 0 for NaN, as in PyTorch. Its gradient is 0. f32, i32. */
export const sign = (x: Tensor): Tensor => unary('sign', x);
/** max(x, 0); its gradient at 0 is 0. f32. */
export const relu = (x: Tensor): Tensor => unary('relu', x);
/** Options of {@link leakyRelu}. */
export interface LeakyReluOptions {
  /** The slope below 0. Default 0.01, as PyTorch's. */
  negativeSlope?: number;
}

/** x above 0, `negativeSlope * x` below. f32. Example: `leakyRelu(x, { negativeSlope: 0.2 })`. */
export function leakyRelu(x: Tensor, options: LeakyReluOptions = {}): Tensor {
  checkOptionNames('leakyRelu', options, ['negativeSlope']);
  const { negativeSlope = 0.01 } = options;
  checkNumber('leakyRelu', 'negativeSlope', negativeSlope);
  return unary('leakyRelu', x, { s: negativeSlope });
}
/** 1 / (1 + exp(-x)), without overflow. f32. */
export const sigmoid = (x: Tensor): Tensor => unary('sigmoid', x);
/** The hyperbolic tangent. f32. */
export const tanh = (x: Tensor): Tensor => unary('tanh', x);
/** ln(1 + exp(x)), without overflow. f32. */
export const softplus = (x: Tensor): Tensor => unary('softplus', x);

/** The sine, to within 1e-6 for |x| up to some thousands; NaN for infinities. f32. */
export const sin = (x: Tensor): Tensor => unary('sin', x);
/** The cosine, to within 1e-6 for |x| up to some thousands; NaN for infinities. f32. */
export const cos = (x: Tensor): Tensor => unary('cos', x);
/** The nearest whole number, halves to even; its gradient is 0. f32. Example: `round(tensor([0.5, 1.5]))` is [0, 2]. */
export const round = (x: Tensor): Tensor => unary('round', x);
/** `x * sigmoid(x)`, also called swish. f32. */
export const silu = (x: Tensor): Tensor => unary('silu', x);

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** `none`: by the normal distribution; `tanh`: its approximation by a tanh. Default `none`, as PyTorch's. */
  approximate?: 'none' | 'tanh';
}

/**
 * x times the share of the standard normal distribution below x (Hendrycks and Gimpel 2016). f32.
 *
 * @example
 * const hidden = gelu(linear(x, w, b), { approximate: 'tanh' });
 */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  checkOptionNames('gelu', options, ['approximate']);
  const { approximate = 'none' } = options;
  checkText('gelu', 'approximate', approximate, ['none', 'tanh']);
  return unary(approximate === 'tanh' ? 'geluTanh' : 'gelu', x);
}

/** The square root, without gradient at 0; see ./statistics.ts. @internal */
export const root = (x: Tensor): Tensor => unary('root', x);

/** x bounded from below and above; the gradient passes where `min <= x <= max`. f32. Example: `clamp(x, -1, 1)`. */
export function clamp(x: Tensor, min: number, max: number): Tensor {
  checkTensor('clamp', 'the argument', x);
  for (const bound of [min, max]) {
    if (typeof bound !== 'number')
      throw badArgument('clamp', 'a bound', bound, 'numbers fit, as clamp(x, -1, 1)');
  }
  if (!(min <= max))
    throw badOperands('clamp', [x, min, max], 'the lower bound has to be at most the upper one');
  return unary('clamp', x, { s: min, t: max });
}

/** The rows of the table that losses are made of. */
export type LossElement = Extract<BinaryName, `${string}Element` | `${string}Error`>;

/** The losses of single elements, before reduction; s is a parameter of the loss. See ./loss.ts. @internal */
export const lossElement = (name: LossElement, operands: readonly Operand[], s = 0): Tensor =>
  apply(name, binaryOps[name], operands, { s });

/**
 * `a` where `condition` (bool) is true, else `b`; all three broadcast. Any dtype, the same for a and b.
 *
 * @example
 * where(gt(x, 0), x, 0); // relu
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  checkTensor('where', 'the condition', condition);
  if ([condition, a, b].some(isOverModels)) {
    return overModels(() => {
      const [m, p, q] = liftedAlike<Operand>([condition, a, b]);
      return where(m as Tensor, p, q);
    });
  }
  if (condition.dtype !== 'bool')
    throw badOperands('where', [condition, a, b], 'the condition has to be bool');
  const dtype = checkOperands('where', [a, b], ['f32', 'i32', 'u32', 'bool']);
  const result = kernels.elementwise({
    label: 'where',
    expression: 'select(b, a, m != 0u)',
    operands: { m: condition, a, b },
    scalarDtype: dtype,
    dtype,
  });
  const inputs = [a, b].filter((operand) => operand instanceof Tensor);
  const choices = [a, b].flatMap((operand, i) =>
    operand instanceof Tensor ? [i === 0 ? 'select(0.0, g, m != 0u)' : 'select(g, 0.0, m != 0u)'] : [],
  );
  return record('where', inputs, result, [condition], (g, [m], needed) =>
    choices.map((expression, i) => {
      if (!needed[i]) return null;
      const operands = { m, g };
      const full = kernels.elementwise({
        label: 'where gradient',
        expression,
        operands,
        shape: g.shape,
        dtype: 'f32',
      });
      return sumTo(full, inputs[i].shape);
    }),
  );
}

/**
 * `x` with `value` where `mask` (bool) is true; they broadcast. Any dtype.
 *
 * @example
 * const scores = maskedFill(products, isPadding, -Infinity);
 */
export function maskedFill(x: Tensor, mask: Tensor, value: number): Tensor {
  checkTensor('maskedFill', 'the argument', x);
  checkTensor('maskedFill', 'the mask', mask);
  if (mask.dtype !== 'bool') throw badOperands('maskedFill', [x, mask, value], 'the mask has to be bool');
  if (typeof value !== 'number')
    throw badArgument('maskedFill', 'the value', value, 'a number fits, as -Infinity');
  checkOperands('maskedFill', [x, value], ['f32', 'i32', 'u32', 'bool']);
  return where(mask, value, x);
}

/** Zeros of the same shape, dtype and device. Not differentiable. Example: `zerosLike(x)`. */
export function zerosLike(x: Tensor): Tensor {
  checkTensor('zerosLike', 'the argument', x);
  return kernels.filled(x.device, x.shape, 0, x.dtype);
}

/**
 * Converts the elements to another dtype. Not differentiable. As bool, everything but 0 is true, NaN too. As i32 or u32,
 * floats are rounded towards zero, cut to the dtype's range, and NaN becomes 0 (PyTorch leaves the last two undefined).
 *
 * @example
 * cast(tensor([1.9, -1.9, 1e10]), 'i32'); // 1, -1, 2147483647
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkTensor('cast', 'the argument', x);
  if (isOverModels(x)) return overModels(() => cast(x.whole(), dtype));
  return kernels.cast(x, dtype);
}
