/**
 * The table of elementwise operations: WGSL forward, WGSL gradients, and the rule in float64 that tests hold them
 * against. The differentiable functions are in src/autograd/ops/elementwise.ts.
 *
 * Expressions read the operands as a, b and c, numbers as s and t, the result as y, and the gradient by the result as
 * g. A gradient that reads neither operands nor result keeps none of them alive.
 */
import type { DType } from '../tensor/dtype.js';

export interface ElementwiseOp {
  /** WGSL of the result. */
  forward: string;
  /** WGSL of the gradient by each operand; null where there is none. Absent: not differentiable. */
  gradients?: readonly (string | null)[];
  /** The operation in float64. */
  rule(a: number, b: number, c: number, s: number, t: number): number;
  /** What operands may be. Default f32. */
  dtypes?: readonly DType[];
  /** True for comparisons. */
  bool?: boolean;
}

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];
const ANY: readonly DType[] = ['f32', 'i32', 'u32', 'bool'];

/** As PyTorch: the slope at 0 of abs, relu and clamp is that of sign(0) = 0, 0 and 1. */
export const unaryOps = {
  neg: { forward: '-a', gradients: ['-g'], rule: (a) => -a, dtypes: ['f32', 'i32'] },
  exp: { forward: 'exp(a)', gradients: ['g * y'], rule: Math.exp },
  log: { forward: 'log(a)', gradients: ['g / a'], rule: Math.log },
  sqrt: { forward: 'sqrt(a)', gradients: ['g * 0.5 / y'], rule: Math.sqrt },
  abs: { forward: 'abs(a)', gradients: ['g * sign(a)'], rule: Math.abs, dtypes: ['f32', 'i32'] },
  sign: { forward: 'sign(a)', gradients: ['g * 0.0'], rule: Math.sign, dtypes: ['f32', 'i32'] },
  relu: {
    forward: 'select(a, 0.0, a <= 0.0)',
    gradients: ['select(g, 0.0, y <= 0.0)'],
    rule: (a) => Math.max(a, 0),
  },
  /** s: slope below 0. */
  leakyRelu: {
    forward: 'select(a, a * s, a <= 0.0)',
    gradients: ['select(g, g * s, a <= 0.0)'],
    rule: (a, _b, _c, s) => (a > 0 ? a : a * s),
  },
  sigmoid: {
    forward: 'sigmoid(a)',
    gradients: ['g * y * (1.0 - y)'],
    rule: (a) => 1 / (1 + Math.exp(-a)),
  },
  tanh: { forward: 'tanhOf(a)', gradients: ['g * (1.0 - y * y)'], rule: Math.tanh },
  softplus: {
    forward: 'max(a, 0.0) + log1p(exp(-abs(a)))',
    gradients: ['g * sigmoid(a)'],
    rule: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  },
  /** s: lower bound, t: upper bound. */
  clamp: {
    forward: 'clamp(a, s, t)',
    gradients: ['select(0.0, g, a >= s && a <= t)'],
    rule: (a, _b, _c, s, t) => Math.min(Math.max(a, s), t),
  },
} satisfies Record<string, ElementwiseOp>;

const compare = (operator: string, rule: (a: number, b: number) => boolean): ElementwiseOp => ({
  forward: `select(0u, 1u, a ${operator} b)`,
  rule: (a, b) => Number(rule(a, b)),
  dtypes: operator.endsWith('=') && operator.length === 2 && '=!'.includes(operator[0]) ? ANY : NUMBERS,
  bool: true,
});

/** As PyTorch: where maximum and minimum tie, each side gets half of the gradient. */
export const binaryOps = {
  add: { forward: 'a + b', gradients: ['g', 'g'], rule: (a, b) => a + b, dtypes: NUMBERS },
  sub: { forward: 'a - b', gradients: ['g', '-g'], rule: (a, b) => a - b, dtypes: NUMBERS },
  mul: { forward: 'a * b', gradients: ['g * b', 'g * a'], rule: (a, b) => a * b, dtypes: NUMBERS },
  div: { forward: 'a / b', gradients: ['g / b', '-g * y / b'], rule: (a, b) => a / b },
  pow: {
    forward: 'power(a, b)',
    gradients: [
      'select(g * b * power(a, b - 1.0), 0.0, b == 0.0)',
      'select(g * y * log(a), 0.0, a == 0.0 && b >= 0.0)',
    ],
    rule: (a, b) => a ** b,
  },
  maximum: {
    forward: 'max(a, b)',
    gradients: [
      'g * select(select(0.0, 0.5, a == b), 1.0, a > b)',
      'g * select(select(0.0, 0.5, a == b), 1.0, b > a)',
    ],
    rule: (a, b) => Math.max(a, b),
    dtypes: NUMBERS,
  },
  minimum: {
    forward: 'min(a, b)',
    gradients: [
      'g * select(select(0.0, 0.5, a == b), 1.0, a < b)',
      'g * select(select(0.0, 0.5, a == b), 1.0, b < a)',
    ],
    rule: (a, b) => Math.min(a, b),
    dtypes: NUMBERS,
  },
  eq: compare('==', (a, b) => a === b),
  ne: compare('!=', (a, b) => a !== b),
  lt: compare('<', (a, b) => a < b),
  le: compare('<=', (a, b) => a <= b),
  gt: compare('>', (a, b) => a > b),
  ge: compare('>=', (a, b) => a >= b),
  /** a: probability, b: target. PyTorch's clamps: logarithms at -100, the gradient's denominator at 1e-12. */
  bceElement: {
    forward: '-(b * boundedLog(a) + (1.0 - b) * boundedLog1p(-a))',
    gradients: ['g * (a - b) / max(a * (1.0 - a), 1e-12)', null],
    rule: (a, b) => -(b * Math.max(Math.log(a), -100) + (1 - b) * Math.max(Math.log1p(-a), -100)),
  },
  /** a: logit, b: target. */
  bceWithLogitsElement: {
    forward: 'max(a, 0.0) - a * b + log1p(exp(-abs(a)))',
    gradients: ['g * (sigmoid(a) - b)', '-g * a'],
    rule: (a, b) => Math.max(a, 0) - a * b + Math.log1p(Math.exp(-Math.abs(a))),
  },
  squaredError: {
    forward: '(a - b) * (a - b)',
    gradients: ['2.0 * g * (a - b)', '2.0 * g * (b - a)'],
    rule: (a, b) => (a - b) ** 2,
  },
} satisfies Record<string, ElementwiseOp>;

export type UnaryName = keyof typeof unaryOps;
export type BinaryName = keyof typeof binaryOps;
