/** Variance, norms, the logarithm of a sum of exponentials, running sums. */
import * as ops from '../../../../src/autograd/ops/index.js';
import type { Shape } from '../../../../src/tensor/shape.js';
import type { Tensor } from '../../../../src/tensor/tensor.js';
import { EXACT, SUMS, TRANSCENDENTAL } from '../../../tolerances.js';
import { eachIndex, type Host, host, mapRule, reduceRule, sumOf, transposedRule } from '../rules.js';
import { type Case, long, positive, shifted, whole } from './cases.js';
import { logSumExp } from './softmax.js';

const varianceOf =
  (correction: number) =>
  (values: number[]): number => {
    const center = sumOf(values) / values.length;
    return sumOf(values.map((value) => (value - center) ** 2)) / (values.length - correction);
  };
const normOf =
  (p: number) =>
  (values: number[]): number =>
    p === Infinity
      ? Math.max(...values.map(Math.abs))
      : sumOf(values.map((value) => Math.abs(value) ** p)) ** (1 / p);

type Reducer = readonly [
  name: string,
  run: (x: Tensor, axis?: ops.Axes, options?: { keepdim?: boolean }) => Tensor,
  rule: (values: number[]) => number,
];
const reducers: readonly Reducer[] = [
  ['variance', ops.variance, varianceOf(1)],
  ['variance without correction', (x, a, o) => ops.variance(x, a, { ...o, correction: 0 }), varianceOf(0)],
  ['std', ops.std, (values) => Math.sqrt(varianceOf(1)(values))],
  ['norm', ops.norm, normOf(2)],
  ['norm 1', (x, a, o) => ops.norm(x, a, { ...o, p: 1 }), normOf(1)],
  ['norm Infinity', (x, a, o) => ops.norm(x, a, { ...o, p: Infinity }), normOf(Infinity)],
  ['norm 3', (x, a, o) => ops.norm(x, a, { ...o, p: 3 }), normOf(3)],
  ['logsumexp', ops.logsumexp, logSumExp],
];
const reductions: readonly (readonly [Shape, ops.Axes | undefined, axes: readonly number[]])[] = [
  [[7], undefined, [0]],
  [[3, 5], 0, [0]],
  [
    [2, 3, 4],
    [0, -1],
    [0, 2],
  ],
];

/** Mean 0 and variance 1 over the last `count` axes. */
function normalRule(x: Host, count: number): Host {
  const axes = x.shape.map((_, axis) => axis).slice(-count);
  const center = reduceRule((values) => sumOf(values) / values.length, x, axes, true);
  const spread = reduceRule(varianceOf(0), x, axes, true);
  return mapRule((a, m, v) => (a - m) / Math.sqrt(v + 0.1), [x, center, spread]);
}

/** The sums of the elements up to each one along an axis. */
function runningRule(x: Host, axis: number): Host {
  const out = host(x.shape, x.data);
  const inner = x.shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  eachIndex(x.shape, (index, at) => {
    if (index[axis] > 0) out.data[at] += out.data[at - inner];
  });
  return out;
}

export const statisticsCases: Case[] = [
  {
    name: 'layerNorm over the last axis, with weight and bias',
    inputs: [{ shape: [3, 5] }, { shape: [5], values: shifted }, { shape: [5], values: positive }],
    run: (x, weight, bias) => ops.layerNorm(x, [5], { weight, bias, eps: 0.1 }),
    rule: (x, w, b) => mapRule((a, p, q) => a * p + q, [normalRule(x, 1), w, b]),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  },
  {
    name: 'layerNorm over two axes of a transposed view',
    inputs: [{ shape: [4, 3, 2] }],
    run: (x) => ops.layerNorm(ops.transpose(x, 0, 2), [3, 4], { eps: 0.1 }),
    rule: (x) => normalRule(transposedRule(x), 2),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  },
  {
    name: 'layerNorm of nothing',
    inputs: [{ shape: [0, 3] }],
    run: (x) => ops.layerNorm(x, [3]),
    rule: (x) => x,
    tolerance: EXACT,
    gradient: true,
  },
  ...reducers.flatMap(([name, run, rule]) =>
    reductions.flatMap(([shape, axis, axes]) =>
      [false, true].map((keepdim) => ({
        name: `${name} [${shape}] over ${axis}${keepdim ? ', kept' : ''}`,
        inputs: [{ shape }],
        run: (x: Tensor) => run(x, axis, { keepdim }),
        rule: (x: Host) => reduceRule(rule, x, axes, keepdim),
        tolerance: TRANSCENDENTAL,
        gradient: true,
      })),
    ),
  ),
  {
    name: 'logsumexp of large and infinite numbers',
    inputs: [{ shape: [3, 2], values: (i) => [1000, 1000, -Infinity, -Infinity, 5, Infinity][i] }],
    run: (x) => ops.logsumexp(x, 1),
    rule: () => host([3], [1000 + Math.LN2, -Infinity, Infinity]),
    tolerance: TRANSCENDENTAL,
    gradient: false,
  },
  {
    name: 'variance of large numbers close to each other',
    inputs: [{ shape: [64], values: (i) => 4096 + (i % 4) }],
    run: (x) => ops.variance(x, 0, { correction: 0 }),
    rule: () => host([], [1.25]),
    tolerance: EXACT,
    gradient: false,
  },
  ...(
    [
      [[5], 0],
      [[2, 3, 4], 1],
      [[3, 4], -1],
      [[0, 3], 1],
      [[3, 0], 1],
    ] as const
  ).map(([shape, axis]) => ({
    name: `cumsum [${shape}] along ${axis}`,
    inputs: [{ shape }],
    run: (x: Tensor) => ops.cumsum(x, axis),
    rule: (x: Host) => runningRule(x, axis < 0 ? axis + shape.length : axis),
    tolerance: SUMS,
    gradient: true,
  })),
  {
    name: 'cumsum of a transposed view, long',
    inputs: [{ shape: [700, 90], values: long }],
    run: (x) => ops.cumsum(ops.transpose(x), 1),
    rule: (x) => {
      const turned = host([90, 700]);
      eachIndex([90, 700], ([i, j], at) => {
        turned.data[at] = x.data[j * 90 + i];
      });
      return runningRule(turned, 1);
    },
    tolerance: SUMS,
    gradient: false,
  },
  {
    name: 'cumsum i32',
    inputs: [{ shape: [4, 9], dtype: 'i32', values: whole }],
    run: (x) => ops.cumsum(x, 0),
    rule: (x) => runningRule(x, 0),
    tolerance: EXACT,
    gradient: false,
  },
];
