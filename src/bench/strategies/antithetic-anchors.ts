/**
 * Hidden units in opposite pairs, and the truth table crossed with a few fixed backgrounds. There is no public
 * code; this follows the parity protocol's one-line description, with draws of our own.
 */
import * as init from '../../nn/host-init.js';
import { ndarray } from '../../tensor/ndarray.js';
import { backgroundColumns, parity, truthTable } from '../../tensor/parity.js';
import type { Secret } from '../secrets.js';
import { defineStrategy, type Model } from '../strategy.js';
import type { Task } from '../task.js';

/** Rows r, -r, r', -r', … of N(0, 0.25 / sqrt(N)); biases put each unit's edge near the middle of the cube. */
function antitheticInit(model: Model, task: Task): void {
  const { nFeatures: n, hiddenWidth: w } = task;
  const half = ndarray(Math.ceil(w / 2), n);
  init.normal_(half, 0, 0.25 / Math.sqrt(n), model.generator);
  for (let unit = 0; unit < w; unit++) {
    const sign = unit % 2 === 0 ? 1 : -1;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const value = sign * half.data[(unit >> 1) * n + i];
      model.hidden.weight.data[unit * n + i] = value;
      sum += value;
    }
    model.hidden.bias.data[unit] = 0.1 - sum / 2;
  }
  init.normal_(model.output.weight, 0, 1 / Math.sqrt(w), model.generator);
  init.zeros_(model.output.bias);
}

/** The backgrounds as columns that are 1: none, all, each alone. */
function anchors(secret: Secret, nFeatures: number): number[][] {
  const columns = backgroundColumns(secret, nFeatures);
  return [[], columns, ...columns.map((column) => [column])];
}

export const antitheticAnchors = defineStrategy({
  name: 'antithetic-anchors',
  description:
    'truth table x backgrounds {zeros, ones, each single bit}, paired units (from its description)',
  initModel: antitheticInit,
  makeDataset(secret, task) {
    const backgrounds = anchors(secret, task.nFeatures);
    const x = truthTable(secret, task.nFeatures, backgrounds.length);
    for (let row = 0; row < x.rows; row++) {
      for (const column of backgrounds[row % backgrounds.length]) x.set(row, column, 1);
    }
    return { x, y: parity(x, secret) };
  },
  getOptimizerConfig: () => ({ lr: 2e-3, wd: 1e-2, beta1: 0.9, beta2: 0.99 }),
});
