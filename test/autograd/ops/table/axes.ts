/** Operations that rearrange axes, cut tensors and put them together. */
import * as ops from '../../../../src/autograd/ops/index.js';
import { ARITHMETIC, EXACT } from '../../../tolerances.js';
import { gatherRule, host, mapRule, transposedRule } from '../rules.js';
import { type Case, shifted, whole } from './cases.js';

export const axesCases: Case[] = (
  [
    {
      name: 'unsqueeze in front',
      inputs: [{ shape: [2, 3] }],
      run: (x) => ops.unsqueeze(x, 0),
      rule: (x) => host([1, 2, 3], x.data),
    },
    {
      name: 'unsqueeze of a transposed view, at the end',
      inputs: [{ shape: [2, 3] }],
      run: (x) => ops.unsqueeze(ops.transpose(x), -1),
      rule: (x) => host([3, 2, 1], transposedRule(x).data),
    },
    {
      name: 'unsqueeze of a scalar',
      inputs: [{ shape: [] }],
      run: (x) => ops.unsqueeze(x, 0),
      rule: (x) => host([1], x.data),
    },
    {
      name: 'squeeze of all',
      inputs: [{ shape: [1, 3, 1, 2] }],
      run: (x) => ops.squeeze(x),
      rule: (x) => host([3, 2], x.data),
    },
    {
      name: 'squeeze of one axis of a permuted view',
      inputs: [{ shape: [3, 1, 2, 1] }],
      run: (x) => ops.squeeze(ops.permute(x, [2, 1, 0, 3]), 1),
      rule: (x) => gatherRule(x, [2, 3, 1], ([i, j]) => [j, 0, i, 0]),
    },
    {
      name: 'squeeze of an axis that stays',
      inputs: [{ shape: [3, 1] }],
      run: (x) => ops.squeeze(x, [0]),
      rule: (x) => x,
    },
    {
      name: 'permute',
      inputs: [{ shape: [2, 3, 4] }],
      run: (x) => ops.permute(x, [2, 0, -2]),
      rule: (x) => gatherRule(x, [4, 2, 3], ([k, i, j]) => [i, j, k]),
    },
    {
      name: 'permute of nothing',
      inputs: [{ shape: [0, 3] }],
      run: (x) => ops.permute(x, [1, 0]),
      rule: () => host([3, 0]),
    },
    {
      name: 'stack',
      inputs: [{ shape: [2, 3] }, { shape: [2, 3], values: shifted }],
      run: (x, y) => ops.stack([x, y, x]),
      rule: (x, y) => host([3, 2, 3], [...x.data, ...y.data, ...x.data]),
    },
    {
      name: 'stack along the last axis',
      inputs: [{ shape: [4] }, { shape: [4], values: shifted }],
      run: (x, y) => ops.stack([x, y], -1),
      rule: (x, y) => gatherRule(host([2, 4], [...x.data, ...y.data]), [4, 2], ([i, j]) => [j, i]),
    },
    {
      name: 'split by size, the last part smaller',
      inputs: [{ shape: [5, 2] }],
      run: (x) => ops.concat(ops.split(x, 2).reverse()),
      rule: (x) => gatherRule(x, [5, 2], ([i, j]) => [[4, 2, 3, 0, 1][i], j]),
    },
    {
      name: 'split by sizes along the last axis',
      inputs: [{ shape: [2, 6] }],
      run: (x) => ops.mul(...(ops.split(x, [3, 0, 3], -1).filter((_, i) => i !== 1) as [never, never])),
      rule: (x) =>
        mapRule(
          (a, b) => a * b,
          [gatherRule(x, [2, 3], ([i, j]) => [i, j]), gatherRule(x, [2, 3], ([i, j]) => [i, j + 3])],
        ),
    },
    {
      name: 'split of nothing is one part',
      inputs: [{ shape: [0, 2] }],
      run: (x) => ops.concat(ops.split(x, 3)),
      rule: (x) => x,
    },
  ] satisfies Pick<Case, 'name' | 'inputs' | 'run' | 'rule'>[]
).map((each) => ({
  ...each,
  tolerance: each.name.startsWith('split by sizes') ? ARITHMETIC : EXACT,
  gradient: true,
}));

axesCases.push({
  name: 'stack i32',
  inputs: [{ shape: [3], dtype: 'i32', values: whole }],
  run: (x) => ops.stack([x, x]),
  rule: (x) => host([2, 3], [...x.data, ...x.data]),
  tolerance: EXACT,
  gradient: false,
});
