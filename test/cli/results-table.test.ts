/** The table at the end of `bench`: never wider than a terminal, whatever the names and numbers. */
import pc from 'picocolors';
import { expect, test } from 'vitest';
import type { Summary } from '../../src/bench/summary.js';
import { summaryConfig } from '../../src/bench/summary-config.js';
import { makeTask } from '../../src/bench/task.js';
import { type Row, resultsTable } from '../../src/cli/results-table.js';
import fc from '../properties.js';

const plain = pc.createColors(false);
const base = makeTask('n32-k8');

function rowOf(
  changes: Partial<Summary['metrics']> & Partial<Row> & { strategy?: string; total?: number } = {},
): Row {
  const { config = 'n32-k8', seconds = 7, strategy = 'starter', total = 100, ...metrics } = changes;
  const runs = metrics.num_runs ?? 100;
  const summary: Summary = {
    strategy,
    seed: 42,
    complete: runs === total,
    kernels: [],
    config: { ...summaryConfig(base, 42), num_hidden_secrets: total, num_orderings: 1 },
    metrics: {
      test_accuracy: 1,
      score: 1,
      test_accuracy_std: 0,
      mean_steps: 1750,
      num_runs: runs,
      ...metrics,
    },
    results: [],
  };
  return { config, summary, seconds };
}

/** The lines of the tables themselves; remarks are sentences. */
const tableLines = (rows: Row[]) =>
  resultsTable(rows, plain)
    .split('\n')
    .filter((line) => !/: interrupted;/.test(line));

test('a row an evaluation, all figures', () => {
  const lines = tableLines([rowOf(), rowOf({ config: 'n50-k8', mean_steps: 123_456 })]);
  expect(lines).toEqual([
    'config  runs  accuracy       std  worst run  mean steps  seconds  runs/s',
    'n32-k8   100  1.000000  0.000000   1.000000       1,750      7.0   14.29',
    'n50-k8   100  1.000000  0.000000   1.000000     123,456      7.0   14.29',
  ]);
});

test('several strategies: a table for each, below its name', () => {
  const lines = tableLines([rowOf(), rowOf({ strategy: 'mine' })]);
  expect(lines.map((line) => line.split(' ')[0])).toEqual([
    'starter',
    'config',
    'n32-k8',
    '',
    'mine',
    'config',
    'n32-k8',
  ]);
});

test('never wider than 80 columns; what always stays, stays', () => {
  const row = fc.record({
    config: fc.constantFrom('n8-k2', 'n32-k8', 'n1024-k1024'),
    seconds: fc.double({ min: 0, max: 1e8, noNaN: true }),
    num_runs: fc.integer({ min: 0, max: 100_000_000 }),
    total: fc.integer({ min: 1, max: 100_000_000 }),
    mean_steps: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    strategy: fc.oneof(
      fc.constantFrom('starter', '\u001b[31mred\n', '語'.repeat(100)),
      fc.string({ maxLength: 300 }),
    ),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), (changes) => {
      const lines = tableLines(changes.map(rowOf));
      for (const line of lines) {
        // A letter of the names may take two columns.
        const columns = [...line].reduce((sum, letter) => sum + (letter.charCodeAt(0) > 0x2e80 ? 2 : 1), 0);
        expect(columns).toBeLessThanOrEqual(80);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }
      const heads = lines.filter((line) => line.startsWith('config '));
      for (const head of heads) expect(head).toMatch(/runs .*accuracy .*mean steps/);
    }),
    { numRuns: 300 },
  );
});

test('without runs there are no figures, and without seconds no rate', () => {
  expect(tableLines([rowOf({ num_runs: 0, seconds: 0 })])[1]).toMatch(
    /^n32-k8 +0 of 100 +- +- +- +- +0\.0 +-$/,
  );
  expect(tableLines([rowOf({ seconds: 0 })])[1]).toMatch(/ 0\.0 +-$/);
});

test('losses of the device are counted below the table', () => {
  const lost = ['device-lost', 'out-of-memory', 'device-lost'] as const;
  const text = resultsTable([{ ...rowOf(), lost }], plain);
  expect(text.split('\n').slice(-2)).toEqual([
    'starter n32-k8: the device was lost 2 time(s); that changes no result.',
    'starter n32-k8: the device had too little memory 1 time(s), so fewer runs trained at once.',
  ]);
});
