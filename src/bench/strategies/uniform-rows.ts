/**
 * Uniform random rows and a Xavier init: the scaffold's default, and variants with few rows or without weight decay. They draw
 * as torch_reference.py does.
 */
import * as init from '../../nn/host-init.js';
import { Generator } from '../../random/generator.js';
import { BitMatrix } from '../../tensor/bits.js';
import { parity } from '../../tensor/parity.js';
import { defineStrategy, type Model, type Strategy } from '../strategy.js';

/** Xavier uniform with the ReLU's gain, then with gain 1; biases 0. */
function xavierInit(model: Model): void {
  init.xavierUniform_(model.hidden.weight, init.calculateGain('relu'), model.generator);
  init.zeros_(model.hidden.bias);
  init.xavierUniform_(model.output.weight, 1, model.generator);
  init.zeros_(model.output.bias);
}

function uniformRows(rows: number): Strategy['makeDataset'] {
  return (secret, task, seed) => {
    const count = Math.min(rows, task.maxTrainExamples);
    const x = BitMatrix.random(count, task.nFeatures, new Generator(seed));
    return { x, y: parity(x, secret) };
  };
}

export const standard = defineStrategy({
  name: 'default',
  description: '12.8 M uniform rows, Xavier init',
  published: 'n32-k8 0.747457 in 30000 steps, n50-k8 0.499544 in 30000, n64-k8 0.501640 in 30000',
  initModel: xavierInit,
  makeDataset: uniformRows(12_800_000),
  getOptimizerConfig: () => ({ lr: 1e-3, wd: 1e-2, beta1: 0.9, beta2: 0.999 }),
});

export const multiEpoch = defineStrategy({
  name: 'multi-epoch',
  description: '10,000 uniform rows seen again and again, Xavier init',
  published: 'n32-k8 0.506323 in 18816.7 steps, n50-k8 0.498332 in 8933.3, n64-k8 0.503861 in 6650.0',
  initModel: xavierInit,
  makeDataset: uniformRows(10_000),
  getOptimizerConfig: () => ({ lr: 1e-3, wd: 1e-2, beta1: 0.9, beta2: 0.999 }),
});

export const noWeightDecay = defineStrategy({
  name: 'no-weight-decay',
  description: '12.8 M uniform rows, Xavier init, no weight decay',
  published: 'n32-k8 0.860811 in 29516.7 steps, n50-k8 0.500850 in 30000, n64-k8 0.500850 in 30000',
  initModel: xavierInit,
  makeDataset: uniformRows(12_800_000),
  getOptimizerConfig: () => ({ lr: 1e-3, wd: 0, beta1: 0.9, beta2: 0.999 }),
});

export const starter = defineStrategy({
  name: 'starter',
  description: '4,096 uniform rows, Xavier init: where a contestant starts',
  initModel: xavierInit,
  makeDataset: uniformRows(4096),
  getOptimizerConfig: () => ({ lr: 1e-3, wd: 1e-2, beta1: 0.9, beta2: 0.999 }),
});
