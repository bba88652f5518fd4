/** Elementwise operations: every row of their own table, numbers as operands, where. */

import { root } from '../../../../src/autograd/ops/elementwise.js';
import * as ops from '../../../../src/autograd/ops/index.js';
import { binaryOps, type ElementwiseOp, unaryOps } from '../../../../src/kernels/tensor/elementwise-ops.js';
import type { Shape } from '../../../../src/tensor/shape.js';
import type { Tensor } from '../../../../src/tensor/tensor.js';
import { ARITHMETIC, EXACT, type Tolerance, TRANSCENDENTAL } from '../../../tolerances.js';
import { type Host, host, mapRule } from '../rules.js';
import { bools, type Case, type Input, natural, positive, shifted, signed, whole } from './cases.js';

const shapeOfs: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[5], [5]],
  [[3, 4], []],
  [[3, 4], [4]],
  [
    [3, 1],
    [1, 4],
  ],
  [
    [2, 1, 3, 1],
    [4, 1, 5],
  ],
  [[0, 3], [3]],
];
const unaryShapes: readonly Shape[] = [[], [7], [0], [3, 5], [2, 1, 3, 2]];

const EXACT_OPS = new Set([
  'neg',
  'abs',
  'sign',
  'relu',
  'round',
  'clamp',
  'maximum',
  'minimum',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
]);
const ARITHMETIC_OPS = new Set(['add', 'sub', 'mul', 'div', 'sqrt', 'root', 'leakyRelu', 'squaredError']);
const toleranceOf = (name: string): Tolerance =>
  EXACT_OPS.has(name) ? EXACT : ARITHMETIC_OPS.has(name) ? ARITHMETIC : TRANSCENDENTAL;

/** Names, scalars and domains that differ from the default. */
const unaryCalls: Record<
  keyof typeof unaryOps,
  { run: (x: Tensor) => Tensor; s?: number; t?: number; values?: (i: number) => number }
> = {
  neg: { run: ops.neg },
  exp: { run: ops.exp },
  log: { run: ops.log, values: positive },
  sqrt: { run: ops.sqrt, values: positive },
  abs: { run: ops.abs },
  sign: { run: ops.sign },
  relu: { run: ops.relu },
  leakyRelu: { run: (x) => ops.leakyRelu(x, { negativeSlope: 0.2 }), s: Math.fround(0.2) },
  sigmoid: { run: ops.sigmoid },
  tanh: { run: ops.tanh },
  softplus: { run: ops.softplus },
  sin: { run: ops.sin },
  cos: { run: ops.cos },
  round: { run: ops.round },
  gelu: { run: (x) => ops.gelu(x) },
  geluTanh: { run: (x) => ops.gelu(x, { approximate: 'tanh' }) },
  silu: { run: ops.silu },
  root: { run: root, values: positive },
  clamp: { run: (x) => ops.clamp(x, -1, 0.5), s: -1, t: 0.5 },
};

/** Where functions overflow, underflow, saturate or lose digits. */
const EXTREMES = [0, 1e-30, 1e-7, -1e-7, 1e-3, -0.09, 0.11, 8.9, -9.1, 20, -20, 85, -85, 1000, -1000];
const extremes = (values: readonly number[]): Input => ({ shape: [values.length], values: (i) => values[i] });

export const unaryCases = Object.entries(unaryOps as Record<string, ElementwiseOp>).flatMap(
  ([name, op]): Case[] => {
    const { run, s = 0, t = 0, values = signed } = unaryCalls[name as keyof typeof unaryOps];
    const rule = (x: Host) => mapRule((a) => op.rule(a, 0, 0, s, t), [x]);
    const tolerance = toleranceOf(name);
    const cases = unaryShapes.map(
      (shape): Case => ({
        name: `${name} [${shape}]`,
        inputs: [{ shape, values }],
        run,
        rule,
        tolerance,
        gradient: true,
      }),
    );
    // exp(1000) and log(0) are infinite: WGSL promises nothing there.
    const inDomain = EXTREMES.filter(
      (x) => Math.abs(op.rule(x, 0, 0, s, t)) < 3e38 && !(name === 'log' && x < 1e-20),
    );
    cases.push({
      name: `${name} of extremes`,
      inputs: [extremes(inDomain)],
      run,
      rule,
      tolerance,
      gradient: false,
    });
    for (const dtype of op.dtypes ?? []) {
      if (dtype !== 'f32') {
        cases.push({
          name: `${name} ${dtype}`,
          inputs: [{ shape: [3, 4], dtype, values: whole }],
          run,
          rule,
          tolerance: EXACT,
          gradient: false,
        });
      }
    }
    return cases;
  },
);

type BinaryCall = {
  run: (a: Tensor, b: Tensor) => Tensor;
  values?: [(i: number) => number, (i: number) => number];
};
const binaryCalls: Partial<Record<keyof typeof binaryOps, BinaryCall>> = {
  add: { run: ops.add },
  sub: { run: ops.sub },
  mul: { run: ops.mul },
  div: { run: ops.div },
  pow: { run: ops.pow, values: [positive, shifted] },
  maximum: { run: ops.maximum },
  minimum: { run: ops.minimum },
  eq: { run: ops.eq, values: [whole, natural] },
  ne: { run: ops.ne, values: [whole, natural] },
  lt: { run: ops.lt, values: [whole, natural] },
  le: { run: ops.le, values: [whole, natural] },
  gt: { run: ops.gt, values: [whole, natural] },
  ge: { run: ops.ge, values: [whole, natural] },
};

export const binaryCases = Object.entries(binaryCalls).flatMap(
  ([name, { run, values = [signed, shifted] }]): Case[] => {
    const op = binaryOps[name as keyof typeof binaryOps] as ElementwiseOp;
    const rule = (x: Host, y: Host) => mapRule((a, b) => op.rule(a, b, 0, 0, 0), [x, y]);
    const cases: Case[] = shapeOfs.flatMap(([left, right]) =>
      [[left, right] as const, [right, left] as const].map(([a, b]) => ({
        name: `${name} [${a}] [${b}]`,
        inputs: [
          { shape: a, values: values[0] },
          { shape: b, values: values[1] },
        ],
        run,
        rule,
        tolerance: toleranceOf(name),
        gradient: op.gradients !== undefined,
      })),
    );
    for (const dtype of op.dtypes ?? []) {
      if (dtype === 'f32') continue;
      const list = dtype === 'bool' ? (i: number) => natural(i) % 2 : dtype === 'u32' ? natural : whole;
      cases.push({
        name: `${name} ${dtype}`,
        // b below a, so that u32 differences stay whole.
        inputs: [
          { shape: [3, 4], dtype, values: (i) => list(i) + (dtype === 'u32' ? 11 : 0) },
          { shape: [4], dtype, values: list },
        ],
        run,
        rule,
        tolerance: EXACT,
        gradient: false,
      });
    }
    return cases;
  },
);

export const scalarCases: Case[] = [
  ['add 1.5', (x: Tensor) => ops.add(x, 1.5), (a: number) => a + 1.5],
  ['1.5 - x', (x: Tensor) => ops.sub(1.5, x), (a: number) => 1.5 - a],
  ['x * -2', (x: Tensor) => ops.mul(x, -2), (a: number) => a * -2],
  ['1 / x', (x: Tensor) => ops.div(1, x), (a: number) => 1 / a],
  ['x squared', (x: Tensor) => ops.pow(x, 2), (a: number) => a ** 2],
  ['x cubed', (x: Tensor) => ops.pow(x, 3), (a: number) => a ** 3],
  ['x to the -1', (x: Tensor) => ops.pow(x, -1), (a: number) => a ** -1],
  ['2 to the x', (x: Tensor) => ops.pow(2, x), (a: number) => 2 ** a],
  ['maximum with 0.5', (x: Tensor) => ops.maximum(x, 0.5), (a: number) => Math.max(a, 0.5)],
].map(([name, run, rule]) => ({
  name: name as string,
  inputs: [{ shape: [3, 5] }],
  run: run as Case['run'],
  rule: (x: Host) => mapRule(rule as (a: number) => number, [x]),
  tolerance: TRANSCENDENTAL,
  gradient: true,
}));

export const roundCases: Case[] = [
  {
    name: 'round of halves',
    inputs: [{ shape: [9], values: (i) => [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 8388607.5, 8388609, -3e9][i] }],
    run: ops.round,
    rule: () => host([9], [-2, -2, 0, 0, 2, 2, 8388608, 8388609, -3e9]),
    tolerance: EXACT,
    gradient: false,
  },
];

/** Many turns: of the last ones float32 knows the argument to 6e-5 only, and the rule takes it as it is. */
export const turnCases: Case[] = (
  [
    ['sin', ops.sin, Math.sin],
    ['cos', ops.cos, Math.cos],
  ] as const
).map(([name, run, rule]) => ({
  name: `${name} over many turns`,
  inputs: [{ shape: [801], values: (i) => Math.fround((i - 400) * 5.1) }],
  run,
  rule: (x) => mapRule(rule, [x]),
  tolerance: TRANSCENDENTAL,
  gradient: false,
}));

const whereRule = (m: Host, a: Host, b: Host) => mapRule((c, x, y) => (c ? x : y), [m, a, b]);
export const whereCases: Case[] = (
  [
    [
      [3, 4],
      [3, 4],
      [3, 4],
    ],
    [[3, 1], [4], []],
    [[], [2, 3], [3]],
  ] as const
).map(([m, a, b]) => ({
  name: `where [${m}] [${a}] [${b}]`,
  inputs: [bools(m), { shape: a }, { shape: b, values: shifted }],
  run: ops.where,
  rule: whereRule,
  tolerance: EXACT,
  gradient: true,
}));

export const maskedFillCases: Case[] = [
  {
    name: 'maskedFill',
    inputs: [{ shape: [2, 3] }, bools([3])],
    run: (x, mask) => ops.maskedFill(x, mask, -7),
    rule: (x, mask) => mapRule((a, m) => (m ? -7 : a), [x, mask]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'zerosLike of whole numbers',
    inputs: [{ shape: [2, 3], dtype: 'i32', values: whole }],
    run: ops.zerosLike,
    rule: (x) => host(x.shape),
    tolerance: EXACT,
    gradient: false,
  },
];
