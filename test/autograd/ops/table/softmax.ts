/** softmax and logSoftmax. */
import * as ops from '../../../../src/autograd/ops/index.js';
import type { Shape } from '../../../../src/tensor/shape.js';
import type { Tensor } from '../../../../src/tensor/tensor.js';
import { TRANSCENDENTAL } from '../../../tolerances.js';
import { type Host, host, sumOf, transposedRule } from '../rules.js';
import type { Case } from './cases.js';

/** Rows of the last axis through a function of the row. */
export const rowsRule = (x: Host, rule: (row: number[]) => number[]): Host => {
  const columns = x.shape[x.shape.length - 1];
  const data: number[] = [];
  for (let at = 0; at < x.data.length; at += columns) data.push(...rule([...x.data.slice(at, at + columns)]));
  return host(x.shape, data);
};
export const logSumExp = (row: number[]): number => {
  const largest = Math.max(...row);
  return largest + Math.log(sumOf(row.map((value) => Math.exp(value - largest))));
};
export const logSoftmaxRow = (row: number[]): number[] => row.map((value) => value - logSumExp(row));
const softmaxRow = (row: number[]): number[] => logSoftmaxRow(row).map(Math.exp);
export const softmaxCases: Case[] = ([[4], [3, 5], [2, 3, 100], [0, 3]] as Shape[]).flatMap((shape) => [
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
export const otherSoftmaxCases: Case[] = [
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
