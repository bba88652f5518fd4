/** Products of matrices, and linear. */
import * as ops from '../../../../src/autograd/ops/index.js';
import { numelOf, type Shape } from '../../../../src/tensor/shape.js';
import type { Tensor } from '../../../../src/tensor/tensor.js';
import { SUMS } from '../../../tolerances.js';
import { gatherRule, type Host, host, mapRule, matmulRule, transposedRule } from '../rules.js';
import { type Case, long, shifted } from './cases.js';

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
export const matmulCases: Case[] = matmulShapes.flatMap(([a, b]) =>
  ([1, 4, 8] as const).map((variant) => ({
    name: `matmul [${a}] [${b}], ${variant} x ${variant} an invocation`,
    inputs: [{ shape: a }, { shape: b, values: shifted }],
    run: (x: Tensor, y: Tensor) => ops.matmul(x, y, { variant }),
    rule: matmulRule,
    tolerance: SUMS,
    gradient: true,
  })),
);
export const otherMatmulCases: Case[] = [
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

export const linearRule = (x: Host, w: Host, b?: Host): Host => {
  const product = matmulRule(x, transposedRule(w));
  return b ? mapRule((p, q) => p + q, [product, b]) : product;
};
export const linearCases: Case[] = (
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
