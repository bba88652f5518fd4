/**
 * The truth table on a zero background: all bits outside the secret stay 0, so that nothing distracts. It draws as
 * torch_reference.py does.
 */
import * as init from '../../nn/host-init.js';
import { parity, truthTable } from '../../tensor/parity.js';
import { defineStrategy, type Model, type Strategy } from '../strategy.js';
import type { Task } from '../task.js';

/** Kaiming normal, scaled as if there were only the K inputs that matter; the output layer N(0, 1 / sqrt(W)). */
function isolationInit(model: Model, task: Task): void {
  init.kaimingNormal_(model.hidden.weight, { nonlinearity: 'relu' }, model.generator);
  init.scale_(model.hidden.weight, Math.sqrt(task.nFeatures / task.secretSize));
  init.zeros_(model.hidden.bias);
  init.normal_(model.output.weight, 0, 1 / Math.sqrt(task.hiddenWidth), model.generator);
  init.zeros_(model.output.bias);
}

/** Copies of each row of the table: 4,096 rows in all, but at least four copies. */
const isolationDataset: Strategy['makeDataset'] = (secret, task) => {
  const copies = Math.max(4, Math.floor(4096 / 2 ** secret.length));
  const x = truthTable(secret, task.nFeatures, copies);
  return { x, y: parity(x, secret) };
};

export const featureIsolation = defineStrategy({
  name: 'feature-isolation',
  description: 'truth table, 16 copies of each row, zero background',
  published: 'n32-k8 1.000000 in 1750.0 steps',
  initModel: isolationInit,
  makeDataset: isolationDataset,
  getOptimizerConfig: () => ({ lr: 0.01, wd: 0.3, beta1: 0.9, beta2: 0.95 }),
});

export const featureIsolationWd1 = defineStrategy({
  name: 'feature-isolation-wd1',
  description: 'feature-isolation with half the learning rate and weight decay 1',
  published: 'n32-k8 0.999162 in 1850.0 steps',
  initModel: isolationInit,
  makeDataset: isolationDataset,
  getOptimizerConfig: () => ({ lr: 0.005, wd: 1, beta1: 0.9, beta2: 0.98 }),
});
