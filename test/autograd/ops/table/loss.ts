/** Losses, with every reduction. */
import * as ops from '../../../../src/autograd/ops/index.js';
import { binaryOps, type ElementwiseOp } from '../../../../src/kernels/tensor/elementwise-ops.js';
import type { Tensor } from '../../../../src/tensor/tensor.js';
import { TRANSCENDENTAL } from '../../../tolerances.js';
import { type Host, host, mapRule, sumOf } from '../rules.js';
import { type Case, type Input, natural, positive, signed, unit } from './cases.js';
import { picked } from './shape.js';
import { logSoftmaxRow, rowsRule } from './softmax.js';

type Loss = (a: Tensor, b: Tensor, options?: ops.LossOptions) => Tensor;
export const reduceLoss = (losses: Host, reduction: ops.Reduction): Host => {
  if (reduction === 'none') return losses;
  const total = sumOf([...losses.data]);
  return host([], [reduction === 'sum' ? total : total / losses.data.length]);
};
const losses: Record<
  string,
  { run: Loss; op: ElementwiseOp; values: (i: number) => number; checkTarget: boolean; s?: number }
> = {
  bceLoss: { run: ops.bceLoss, op: binaryOps.bceElement, values: unit, checkTarget: false },
  bceWithLogits: {
    run: ops.bceWithLogits,
    op: binaryOps.bceWithLogitsElement,
    values: signed,
    checkTarget: true,
  },
  mse: { run: ops.mse, op: binaryOps.squaredError, values: signed, checkTarget: true },
  l1: { run: ops.l1, op: binaryOps.absoluteError, values: signed, checkTarget: true },
  hinge: { run: ops.hinge, op: binaryOps.hingeElement, values: signed, checkTarget: true },
  huber: {
    run: (p, y, options) => ops.huber(p, y, { ...options, delta: 0.75 }),
    op: binaryOps.huberElement,
    values: signed,
    checkTarget: true,
    s: 0.75,
  },
};
const REDUCTIONS = ['mean', 'sum', 'none'] as const;
export const lossCases: Case[] = Object.entries(losses).flatMap(([name, { run, op, values, s = 0 }]) =>
  REDUCTIONS.map((reduction) => ({
    name: `${name}, ${reduction}`,
    inputs: [
      { shape: [5, 3], values },
      { shape: [5, 3], values: (i) => natural(i) % 2 },
    ],
    run: (p: Tensor, y: Tensor) => run(p, y.detach(), { reduction }),
    rule: (p: Host, y: Host) =>
      reduceLoss(
        mapRule((a, b) => op.rule(a, b, 0, s, 0), [p, y]),
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
export const crossEntropyCases: Case[] = [
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
export const lossGradientCases: Case[] = Object.entries(losses).map(
  ([name, { run, op, values, checkTarget, s = 0 }]): Case => ({
    name: `${name} by ${checkTarget ? 'both sides' : 'the prediction'}`,
    inputs: [
      { shape: [5, 3], values },
      { shape: [5, 3], values: unit, gradient: checkTarget },
    ],
    run: (p, y) => run(p, y),
    rule: (p, y) =>
      reduceLoss(
        mapRule((a, b) => op.rule(a, b, 0, s, 0), [p, y]),
        'mean',
      ),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  }),
);

export const otherLossCases: Case[] = [
  {
    name: 'bceWithLogits with weights of the positive part, by both sides',
    inputs: [
      { shape: [5, 3] },
      { shape: [5, 3], values: unit },
      { shape: [3], values: positive, gradient: false },
    ],
    run: (z, y, w) => ops.bceWithLogits(z, y, { posWeight: w }),
    rule: (z, y, w) =>
      reduceLoss(
        mapRule((a, b, c) => binaryOps.weightedBceElement.rule(a, b, c), [z, y, w]),
        'mean',
      ),
    tolerance: TRANSCENDENTAL,
    gradient: true,
  },
  {
    name: 'crossEntropy, smoothed',
    inputs: [{ shape: [4, 5] }, classes],
    run: (x, c) => ops.crossEntropy(x, c, { labelSmoothing: 0.2 }),
    rule: (x) => {
      const rows = rowsRule(x, logSoftmaxRow);
      const share = (i: number) => 0.04 + (i % 5 === picked[Math.floor(i / 5)] ? 0.8 : 0);
      return host([], [-sumOf([...rows.data].map((log, i) => log * share(i))) / 4]);
    },
    tolerance: TRANSCENDENTAL,
    gradient: true,
  },
];
