/** Elements picked by index, and class numbers as rows. */
import * as ops from '../../../../src/autograd/ops/index.js';
import { EXACT } from '../../../tolerances.js';
import { gatherRule, host, mapRule } from '../rules.js';
import type { Case, Input } from './cases.js';

/** Indices with repetitions. */
const chosen = (i: number): number => (i * 5) % 3;
const by = (shape: readonly number[], dtype: 'i32' | 'u32' = 'i32'): Input => ({
  shape,
  dtype,
  values: chosen,
});

export const indexingCases: Case[] = [
  {
    name: 'gather along the last axis, more than there are',
    inputs: [{ shape: [2, 3] }, by([2, 5])],
    run: (x, at) => ops.gather(x, -1, at),
    rule: (x, at) => gatherRule(x, [2, 5], ([i, j]) => [i, at.data[i * 5 + j]]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'gather along the first axis of a transposed view, by u32',
    inputs: [{ shape: [2, 3] }, by([4, 2], 'u32')],
    run: (x, at) => ops.gather(ops.transpose(x), 0, at),
    rule: (x, at) => gatherRule(x, [4, 2], ([i, j]) => [j, at.data[i * 2 + j]]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'gather along a middle axis, indices for a part of the others',
    inputs: [{ shape: [3, 3, 4] }, by([2, 2, 3])],
    run: (x, at) => ops.gather(x, 1, at),
    rule: (x, at) => gatherRule(x, [2, 2, 3], ([i, j, k]) => [i, at.data[(i * 2 + j) * 3 + k], k]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'gather of nothing',
    inputs: [{ shape: [2, 3] }, by([2, 0])],
    run: (x, at) => ops.gather(x, 1, at),
    rule: () => host([2, 0]),
    tolerance: EXACT,
    gradient: true,
  },
  {
    name: 'oneHot',
    inputs: [by([2, 4])],
    run: (x) => ops.oneHot(x, 3),
    rule: (x) =>
      host(
        [2, 4, 3],
        [...x.data].flatMap((c) => [0, 1, 2].map((k) => Number(k === c))),
      ),
    tolerance: EXACT,
    gradient: false,
  },
  {
    name: 'oneHot of u32, as factors',
    inputs: [by([3], 'u32'), { shape: [3, 5] }],
    run: (x, w) => ops.mul(ops.cast(ops.oneHot(x, 5), 'f32'), w),
    rule: (x, w) =>
      mapRule(
        (a, b) => a * b,
        [
          host(
            [3, 5],
            [...x.data].flatMap((c) => [0, 1, 2, 3, 4].map((k) => Number(k === c))),
          ),
          w,
        ],
      ),
    tolerance: EXACT,
    gradient: true,
  },
];
