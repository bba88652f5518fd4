/**
 * The truth table on two backgrounds: 20 copies of each row on zeros, then the same rows on random bits. It draws as
 * torch_reference.py does.
 */
import * as init from '../../nn/host-init.js';
import { Generator } from '../../random/generator.js';
import { concatRows } from '../../tensor/bits.js';
import { backgroundColumns, parity, truthTable } from '../../tensor/parity.js';
import { randomizeColumns } from '../../tensor/random-bits.js';
import { defineStrategy } from '../strategy.js';

const COPIES = 20;

export const exhaustiveCoverage = defineStrategy({
  name: 'exhaustive-coverage',
  description: 'truth table, 20 copies on a zero background and 20 on a random one',
  initModel(model) {
    init.kaimingNormal_(model.hidden.weight, { nonlinearity: 'relu' }, model.generator);
    init.scale_(model.hidden.weight, 2);
    init.zeros_(model.hidden.bias);
    init.normal_(model.output.weight, 0, 0.01, model.generator);
    init.zeros_(model.output.bias);
  },
  makeDataset(secret, task, seed) {
    const clean = truthTable(secret, task.nFeatures, COPIES);
    const noisy = truthTable(secret, task.nFeatures, COPIES);
    randomizeColumns(noisy, backgroundColumns(secret, task.nFeatures), new Generator(seed));
    const x = concatRows(clean, noisy);
    return { x, y: parity(x, secret) };
  },
  getOptimizerConfig: () => ({ lr: 0.01, wd: 1e-3, beta1: 0.9, beta2: 0.98 }),
});
