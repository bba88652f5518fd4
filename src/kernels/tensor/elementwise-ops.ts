/**
 * The table of elementwise operations: WGSL of the result and of the gradients, and the rule in float64 that tests
 * compare them with. The differentiable functions are in src/autograd/ops/elementwise.ts.
 *
 * Expressions call the operands a, b and c, the numbers s and t, the result y, and the gradient by the result g. Only
 * operands and results that a gradient reads are kept for the backward pass. Functions that WGSL lacks are in
 * shaders/shared/floats.wgsl.ts. NaN, infinities and zeros behave as in PyTorch, in gradients too: a gradient that
 * does not flow is selected away, not multiplied by 0, which would turn an infinity into a NaN.
 */
import { type DType, fromBits } from '../../tensor/dtype.js';
import type { ElementCheck } from './elementwise.js';

export interface ElementwiseOp {
  /** WGSL of the result. */
  forward: string;
  /** WGSL of the result for whole numbers and bools, where it differs. */
  whole?: string;
  /** WGSL of the gradient by each operand; null where there is none. Absent if the operation is not differentiable. */
  gradients?: readonly (string | null)[];
  /** The operation in float64. */
  rule(a: number, b: number, c: number, s: number, t: number): number;
  /** The dtypes of operands. Default f32. */
  dtypes?: readonly DType[];
  /** True for comparisons. */
  bool?: boolean;
  /** What the operation refuses. */
  check?: ElementCheck;
}

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];
const ANY: readonly DType[] = ['f32', 'i32', 'u32', 'bool'];

/** PyTorch refuses a NaN here too; ours goes through to the loss, as it does in every operation. */
const probabilityCheck: ElementCheck = {
  key: 'bceLoss',
  refuses: 'less(a, 0.0) || less(1.0, a)',
  bits: 'bitcast<u32>(a)',
  tell: (bits) =>
    `bceLoss: a probability is ${fromBits('f32', bits)}; 0 to 1 fit. For logits there is bceWithLogits.`,
};

/** Share of the standard normal distribution below x, by the series of its integral. */
function normalCdf(x: number): number {
  if (Math.abs(x) > 38) return Number(x > 0);
  let sum = x;
  for (let term = x, n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term *= (x * x) / n;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
}

/** Rounds halves to even. */
function roundRule(a: number): number {
  const near = Math.round(a);
  return near - a === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

const GELU_TANH = '1.5957691 * (a + 0.044715 * a * a * a)';

/** As in PyTorch, the slopes of abs, relu and clamp at 0 are sign(0) = 0, 0 and 1, and sign(NaN) is 0. */
export const unaryOps = {
  neg: { forward: '-a', gradients: ['-g'], rule: (a) => -a, dtypes: ['f32', 'i32'] },
  exp: { forward: 'expOf(a)', gradients: ['g * y'], rule: Math.exp },
  log: { forward: 'logOf(a)', gradients: ['g / a'], rule: Math.log },
  sqrt: { forward: 'sqrtOf(a)', gradients: ['g / (2.0 * y)'], rule: Math.sqrt },
  abs: { forward: 'abs(a)', gradients: ['g * signOf(a)'], rule: Math.abs, dtypes: ['f32', 'i32'] },
  sign: {
    forward: 'signOf(a)',
    whole: 'sign(a)',
    gradients: ['0.0'],
    rule: (a) => (Number.isNaN(a) ? 0 : Math.sign(a)),
    dtypes: ['f32', 'i32'],
  },
  relu: {
    forward: 'relu(a)',
    gradients: ['select(g, 0.0, atMost(y, 0.0))'],
    rule: (a) => (a < 0 ? 0 : a),
  },
  /** s: slope below 0. */
  leakyRelu: {
    forward: 'leakyRelu(a, s)',
    gradients: ['select(g * s, g, less(0.0, a))'],
    rule: (a, _b, _c, s) => (a > 0 ? a : a * s),
  },
  sigmoid: {
    forward: 'sigmoid(a)',
    gradients: ['g * y * (1.0 - y)'],
    rule: (a) => 1 / (1 + Math.exp(-a)),
  },
  tanh: { forward: 'tanhOf(a)', gradients: ['g * (1.0 - y * y)'], rule: Math.tanh },
  softplus: {
    forward: 'softplus(a)',
    gradients: ['g * sigmoid(a)'],
    rule: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  },
  sin: { forward: 'sinOf(a)', gradients: ['g * cosOf(a)'], rule: Math.sin },
  cos: { forward: 'cosOf(a)', gradients: ['-g * sinOf(a)'], rule: Math.cos },
  round: { forward: 'roundOf(a)', gradients: ['0.0'], rule: roundRule },
  gelu: {
    forward: 'a * normalCdf(a)',
    gradients: ['g * geluSlope(a)'],
    rule: (a) => a * normalCdf(a),
  },
  /** Hendrycks and Gimpel's approximation, with the tanh written as a sigmoid of twice the argument. */
  geluTanh: {
    forward: `a * sigmoid(${GELU_TANH})`,
    gradients: ['g * geluTanhSlope(a)'],
    rule: (a) => a / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (a + 0.044715 * a ** 3))),
  },
  silu: {
    forward: 'a * sigmoid(a)',
    gradients: ['g * sigmoid(a) * (1.0 + a * (1.0 - sigmoid(a)))'],
    rule: (a) => a / (1 + Math.exp(-a)),
  },
  /** The square root of a sum of squares. Its gradient at 0 is 0, as in PyTorch's norm and std. */
  root: {
    forward: 'sqrtOf(a)',
    gradients: ['select(g / (2.0 * y), 0.0, equal(y, 0.0))'],
    rule: Math.sqrt,
  },
  /** s: lower bound, t: upper bound. */
  clamp: {
    forward: 'clampOf(a, s, t)',
    gradients: ['select(0.0, g, atMost(s, a) && atMost(a, t))'],
    rule: (a, _b, _c, s, t) => Math.min(Math.max(a, s), t),
  },
} satisfies Record<string, ElementwiseOp>;

/** A comparison: for floats a function that treats NaN as IEEE 754 does, for whole numbers an operator. */
const compare = (
  floats: string,
  operator: string,
  dtypes: readonly DType[],
  rule: (a: number, b: number) => boolean,
): ElementwiseOp => ({
  forward: `select(0u, 1u, ${floats})`,
  whole: `select(0u, 1u, a ${operator} b)`,
  rule: (a, b) => Number(rule(a, b)),
  dtypes,
  bool: true,
});

/** IEEE 754's power. JavaScript gives NaN for 1 to the power of NaN, and for 1 and -1 to the power of infinities. */
const powerRule = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;

/**
 * As in PyTorch: where maximum and minimum tie, each operand gets half of the gradient; where one is NaN, both get
 * all of it.
 */
export const binaryOps = {
  add: { forward: 'a + b', gradients: ['g', 'g'], rule: (a, b) => a + b, dtypes: NUMBERS },
  sub: { forward: 'a - b', gradients: ['g', '-g'], rule: (a, b) => a - b, dtypes: NUMBERS },
  mul: { forward: 'a * b', gradients: ['g * b', 'g * a'], rule: (a, b) => a * b, dtypes: NUMBERS },
  div: { forward: 'a / b', gradients: ['g / b', '-g * (y / b)'], rule: (a, b) => a / b },
  pow: {
    forward: 'power(a, b)',
    gradients: [
      'select(g * (b * power(a, b - 1.0)), 0.0, equal(b, 0.0))',
      'g * select(y * logOf(a), 0.0, equal(a, 0.0) && atMost(0.0, b))',
    ],
    rule: powerRule,
  },
  maximum: {
    forward: 'larger(a, b)',
    whole: 'max(a, b)',
    gradients: [
      'select(select(g, g * 0.5, equal(a, b)), 0.0, less(a, b))',
      'select(select(g, g * 0.5, equal(a, b)), 0.0, less(b, a))',
    ],
    rule: (a, b) => Math.max(a, b),
    dtypes: NUMBERS,
  },
  minimum: {
    forward: 'smaller(a, b)',
    whole: 'min(a, b)',
    gradients: [
      'select(select(g, g * 0.5, equal(a, b)), 0.0, less(b, a))',
      'select(select(g, g * 0.5, equal(a, b)), 0.0, less(a, b))',
    ],
    rule: (a, b) => Math.min(a, b),
    dtypes: NUMBERS,
  },
  eq: compare('equal(a, b)', '==', ANY, (a, b) => a === b),
  ne: compare('!equal(a, b)', '!=', ANY, (a, b) => a !== b),
  lt: compare('less(a, b)', '<', NUMBERS, (a, b) => a < b),
  le: compare('atMost(a, b)', '<=', NUMBERS, (a, b) => a <= b),
  gt: compare('less(b, a)', '>', NUMBERS, (a, b) => a > b),
  ge: compare('atMost(b, a)', '>=', NUMBERS, (a, b) => a >= b),
  /** a: probability, b: target. Bounds are PyTorch's: logarithms at -100, the gradient's denominator at 1e-12. */
  bceElement: {
    forward: '-(b * boundedLog(a) + (1.0 - b) * boundedLog1p(-a))',
    gradients: ['g * (a - b) / max(a * (1.0 - a), 1e-12)', null],
    check: probabilityCheck,
    rule: (a, b) => -(b * Math.max(Math.log(a), -100) + (1 - b) * Math.max(Math.log1p(-a), -100)),
  },
  /** a: logit, b: target. */
  bceWithLogitsElement: {
    forward: 'bceWithLogits(a, b)',
    gradients: ['g * (sigmoid(a) - b)', '-g * a'],
    rule: (a, b) => (a > 0 ? 1 - b : -b) * a + Math.log1p(Math.exp(-Math.abs(a))),
  },
  /** a: logit, b: target, c: weight of the positive part, which gets no gradient. */
  weightedBceElement: {
    forward: 'weightedBce(a, b, c)',
    gradients: ['g * ((c * b + 1.0 - b) * sigmoid(a) - c * b)', 'g * ((c - 1.0) * softplus(-a) - a)', null],
    rule: (a, b, c) =>
      (1 - b) * a + (1 + (c - 1) * b) * (Math.max(-a, 0) + Math.log1p(Math.exp(-Math.abs(a)))),
  },
  absoluteError: {
    forward: 'abs(a - b)',
    gradients: ['g * signOf(a - b)', 'g * signOf(b - a)'],
    rule: (a, b) => Math.abs(a - b),
  },
  /** s: the error up to which the loss is a square. */
  huberElement: {
    forward: 'huber(a - b, s)',
    gradients: ['g * clampOf(a - b, -s, s)', 'g * clampOf(b - a, -s, s)'],
    rule: (a, b, _c, s) => (Math.abs(a - b) < s ? (a - b) ** 2 / 2 : s * (Math.abs(a - b) - s / 2)),
  },
  /** b: target, -1 or 1. */
  hingeElement: {
    forward: 'relu(1.0 - a * b)',
    gradients: ['select(-g * b, 0.0, atMost(y, 0.0))', 'select(-g * a, 0.0, atMost(y, 0.0))'],
    rule: (a, b) => Math.max(0, 1 - a * b),
  },
  squaredError: {
    forward: '(a - b) * (a - b)',
    gradients: ['2.0 * (a - b) * g', '2.0 * (b - a) * g'],
    rule: (a, b) => (a - b) ** 2,
  },
} satisfies Record<string, ElementwiseOp>;

export type UnaryName = keyof typeof unaryOps;
export type BinaryName = keyof typeof binaryOps;
