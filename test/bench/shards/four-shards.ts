/** The results of four shards of two evaluations, as if some processes had trained them. Not a test. */
import type { Fingerprint } from '../../../src/bench/fingerprint.js';
import { type FinishedShard, shardStem } from '../../../src/bench/shards/file.js';
import type { FoundShardFile } from '../../../src/bench/shards/merge.js';
import { runsOfShard } from '../../../src/bench/shards/runs.js';
import type { RunResult } from '../../../src/bench/summary.js';
import { summaryConfig } from '../../../src/bench/summary-config.js';
import { makeTask } from '../../../src/bench/task.js';

export const tasks = ['n8-k2', 'n9-k2'].map((config) => makeTask(config, 'smoke', { secrets: 3, orders: 5 }));
export const SEED = 7;
export const COUNT = 4;

export const fingerprintOf = (e: number): Fingerprint => ({
  strategy: 'mine',
  source: { 'mine.ts': 'aa' },
  optimizer: { lr: 1e-3, weightDecay: 0, betas: [0.9, 0.999] },
  config: summaryConfig(tasks[e], SEED),
  kernel: 'auto',
  datasets: ['d0', 'd1', 'd2'],
});

/** A result that depends on nothing but its run; some of the values are not numbers. */
export function resultOf(run: number): RunResult {
  const diverged = run % 7 === 3;
  return {
    secretIndex: Math.floor(run / 5),
    orderIndex: run % 5,
    steps: 400 + run,
    testAccuracy: diverged ? Number.NaN : 1 / (run + 1),
    ...(diverged ? { nonFinite: true } : {}),
  };
}

export function shardAt(index: number, change: (shard: FinishedShard) => void = () => {}): FoundShardFile {
  const runs = runsOfShard([15, 15], { index, count: COUNT });
  const parts = runs.map((own, e) => {
    const secrets = [...new Set(own.map((run) => Math.floor(run / 5)))];
    const fingerprint = fingerprintOf(e);
    fingerprint.datasets = fingerprint.datasets.map((digest, s) => (secrets.includes(s) ? digest : null));
    return {
      label: `mine-n${tasks[e].nFeatures}-k2`,
      seconds: index,
      lost: index === 2 ? (['device-lost'] as const) : [],
      fingerprint,
      kernels: ['subgroup'],
      datasets: secrets.map((secret) => ({ secret, examples: 10 + secret, positiveRate: 0.5 })),
      results: own.map(resultOf).reverse(),
      windows: own.flatMap((run) =>
        [1, 100].map((step) => ({
          type: 'window' as const,
          secret: Math.floor(run / 5),
          order: run % 5,
          step,
          loss: run % 7 === 3 ? [Number.NaN, Number.POSITIVE_INFINITY][run % 2] : run / 3,
          accuracy: 0.5,
        })),
      ),
    };
  });
  const shard = { index, count: COUNT, adapters: ['a card, its driver'], parts };
  change(shard);
  return { path: `out/${shardStem(shard)}.json`, shard };
}
