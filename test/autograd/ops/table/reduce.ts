/** Reductions, in every shader variant. */
import * as ops from '../../../../src/autograd/ops/index.js';
import type { Shape } from '../../../../src/tensor/shape.js';
import type { Tensor } from '../../../../src/tensor/tensor.js';
import { EXACT, SUMS } from '../../../tolerances.js';
import { type Host, host, reduceRule, sumOf, transposedRule } from '../rules.js';
import { type Case, long, whole } from './cases.js';

type Reducer = {
  run: (x: Tensor, axis?: ops.Axes, options?: ops.ReduceOptions) => Tensor;
  rule: (values: number[]) => number;
};
const reducers: Record<string, Reducer> = {
  sum: { run: ops.sum, rule: sumOf },
  mean: { run: ops.mean, rule: (values) => sumOf(values) / values.length },
  max: { run: ops.max, rule: (values) => values.reduce((a, b) => Math.max(a, b)) },
  min: { run: ops.min, rule: (values) => values.reduce((a, b) => Math.min(a, b)) },
};
const reductions: readonly (readonly [Shape, ops.Axes | undefined])[] = [
  [[], undefined],
  [[7], 0],
  [[3, 5], undefined],
  [[3, 5], 0],
  [[3, 5], -1],
  [
    [2, 3, 4, 5],
    [1, 3],
  ],
  [
    [2, 3, 4, 5],
    [0, -2],
  ],
  [[4, 1, 3], 1],
];
const VARIANTS = ['invocation', 'workgroup'] as const;
const allAxes = (shape: Shape, axis: ops.Axes | undefined): number[] =>
  (axis === undefined ? shape.map((_, i) => i) : [axis].flat()).map((one) =>
    one < 0 ? one + shape.length : one,
  );

export const reduceCases = Object.entries(reducers).flatMap(([name, { run, rule }]): Case[] =>
  reductions.flatMap(([shape, axis]) =>
    VARIANTS.flatMap((variant) =>
      [false, true].map((keepdim) => ({
        name: `${name} [${shape}] over ${axis}${keepdim ? ', kept' : ''}, an output ${variant}`,
        inputs: [{ shape }],
        run: (x: Tensor) => run(x, axis, { keepdim, variant }),
        rule: (x: Host) => reduceRule(rule, x, allAxes(shape, axis), keepdim),
        tolerance: SUMS,
        gradient: true,
      })),
    ),
  ),
);

/** Long ones: two passes, workgroups that loop; and transposed, so that neither part is dense. */
export const longCases: Case[] = [
  ['sum', [70000], undefined],
  ['mean', [40, 1000], 1],
  ['max', [33000, 2], 0],
  ['min', [3, 500], undefined],
].map(([name, shape, axis]) => ({
  name: `${name} of many [${shape}]`,
  inputs: [{ shape: shape as Shape, values: long }],
  run: (x: Tensor) => reducers[name as string].run(x, axis as number | undefined),
  rule: (x: Host) =>
    reduceRule(reducers[name as string].rule, x, allAxes(shape as Shape, axis as number), false),
  tolerance: SUMS,
  gradient: false,
}));

const argmaxRule = (values: number[]): number => values.indexOf(Math.max(...values));
const argminRule = (values: number[]): number => values.indexOf(Math.min(...values));
export const otherReduceCases: Case[] = [
  {
    name: 'sum of a transposed view',
    inputs: [{ shape: [6, 9] }],
    run: (x) => ops.sum(ops.transpose(x), 0),
    rule: (x) => reduceRule(sumOf, transposedRule(x), [0], false),
    tolerance: SUMS,
    gradient: true,
  },
  {
    name: 'sum over nothing is 0',
    inputs: [{ shape: [3, 0] }],
    run: (x) => ops.sum(x, 1),
    rule: () => host([3]),
    tolerance: EXACT,
    gradient: false,
  },
  {
    name: 'sum i32',
    inputs: [{ shape: [4, 9], dtype: 'i32', values: whole }],
    run: (x) => ops.sum(x, 1),
    rule: (x) => reduceRule(sumOf, x, [1], false),
    tolerance: EXACT,
    gradient: false,
  },
  ...VARIANTS.map((variant) => ({
    name: `argmax, an output ${variant}`,
    inputs: [{ shape: [5, 90] }],
    run: (x: Tensor) => ops.argmax(x, 1, { variant }),
    rule: (x: Host) => reduceRule(argmaxRule, x, [1], false),
    tolerance: EXACT,
    gradient: false,
  })),
  {
    name: 'argmax of equal ones is the first',
    inputs: [{ shape: [4, 200], values: () => 1 }],
    run: (x) => ops.argmax(x, 1),
    rule: () => host([4]),
    tolerance: EXACT,
    gradient: false,
  },
  ...VARIANTS.map((variant) => ({
    name: `argmin, an output ${variant}`,
    inputs: [{ shape: [5, 90] }],
    run: (x: Tensor) => ops.argmin(x, 1, { variant, keepdim: true }),
    rule: (x: Host) => reduceRule(argminRule, x, [1], true),
    tolerance: EXACT,
    gradient: false,
  })),
  ...(['i32', 'u32'] as const).map((dtype) => ({
    name: `argmin ${dtype}, the least number of all among them`,
    inputs: [{ shape: [5], dtype, values: (i: number) => [7, dtype === 'i32' ? -(2 ** 31) : 0, 9, 5, 8][i] }],
    run: (x: Tensor) => ops.argmin(x),
    rule: () => host([], [1]),
    tolerance: EXACT,
    gradient: false,
  })),
  {
    name: 'argmin of equal ones is the first',
    inputs: [{ shape: [4, 200], values: () => 1 }],
    run: (x) => ops.argmin(x, 1),
    rule: () => host([4]),
    tolerance: EXACT,
    gradient: false,
  },
  {
    name: 'argmax of everything',
    inputs: [{ shape: [3, 4] }],
    run: (x) => ops.argmax(x),
    rule: (x) => reduceRule(argmaxRule, x, [0, 1], false),
    tolerance: EXACT,
    gradient: false,
  },
];
