// Datasets of the built-in strategies and test sets against PyTorch's (test/fixtures/torch/datasets.json, made by
// make_init_fixtures.py beside it: sizes, ones a column, the same weighted by row number, first and last rows).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeTestSet, makeTrainingSet } from '../../src/bench/dataset.js';
import { sampleSecrets } from '../../src/bench/secrets.js';
import { strategies, strategyNamed } from '../../src/bench/strategies/index.js';
import { makeTask, type Task } from '../../src/bench/task.js';
import { type BinaryDataset, countOnes, positiveRate } from '../../src/tensor/bits.js';
import { parity } from '../../src/tensor/parity.js';

interface DatasetDigest {
  strategy: string;
  n: number;
  k: number;
  secret_index: number;
  max_train_examples: number;
  secret: number[];
  examples: number;
  positives: number;
  column_sums: number[];
  weighted_column_sums: number[];
  weighted_positives: number;
  first_rows: string[];
  last_row: string;
}

const fixture: {
  seed: number;
  datasets: DatasetDigest[];
  test_sets: { n: number; positives: number; column_sums: number[] }[];
} = JSON.parse(readFileSync(new URL('../fixtures/torch/datasets.json', import.meta.url), 'utf8'));

function columnSums(data: BinaryDataset, weight: (row: number) => number): number[] {
  const sums = new Array<number>(data.x.cols).fill(0);
  for (let row = 0; row < data.x.rows; row++) {
    for (let column = 0; column < data.x.cols; column++)
      sums[column] += data.x.get(row, column) * weight(row);
  }
  return sums;
}

const rowText = (data: BinaryDataset, row: number) =>
  Array.from({ length: data.x.cols }, (_, column) => data.x.get(row, column)).join('');

const byRow = (row: number) => row + 1;

describe('datasets against PyTorch', () => {
  it.each(fixture.datasets)('$strategy, n$n-k$k', (expected) => {
    const task = makeTask(`n${expected.n}-k${expected.k}`, 'full', {
      maxTrainExamples: expected.max_train_examples,
      secrets: expected.secret_index + 1,
    });
    const secret = sampleSecrets(task, fixture.seed)[expected.secret_index];
    expect(secret).toEqual(expected.secret);
    const seed = fixture.seed * 10_000 + expected.secret_index;
    const data = makeTrainingSet(strategyNamed(expected.strategy), secret, task, seed);
    const labels = data.y;
    expect({
      examples: data.x.rows,
      positives: countOnes(data.y.words),
      column_sums: columnSums(data, () => 1),
      weighted_column_sums: columnSums(data, byRow),
      weighted_positives: Array.from({ length: labels.length }, (_, e) => labels.get(e) * byRow(e)).reduce(
        (a, b) => a + b,
        0,
      ),
      first_rows: [0, 1, 2].map((row) => rowText(data, row)),
      last_row: rowText(data, data.x.rows - 1),
    }).toMatchObject({
      examples: expected.examples,
      positives: expected.positives,
      column_sums: expected.column_sums,
      weighted_column_sums: expected.weighted_column_sums,
      weighted_positives: expected.weighted_positives,
      first_rows: expected.first_rows,
      last_row: expected.last_row,
    });
  });

  it.each(fixture.test_sets)('test set, n$n', (expected) => {
    const task = makeTask(`n${expected.n}-k8`, 'smoke');
    const secret = sampleSecrets(task, fixture.seed)[0];
    const data = makeTestSet(secret, task, fixture.seed * 20_000);
    expect(countOnes(data.y.words)).toBe(expected.positives);
    expect(columnSums(data, () => 1)).toEqual(expected.column_sums);
  });
});

describe('strategies built from their description', () => {
  const task = makeTask('n32-k8');
  const secret = sampleSecrets(task, 42)[0];
  const data = (name: string, of: Task = task) => makeTrainingSet(strategyNamed(name), secret, of, 420_000);

  /** Rows whose background (all but the secret) is zero. */
  const zeroBackgrounds = (set: BinaryDataset) => {
    let mask = 0xffffffff;
    for (const column of secret) mask &= ~(1 << column);
    return set.x.words.reduce((count, word) => count + ((word & mask) === 0 ? 1 : 0), 0);
  };

  it('cube-mostly-zero: about 20,000 rows, 80% of nine tenths on a zero background', () => {
    const set = data('cube-mostly-zero');
    expect(set.x.rows).toBe(70 * 256 + 1991);
    // Binomial(17920, 0.8) has a standard deviation of 54 rows.
    expect(Math.abs(zeroBackgrounds(set) - 0.8 * 70 * 256)).toBeLessThan(5 * 54);
  });

  it('cube-and-skew: 1,024,000 table rows on random backgrounds, then 2,048,000 sparse ones on zeros', () => {
    const set = data('cube-and-skew');
    expect(set.x.rows).toBe(1_024_000 + 2_048_000);
    const table: BinaryDataset = {
      x: set.x.takeRows(Uint32Array.from({ length: 512_000 }, (_, i) => 2 * i)),
      y: set.y,
    };
    const tableSums = columnSums(table, () => 1);
    // Fair bits: a standard deviation of 358 of 512,000.
    for (const sum of tableSums) expect(Math.abs(sum - 256_000)).toBeLessThan(5 * 358);
    const skewed: BinaryDataset = {
      x: set.x.takeRows(Uint32Array.from({ length: 500_000 }, (_, i) => 1_024_000 + 4 * i)),
      y: set.y,
    };
    expect(zeroBackgrounds(skewed)).toBe(500_000);
    // Bernoulli(0.1): a standard deviation of 212 of 500,000.
    for (const column of secret) {
      expect(Math.abs(columnSums(skewed, () => 1)[column] - 50_000)).toBeLessThan(5 * 212);
    }
  });

  it('antithetic-anchors: the table times 2 + 24 backgrounds', () => {
    const set = data('antithetic-anchors');
    expect(set.x.rows).toBe(256 * 26);
    expect(zeroBackgrounds(set)).toBe(256);
    expect(new Set(set.x.words).size).toBe(256 * 26);
  });
});

describe('every built-in strategy', () => {
  it.each(strategies)('$name labels rows by parity, deterministically', (strategy) => {
    const task = makeTask('n10-k3', 'smoke', { maxTrainExamples: 3_100_000 });
    const secret = sampleSecrets(task, 7)[1];
    const [once, again] = [1, 2].map(() =>
      makeTrainingSet(strategy, secret, { ...task, maxTrainExamples: 3_100_000 }, 70_001),
    );
    expect(countOnes(once.x.words)).toBe(countOnes(again.x.words));
    expect(Buffer.compare(Buffer.from(once.x.words.buffer), Buffer.from(again.x.words.buffer))).toBe(0);
    expect(
      Buffer.compare(Buffer.from(once.y.words.buffer), Buffer.from(parity(once.x, secret).words.buffer)),
    ).toBe(0);
    expect(positiveRate(once)).toBeGreaterThan(0.2);
    expect(positiveRate(once)).toBeLessThan(0.8);
  });
});
