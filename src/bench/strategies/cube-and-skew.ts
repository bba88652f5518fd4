/**
 * Two kinds of rows: the truth table on random backgrounds, and sparse secrets on zeros. There is no public code; this
 * follows the parity protocol's one-line description, with draws of our own.
 */
import * as init from '../../nn/host-init.js';
import { Generator } from '../../random/generator.js';
import { BitMatrix, concatRows } from '../../tensor/bits.js';
import { backgroundColumns, parity, truthTable } from '../../tensor/parity.js';
import { randomizeColumns } from '../../tensor/random-bits.js';
import type { Secret } from '../secrets.js';
import { defineStrategy } from '../strategy.js';

/** For K = 8, 4,000 copies of the 256 rows. For other K as many rows in all. */
const TABLE_ROWS = 4000 * 256;
const SKEWED_ROWS = 2_048_000;
const SKEW = 0.1;

/** Zero rows whose secret bits are Bernoulli(0.1). */
function skewedRows(secret: Secret, nFeatures: number, generator: Generator): BitMatrix {
  const x = new BitMatrix(SKEWED_ROWS, nFeatures);
  const chance = new Float32Array(secret.length);
  for (let row = 0; row < x.rows; row++) {
    generator.uniform(chance);
    for (let j = 0; j < chance.length; j++) if (chance[j] < SKEW) x.set(row, secret[j], 1);
  }
  return x;
}

export const cubeAndSkew = defineStrategy({
  name: 'cube-and-skew',
  description: 'truth table x 4,000 on random backgrounds, then 2,048,000 sparse rows (from its description)',
  initModel(model, task) {
    const gain = Math.sqrt(task.nFeatures / 32) * Math.sqrt(2);
    init.xavierUniform_(model.hidden.weight, gain, model.generator);
    init.normal_(model.hidden.bias, 0, 1, model.generator);
    init.xavierUniform_(model.output.weight, 1, model.generator);
    init.zeros_(model.output.bias);
  },
  makeDataset(secret, task, seed) {
    const generator = new Generator(seed);
    const copies = Math.max(1, Math.round(TABLE_ROWS / 2 ** secret.length));
    const table = truthTable(secret, task.nFeatures, copies);
    randomizeColumns(table, backgroundColumns(secret, task.nFeatures), generator);
    const x = concatRows(table, skewedRows(secret, task.nFeatures, generator));
    return { x, y: parity(x, secret) };
  },
  getOptimizerConfig: () => ({ lr: 5e-3, wd: 2e-2, beta1: 0.9, beta2: 0.999 }),
});
