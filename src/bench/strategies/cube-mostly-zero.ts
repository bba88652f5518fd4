/**
 * The truth table on backgrounds that are mostly zero. There is no public code; this follows the parity
 * protocol's one-line description, with draws and numbers of rows of our own.
 */
import * as init from '../../nn/host-init.js';
import { Generator } from '../../random/generator.js';
import { BitMatrix, concatRows } from '../../tensor/bits.js';
import { backgroundColumns, parity, truthTable } from '../../tensor/parity.js';
import { randomizeRow } from '../../tensor/random-bits.js';
import { defineStrategy } from '../strategy.js';

/** About 20,000 in all: nine tenths from the table, one tenth fully random. */
const TABLE_ROWS = 18_000;

export const cubeMostlyZero = defineStrategy({
  name: 'cube-mostly-zero',
  description:
    'truth table, background zero with p = 0.8 else random, 10% random rows (from its description)',
  initModel(model) {
    init.kaimingUniform_(model.hidden.weight, { nonlinearity: 'relu' }, model.generator);
    init.constant_(model.hidden.bias, 0.01);
    init.xavierUniform_(model.output.weight, 0.1, model.generator);
    init.zeros_(model.output.bias);
  },
  makeDataset(secret, task, seed) {
    const generator = new Generator(seed);
    const copies = Math.max(1, Math.round(TABLE_ROWS / 2 ** secret.length));
    const table = truthTable(secret, task.nFeatures, copies);
    const background = backgroundColumns(secret, task.nFeatures);
    const chance = new Float32Array(table.rows);
    generator.uniform(chance);
    chance.forEach((value, row) => {
      if (value >= 0.8) randomizeRow(table, row, background, generator);
    });
    const random = BitMatrix.random(Math.round(table.rows / 9), task.nFeatures, generator);
    const rows = concatRows(table, random);
    const x = rows.takeRows(generator.randperm(rows.rows));
    return { x, y: parity(x, secret) };
  },
  getOptimizerConfig: () => ({ lr: 5e-4, wd: 1e-3, beta1: 0.9, beta2: 0.999 }),
});
