/**
 * The table of operations that drives the tests: what runs, on what inputs, and the rule in float64. Every entry is
 * tested forward; every entry with `gradient` also backward, against differences of its rule.
 */
import * as ops from '../../src/autograd/ops/index.js';
import { binaryOps, type ElementwiseOp, unaryOps } from '../../src/kernels/elementwise-ops.js';
import type { DType } from '../../src/tensor/dtype.js';
import { numelOf, type Shape } from '../../src/tensor/shape.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { ARITHMETIC, EXACT, SUMS, type Tolerance, TRANSCENDENTAL } from '../tolerances.js';
import { gatherRule, type Host, host, mapRule, matmulRule, reduceRule, sumOf } from './rules.js';

export interface Input {
  shape: Shape;
  dtype?: DType;
  /** False for inputs that no gradient goes to. Default: whether it is f32. */
  gradient?: boolean;
  /** Element i; default: numbers of about -2 to 2, all different, none near 0. */
  values?: (i: number) => number;
}

export interface Case {
  name: string;
  inputs: readonly Input[];
  run(...inputs: Tensor[]): Tensor;
  rule(...inputs: Host[]): Host;
  tolerance: Tolerance;
  /** Whether the backward pass is checked too. */
  gradient: boolean;
}

/** Different numbers of about -2 to 2, at least 0.02 from 0 and from each other for the sizes used here. */
export const signed = (i: number): number => (i % 2 === 0 ? 1 : -1) * (0.11 + (((i * 37) % 61) / 61) * 1.8);
const positive = (i: number): number => Math.abs(signed(i));
const unit = (i: number): number => 0.04 + 0.92 * (((i * 37) % 61) / 61);
const whole = (i: number): number => ((i * 7) % 11) - 5;
const natural = (i: number): number => (i * 7) % 11;

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
const ARITHMETIC_OPS = new Set(['add', 'sub', 'mul', 'div', 'sqrt', 'leakyRelu', 'squaredError']);
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
  leakyRelu: { run: (x) => ops.leakyRelu(x, 0.2), s: Math.fround(0.2) },
  sigmoid: { run: ops.sigmoid },
  tanh: { run: ops.tanh },
  softplus: { run: ops.softplus },
  clamp: { run: (x) => ops.clamp(x, -1, 0.5), s: -1, t: 0.5 },
};

/** Where functions overflow, underflow, saturate or lose digits. */
const EXTREMES = [0, 1e-30, 1e-7, -1e-7, 1e-3, -0.09, 0.11, 8.9, -9.1, 20, -20, 85, -85, 1000, -1000];
const extremes = (values: readonly number[]): Input => ({ shape: [values.length], values: (i) => values[i] });

const unaryCases = Object.entries(unaryOps as Record<string, ElementwiseOp>).flatMap(([name, op]): Case[] => {
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
});

type BinaryCall = {
  run: (a: Tensor, b: Tensor) => Tensor;
  values?: [(i: number) => number, (i: number) => number];
};
const shifted = (i: number): number => signed(i + 17) + 0.007;
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

const binaryCases = Object.entries(binaryCalls).flatMap(
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

const scalarCases: Case[] = [
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

const bools = (shape: Shape): Input => ({ shape, dtype: 'bool', values: (i) => natural(i) % 2 });
const whereRule = (m: Host, a: Host, b: Host) => mapRule((c, x, y) => (c ? x : y), [m, a, b]);
const whereCases: Case[] = (
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

const reduceCases = Object.entries(reducers).flatMap(([name, { run, rule }]): Case[] =>
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
const long = (i: number): number => Math.fround(Math.sin(i));
const longCases: Case[] = [
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

const transposedRule = (x: Host): Host =>
  gatherRule(x, [...x.shape].reverse(), (index) => [...index].reverse());
const argmaxRule = (values: number[]): number => values.indexOf(Math.max(...values));
const otherReduceCases: Case[] = [
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
  {
    name: 'argmax of everything',
    inputs: [{ shape: [3, 4] }],
    run: (x) => ops.argmax(x),
    rule: (x) => reduceRule(argmaxRule, x, [0, 1], false),
    tolerance: EXACT,
    gradient: false,
  },
];

const matmulShapes: readonly (readonly [Shape, Shape])[] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [3, 5],
    [5, 2],
  ],
  [
    [9, 17],
    [17, 33],
  ],
  [
    [4, 0],
    [0, 3],
  ],
  [
    [2, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 3, 4],
    [4, 5],
  ],
  [
    [2, 1, 3, 4],
    [5, 4, 2],
  ],
];
const matmulCases: Case[] = matmulShapes.flatMap(([a, b]) =>
  ([1, 4, 8] as const).map((variant) => ({
    name: `matmul [${a}] [${b}], ${variant} x ${variant} an invocation`,
    inputs: [{ shape: a }, { shape: b, values: shifted }],
    run: (x: Tensor, y: Tensor) => ops.matmul(x, y, { variant }),
    rule: matmulRule,
    tolerance: SUMS,
    gradient: true,
  })),
);
const otherMatmulCases: Case[] = [
  {
    name: 'matmul of transposed views',
    inputs: [{ shape: [4, 3] }, { shape: [5, 4], values: shifted }],
    run: (x, y) => ops.matmul(ops.transpose(x), ops.transpose(y)),
    rule: (x, y) => matmulRule(transposedRule(x), transposedRule(y)),
    tolerance: SUMS,
    gradient: true,
  },
  {
    name: 'matmul of a slice',
    inputs: [{ shape: [4, 6] }, { shape: [3, 2], values: shifted }],
    run: (x, y) => ops.matmul(ops.slice(x, 1, 2, 5), y),
    rule: (x, y) =>
      matmulRule(
        gatherRule(x, [4, 3], ([i, j]) => [i, j + 2]),
        y,
      ),
    tolerance: SUMS,
    gradient: true,
  },
  {
    name: 'matmul, large',
    inputs: [
      { shape: [70, 300], values: long },
      { shape: [300, 66], values: (i) => long(i + 0.5) },
    ],
    run: (x, y) => ops.matmul(x, y),
    rule: matmulRule,
    tolerance: SUMS,
    gradient: false,
  },
];

const linearRule = (x: Host, w: Host, b?: Host): Host => {
  const product = matmulRule(x, transposedRule(w));
  return b ? mapRule((p, q) => p + q, [product, b]) : product;
};
const linearCases: Case[] = (
  [
    [[4, 3], [2, 3], [2]],
    [[3], [5, 3], [5]],
    [[2, 3, 4], [6, 4], [6]],
    [[3, 4], [2, 4], undefined],
  ] as const
).map(([x, w, b]) => ({
  name: `linear [${x}] [${w}] ${b ? `[${b}]` : 'without bias'}`,
  inputs: [{ shape: x }, { shape: w, values: shifted }, ...(b ? [{ shape: b }] : [])],
  run: ops.linear,
  rule: (hx, hw, hb) => {
    const flat = host([numelOf(x.slice(0, -1)), x[x.length - 1]], hx.data);
    return host([...x.slice(0, -1), w[0]], linearRule(flat, hw, hb).data);
  },
  tolerance: SUMS,
  gradient: true,
}));

/** Rows of the last axis through a function of the row. */
const rowsRule = (x: Host, rule: (row: number[]) => number[]): Host => {
  const columns = x.shape[x.shape.length - 1];
  const data: number[] = [];
  for (let at = 0; at < x.data.length; at += columns) data.push(...rule([...x.data.slice(at, at + columns)]));
  return host(x.shape, data);
};
const logSumExp = (row: number[]): number => {
  const largest = Math.max(...row);
  return largest + Math.log(sumOf(row.map((value) => Math.exp(value - largest))));
};
const logSoftmaxRow = (row: number[]): number[] => row.map((value) => value - logSumExp(row));
const softmaxRow = (row: number[]): number[] => logSoftmaxRow(row).map(Math.exp);
const softmaxCases: Case[] = ([[4], [3, 5], [2, 3, 100], [0, 3]] as Shape[]).flatMap((shape) => [
  {
    name: `softmax [${shape}]`,
    inputs: [{ shape }],
    run: (x: Tensor) => ops.softmax(x),
    rule: (x: Host) => rowsRule(x, softmaxRow),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  },
  {
    name: `logSoftmax [${shape}]`,
    inputs: [{ shape }],
    run: (x: Tensor) => ops.logSoftmax(x),
    rule: (x: Host) => rowsRule(x, logSoftmaxRow),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  },
]);
const otherSoftmaxCases: Case[] = [
  {
    name: 'softmax over axis 0',
    inputs: [{ shape: [4, 3] }],
    run: (x) => ops.softmax(x, 0),
    rule: (x) => transposedRule(rowsRule(transposedRule(x), softmaxRow)),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  },
  {
    name: 'logSoftmax of large logits',
    inputs: [{ shape: [2, 3], values: (i) => [900, 1000, -1000, 0, -80, 80][i] }],
    run: (x) => ops.logSoftmax(x),
    rule: (x) => rowsRule(x, logSoftmaxRow),
    tolerance: TRANSCENDENTAL,
    gradient: false,
  },
];

const picked = [2, 0, 2, 3];
const indices: Input = { shape: [4], dtype: 'i32', values: (i) => picked[i] };
const shapeCases: Case[] = [
  {
    name: 'reshape',
    inputs: [{ shape: [2, 6] }],
    run: (x) => ops.reshape(x, [3, -1]),
    rule: (x) => host([3, 4], x.data),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'reshape of a transposed view',
    inputs: [{ shape: [2, 6] }],
    run: (x) => ops.reshape(ops.transpose(x), [4, 3]),
    rule: (x) => host([4, 3], transposedRule(x).data),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'transpose',
    inputs: [{ shape: [3, 4] }],
    run: (x) => ops.transpose(x),
    rule: transposedRule,
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'transpose of outer axes',
    inputs: [{ shape: [2, 3, 4] }],
    run: (x) => ops.transpose(x, 0, 1),
    rule: (x) => gatherRule(x, [3, 2, 4], ([i, j, k]) => [j, i, k]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'expand',
    inputs: [{ shape: [3, 1] }],
    run: (x) => ops.expand(x, [2, 3, 4]),
    rule: (x) => gatherRule(x, [2, 3, 4], ([, j]) => [j, 0]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'contiguous',
    inputs: [{ shape: [3, 4] }],
    run: (x) => ops.contiguous(ops.transpose(x)),
    rule: transposedRule,
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'slice',
    inputs: [{ shape: [5, 4] }],
    run: (x) => ops.slice(x, 0, 1, -1),
    rule: (x) => gatherRule(x, [3, 4], ([i, j]) => [i + 1, j]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'clone',
    inputs: [{ shape: [3, 4] }],
    run: (x) => x.clone(),
    rule: (x) => x,
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'clone of a strided view',
    inputs: [{ shape: [3, 4] }],
    run: (x) => ops.slice(ops.transpose(x), 0, 1, 3).clone(),
    rule: (x) => gatherRule(x, [2, 3], ([i, j]) => [j, i + 1]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'clone of nothing',
    inputs: [{ shape: [0, 4] }],
    run: (x) => x.clone(),
    rule: (x) => x,
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'slice of the inner axis',
    inputs: [{ shape: [3, 6] }],
    run: (x) => ops.slice(x, -1, 2),
    rule: (x) => gatherRule(x, [3, 4], ([i, j]) => [i, j + 2]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'slice of nothing',
    inputs: [{ shape: [3, 6] }],
    run: (x) => ops.slice(x, 0, 2, 2),
    rule: () => host([0, 6]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'concat',
    inputs: [{ shape: [2, 3] }, { shape: [4, 3], values: shifted }],
    run: (x, y) => ops.concat([x, y]),
    rule: (x, y) => host([6, 3], [...x.data, ...y.data]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'concat of inner axes and views',
    inputs: [{ shape: [2, 3] }, { shape: [1, 2], values: shifted }],
    run: (x, y) => ops.concat([x, ops.transpose(y), x], 1),
    rule: (x, y) =>
      gatherRule(
        host([2, 4], [...x.data.slice(0, 3), y.data[0], ...x.data.slice(3), y.data[1]]),
        [2, 7],
        ([i, j]) => [i, j < 4 ? j : j - 4],
      ),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'indexSelect of rows',
    inputs: [{ shape: [5, 3] }, indices],
    run: (x, by) => ops.indexSelect(x, 0, by),
    rule: (x) => gatherRule(x, [4, 3], ([i, j]) => [picked[i], j]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'indexSelect of inner columns',
    inputs: [{ shape: [2, 4, 3] }, indices],
    run: (x, by) => ops.indexSelect(x, 1, by),
    rule: (x) => gatherRule(x, [2, 4, 3], ([i, j, k]) => [i, picked[j], k]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'cast to i32',
    inputs: [{ shape: [7] }],
    run: (x) => ops.cast(x, 'i32'),
    rule: (x) => mapRule(Math.trunc, [x]),
    tolerance: EXACT,
    gradient: false,
  },
  {
    name: 'cast to bool',
    inputs: [{ shape: [11], dtype: 'i32', values: whole }],
    run: (x) => ops.cast(x, 'bool'),
    rule: (x) => mapRule((a) => Number(a !== 0), [x]),
    tolerance: EXACT,
    gradient: false,
  },
  {
    name: 'cast bool to f32',
    inputs: [bools([9])],
    run: (x) => ops.cast(x, 'f32'),
    rule: (x) => x,
    tolerance: EXACT,
    gradient: false,
  },
];

type Loss = (a: Tensor, b: Tensor, options?: ops.LossOptions) => Tensor;
const reduceLoss = (losses: Host, reduction: ops.Reduction): Host => {
  if (reduction === 'none') return losses;
  const total = sumOf([...losses.data]);
  return host([], [reduction === 'sum' ? total : total / losses.data.length]);
};
const losses: Record<
  string,
  { run: Loss; op: ElementwiseOp; values: (i: number) => number; checkTarget: boolean }
> = {
  bceLoss: { run: ops.bceLoss, op: binaryOps.bceElement, values: unit, checkTarget: false },
  bceWithLogits: {
    run: ops.bceWithLogits,
    op: binaryOps.bceWithLogitsElement,
    values: signed,
    checkTarget: true,
  },
  mse: { run: ops.mse, op: binaryOps.squaredError, values: signed, checkTarget: true },
};
const REDUCTIONS = ['mean', 'sum', 'none'] as const;
const lossCases: Case[] = Object.entries(losses).flatMap(([name, { run, op, values }]) =>
  REDUCTIONS.map((reduction) => ({
    name: `${name}, ${reduction}`,
    inputs: [
      { shape: [5, 3], values },
      { shape: [5, 3], values: (i) => natural(i) % 2 },
    ],
    run: (p: Tensor, y: Tensor) => run(p, y.detach(), { reduction }),
    rule: (p: Host, y: Host) =>
      reduceLoss(
        mapRule((a, b) => op.rule(a, b, 0, 0, 0), [p, y]),
        reduction,
      ),
    tolerance: TRANSCENDENTAL,
    gradient: false,
  })),
);
const classes: Input = { shape: [4], dtype: 'i32', values: (i) => picked[i] };
const crossEntropyRule = (x: Host, reduction: ops.Reduction): Host => {
  const rows = rowsRule(x, logSoftmaxRow);
  return reduceLoss(
    host(
      [4],
      picked.map((c, i) => -rows.data[i * 5 + c]),
    ),
    reduction,
  );
};
const crossEntropyCases: Case[] = [
  ...REDUCTIONS.map((reduction) => ({
    name: `crossEntropy, ${reduction}`,
    inputs: [{ shape: [4, 5] }, classes],
    run: (x: Tensor, c: Tensor) => ops.crossEntropy(x, c, { reduction }),
    rule: (x: Host) => crossEntropyRule(x, reduction),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  })),
  {
    name: 'crossEntropy with probabilities',
    inputs: [{ shape: [3, 4] }, { shape: [3, 4], values: unit }],
    run: (x, p) => ops.crossEntropy(x, p),
    rule: (x, p) =>
      host([], [-sumOf([...mapRule((l, q) => l * q, [rowsRule(x, logSoftmaxRow), p]).data]) / 3]),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  },
];
/** Gradients of the losses by both sides, where targets take one. */
const lossGradientCases: Case[] = Object.entries(losses).map(
  ([name, { run, op, values, checkTarget }]): Case => ({
    name: `${name} by ${checkTarget ? 'both sides' : 'the prediction'}`,
    inputs: [
      { shape: [5, 3], values },
      { shape: [5, 3], values: unit, gradient: checkTarget },
    ],
    run: (p, y) => run(p, y),
    rule: (p, y) =>
      reduceLoss(
        mapRule((a, b) => op.rule(a, b, 0, 0, 0), [p, y]),
        'mean',
      ),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  }),
);

/** Weights of the fused network for N features and W hidden units, small enough that sums stay of order 1. */
const network = (n: number, w: number): Input[] => [
  { shape: [w, n], values: (i) => shifted(i) / n },
  { shape: [w], values: (i) => signed(i + 5) * 0.5 },
  { shape: [1, w], values: (i) => shifted(i + 3) / w },
  { shape: [1], values: () => 0.1 },
];
const networkRule = (x: Host, w1: Host, b1: Host, w2: Host, b2: Host): Host =>
  linearRule(
    mapRule((v) => Math.max(v, 0), [linearRule(x, w1, b1)]),
    w2,
    b2,
  );
/** Bits of u32 words as a float matrix. */
const unpacked = (words: Host, n: number): Host => {
  const [rows, perRow] = words.shape;
  return gatherRule(
    host(
      [rows, perRow * 32],
      [...words.data].flatMap((word) => Array.from({ length: 32 }, (_, b) => (word >>> b) & 1)),
    ),
    [rows, n],
    (index) => index,
  );
};
const bceRule = (z: Host, y: Host): Host =>
  reduceLoss(
    mapRule((a, b) => binaryOps.bceElement.rule(1 / (1 + Math.exp(-a)), b), [z, y]),
    'mean',
  );
const words = (i: number): number => Math.imul(i + 1, 0x9e3779b1) >>> 0;
const networkSizes: readonly (readonly [batch: number, n: number, w: number])[] = [
  [1, 1, 1],
  [5, 3, 7],
  [34, 31, 33],
  [3, 32, 40],
  [2, 70, 5],
];
const fusedCases: Case[] = networkSizes.flatMap(([batch, n, w]): Case[] => {
  const bits: Input = { shape: [batch, Math.ceil(n / 32)], dtype: 'u32', values: words };
  const floats: Input = { shape: [batch, n] };
  const y: Input = { shape: [batch, 1], values: (i) => natural(i) % 2, gradient: false };
  const title = `batch ${batch}, N ${n}, W ${w}`;
  return [
    {
      name: `fusedMlp of floats, ${title}`,
      inputs: [floats, ...network(n, w)],
      run: ops.fusedMlp,
      rule: networkRule,
    },
    {
      name: `fusedMlp of bits, ${title}`,
      inputs: [bits, ...network(n, w)],
      run: ops.fusedMlp,
      rule: (x: Host, ...rest: [Host, Host, Host, Host]) => networkRule(unpacked(x, n), ...rest),
    },
    {
      name: `fusedMlpBce of floats, ${title}`,
      inputs: [floats, y, ...network(n, w)],
      run: ops.fusedMlpBce,
      rule: (x: Host, t: Host, ...rest: [Host, Host, Host, Host]) => bceRule(networkRule(x, ...rest), t),
    },
    {
      name: `fusedMlpBce of bits, ${title}`,
      inputs: [bits, y, ...network(n, w)],
      run: ops.fusedMlpBce,
      rule: (x: Host, t: Host, ...rest: [Host, Host, Host, Host]) =>
        bceRule(networkRule(unpacked(x, n), ...rest), t),
    },
  ].map((each) => ({ ...each, tolerance: TRANSCENDENTAL, gradient: n * w < 300 }) as Case);
});

export const table: readonly Case[] = [
  ...fusedCases,
  ...unaryCases,
  ...binaryCases,
  ...scalarCases,
  ...whereCases,
  ...reduceCases,
  ...longCases,
  ...otherReduceCases,
  ...matmulCases,
  ...otherMatmulCases,
  ...linearCases,
  ...softmaxCases,
  ...otherSoftmaxCases,
  ...shapeCases,
  ...lossCases,
  ...lossGradientCases,
  ...crossEntropyCases,
];
