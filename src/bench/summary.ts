/**
 * The summary of one configuration: metrics over its runs, with the scaffold's snake_case keys. Files are written elsewhere
 * (summary-file.ts, result-store.ts).
 */
import { checkBoolean, checkKind, checkList, checkObject, checkText } from '../platform/arguments.js';
import type { Fingerprint } from './fingerprint.js';
import { validateSeed } from './seeds.js';
import { type SummaryConfig, summaryConfig } from './summary-config.js';
import { type Task, validateTask } from './task.js';

/** One finished run. */
export interface RunResult {
  secretIndex: number;
  orderIndex: number;
  steps: number;
  /** Share of the test set, 0 to 1; NaN where the run diverged before it could be scored. */
  testAccuracy: number;
  /** The loss stopped being a number, and the run ended there. */
  nonFinite?: boolean;
}

/** Metrics over all runs of a configuration. Accuracies are shares, 0 to 1. */
export interface Metrics {
  test_accuracy: number;
  /** The same number: the mean test accuracy is the score. */
  score: number;
  /** Population standard deviation, as NumPy's default. */
  test_accuracy_std: number;
  mean_steps: number;
  num_runs: number;
  /** Present when runs ended because their loss stopped being a number. */
  num_non_finite?: number;
}

interface SummaryResult {
  secret_index: number;
  order_index: number;
  steps: number;
  test_accuracy: number;
  non_finite?: true;
}

/** What `LABEL_seedSEED.json` holds. */
export interface Summary {
  strategy: string;
  seed: number;
  /** False if the evaluation was interrupted; the metrics then cover the runs that had finished. */
  complete: boolean;
  /** Training kernels that ran, in the order in which they began. */
  kernels: string[];
  /** Adapters that trained, where shards of several were merged. */
  adapters?: string[];
  config: SummaryConfig;
  metrics: Metrics;
  results: SummaryResult[];
  /** `--resume` compares this, `strategy` and `config`. */
  fingerprint?: Pick<Fingerprint, 'source' | 'optimizer' | 'kernel' | 'datasets'>;
}

/**
 * The summary of the finished runs, in run order (secret, then order).
 *
 * @param complete Whether all runs are among them.
 * @param kernels Names of the training kernels, from the trainer's `plan` events.
 * @param fingerprint Of the evaluation.
 */
export function summarize(
  strategy: string,
  task: Task,
  seed: number,
  runs: readonly RunResult[],
  complete = true,
  kernels: readonly string[] = [],
  fingerprint?: Fingerprint,
): Summary {
  checkText('summarize', "the strategy's name", strategy);
  validateTask(task);
  validateSeed(seed);
  checkRuns('summarize', runs);
  checkBoolean('summarize', 'complete', complete);
  checkList('summarize', 'the list of kernels', kernels, "a list of names fits, as ['portable']");
  const ordered = [...runs].sort((a, b) => a.secretIndex - b.secretIndex || a.orderIndex - b.orderIndex);
  return {
    strategy,
    seed,
    complete,
    kernels: [...kernels],
    config: summaryConfig(task, seed),
    metrics: metricsOf(ordered),
    results: ordered.map((run) => ({
      secret_index: run.secretIndex,
      order_index: run.orderIndex,
      steps: run.steps,
      test_accuracy: scored(run),
      ...(run.nonFinite ? { non_finite: true as const } : {}),
    })),
    ...(fingerprint ? { fingerprint: withoutSummary(fingerprint) } : {}),
  };
}

/** The parts of a fingerprint that the summary does not contain otherwise. */
function withoutSummary({ source, optimizer, kernel, datasets }: Fingerprint): Summary['fingerprint'] {
  return { source, optimizer, kernel, datasets };
}

/** The metrics of a list of runs; all zero for none. */
export function metricsOf(runs: readonly RunResult[]): Metrics {
  checkRuns('metricsOf', runs);
  if (runs.length === 0) {
    return { test_accuracy: 0, score: 0, test_accuracy_std: 0, mean_steps: 0, num_runs: 0 };
  }
  const accuracies = runs.map(scored);
  const accuracy = mean(accuracies);
  const nonFinite = runs.filter((run) => run.nonFinite).length;
  return {
    test_accuracy: accuracy,
    score: accuracy,
    test_accuracy_std: Math.sqrt(mean(accuracies.map((value) => (value - accuracy) ** 2))),
    mean_steps: mean(runs.map((run) => run.steps)),
    num_runs: runs.length,
    ...(nonFinite > 0 ? { num_non_finite: nonFinite } : {}),
  };
}

function checkRuns(where: string, runs: unknown): void {
  checkList(
    where,
    'the list of runs',
    runs,
    'a list of { secretIndex, orderIndex, steps, testAccuracy } fits',
  );
  for (const [i, run] of (runs as unknown[]).entries()) {
    checkObject(where, `run ${i}`, run, '{ secretIndex, orderIndex, steps, testAccuracy } fits');
    for (const name of ['secretIndex', 'orderIndex', 'steps', 'testAccuracy'])
      checkKind(where, `run ${i}: ${name}`, (run as Record<string, unknown>)[name], 'number');
  }
}

// Not from mathjs: loading it takes longer than preparing a configuration, and every strategy's thread would load it again.
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A run that could not be scored counts as 0; JSON has no NaN. */
function scored(run: RunResult): number {
  return Number.isNaN(run.testAccuracy) ? 0 : run.testAccuracy;
}
