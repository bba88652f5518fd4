// The log lines, character for character as the parity protocol shows them, and the summary behind the last two.
import { describe, expect, it } from 'vitest';
import * as lines from '../../src/bench/log-lines.js';
import { metricsOf, type RunResult, summarize } from '../../src/bench/summary.js';
import { makeTask } from '../../src/bench/task.js';

const run = (secretIndex: number, orderIndex: number, steps: number, testAccuracy: number): RunResult => ({
  secretIndex,
  orderIndex,
  steps,
  testAccuracy,
});

describe('log lines', () => {
  it('are the scaffold’s', () => {
    const metrics = metricsOf(
      Array.from({ length: 100 }, (_, i) => run(Math.floor(i / 10), i % 10, 1750, 1)),
    );
    expect([
      lines.taskConfigLine(makeTask('n32-k8')),
      lines.datasetMetricsLine(0, 4096, 0.5),
      lines.trainMetricsLine(0, 0, 250, 0.4935030327982692, 0.8139746485943775),
      lines.runMetricsLine(0, 0, 1750, 1),
      lines.finalMetricsLine(metrics),
      lines.testMetricsLine(metrics),
    ]).toEqual([
      'TASK_CONFIG N=32 K=8 W=512 num_hidden_secrets=10 num_orderings=10 test_set_size=16384 batch_size=128 max_steps=100000',
      'DATASET_METRICS secret=0 num_examples=4096 positive_rate=0.500000',
      'TRAIN_METRICS secret=0 order=0 step=250 loss=0.493503 acc=0.813975',
      'RUN_METRICS secret=0 order=0 steps=1750 test_accuracy=1.000000',
      'FINAL_METRICS test_accuracy=1.000000 score=1.000000 test_accuracy_std=0.000000 mean_steps=1750.000000 num_runs=100',
      'TEST_METRICS test_accuracy=1.000000 score=1.000000',
    ]);
  });

  it('round as Python does: an exact tie to the even digit', () => {
    // python3 -c "for v in (65/128, 67/128, 0.0000005, 1/3, 1750 + 1/128): print(f'{v:.6f}')"
    expect([65 / 128, 67 / 128, 0.0000005, 1 / 3, 1750 + 1 / 128].map(lines.fixed6)).toEqual([
      '0.507812',
      '0.523438',
      '0.000000',
      '0.333333',
      '1750.007812',
    ]);
    expect([Number.NaN, Number.POSITIVE_INFINITY].map(lines.fixed6)).toEqual(['nan', 'inf']);
  });
});

describe('summarize', () => {
  const task = makeTask('n32-k8', 'smoke');

  it('orders runs, and takes the population standard deviation', () => {
    const summary = summarize('mine', task, 42, [
      run(1, 0, 300, 0.5),
      run(0, 1, 200, 1),
      run(0, 0, 100, 0.75),
    ]);
    expect(summary.results).toEqual([
      { secret_index: 0, order_index: 0, steps: 100, test_accuracy: 0.75 },
      { secret_index: 0, order_index: 1, steps: 200, test_accuracy: 1 },
      { secret_index: 1, order_index: 0, steps: 300, test_accuracy: 0.5 },
    ]);
    expect(summary.metrics).toMatchObject({ test_accuracy: 0.75, score: 0.75, mean_steps: 200, num_runs: 3 });
    expect(summary.metrics.test_accuracy_std).toBeCloseTo(Math.sqrt((0 + 0.0625 + 0.0625) / 3), 12);
    expect(summary).toMatchObject({ strategy: 'mine', seed: 42, complete: true });
    expect(summary.config).toMatchObject({
      n_features: 32,
      num_hidden_secrets: 2,
      num_orderings: 2,
      seed: 42,
    });
  });

  it('says which runs diverged, and stays valid JSON', () => {
    const diverged: RunResult = { ...run(0, 0, 17, Number.NaN), nonFinite: true };
    const summary = JSON.parse(
      JSON.stringify(summarize('mine', task, 42, [diverged, run(0, 1, 400, 1)], false)),
    );
    expect(summary.results[0]).toEqual({
      secret_index: 0,
      order_index: 0,
      steps: 17,
      test_accuracy: 0,
      non_finite: true,
    });
    expect(summary.metrics).toMatchObject({ num_non_finite: 1, test_accuracy: 0.5, num_runs: 2 });
    expect(summary.complete).toBe(false);
  });

  it('has metrics of zero for no runs', () => {
    expect(metricsOf([])).toEqual({
      test_accuracy: 0,
      score: 0,
      test_accuracy_std: 0,
      mean_steps: 0,
      num_runs: 0,
    });
  });
});
