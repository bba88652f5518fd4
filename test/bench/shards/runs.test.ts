/** Which runs are a shard's: each run in one shard, shards of one size, the runs of a secret together. */
import { expect, test } from 'vitest';
import { runsOfShard } from '../../../src/bench/shards/runs.js';
import fc from '../../properties.js';

const totals = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 6 });
const counts = fc.integer({ min: 1, max: 150 });
const shardsOf = (all: readonly number[], count: number) =>
  Array.from({ length: count }, (_, i) => runsOfShard(all, { index: i + 1, count }));
/** The difference between the largest and the smallest. */
const spread = (sizes: readonly number[]) => Math.max(...sizes) - Math.min(...sizes);

test('every run is in one shard, in order', () => {
  fc.assert(
    fc.property(totals, counts, (all, count) => {
      const shards = shardsOf(all, count);
      for (const [e, total] of all.entries())
        expect(shards.flatMap((runs) => runs[e])).toEqual(Array.from({ length: total }, (_, run) => run));
    }),
  );
});

test('shards have as many runs as each other, of each evaluation and in all, up to one', () => {
  fc.assert(
    fc.property(totals, counts, (all, count) => {
      const shards = shardsOf(all, count);
      for (const e of all.keys()) expect(spread(shards.map((runs) => runs[e].length))).toBeLessThanOrEqual(1);
      expect(spread(shards.map((runs) => runs.flat().length))).toBeLessThanOrEqual(1);
    }),
  );
});

test('a shard has the runs of few secrets, as many as its size needs and one more', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      counts,
      (secrets, orders, count) => {
        for (const [runs] of shardsOf([secrets * orders], count)) {
          const used = new Set(runs.map((run) => Math.floor(run / orders)));
          expect(used.size).toBeLessThanOrEqual(Math.ceil(runs.length / orders) + 1);
        }
      },
    ),
  );
});
