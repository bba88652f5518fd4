/** The public scaffold's log lines, character for character, so that programs that read its logs can read ours. */
import { checkKind, checkNumber, checkObject } from '../platform/arguments.js';
import type { Metrics } from './summary.js';
import { checkTask, type Task } from './task.js';

/** The scaffold's first line: what is to be learned. */
export function taskConfigLine(task: Task): string {
  checkTask('taskConfigLine', task, [
    'nFeatures',
    'secretSize',
    'hiddenWidth',
    'secrets',
    'orders',
    'testSetSize',
    'batchSize',
    'maxSteps',
  ]);
  return (
    `TASK_CONFIG N=${task.nFeatures} K=${task.secretSize} W=${task.hiddenWidth} ` +
    `num_hidden_secrets=${task.secrets} num_orderings=${task.orders} test_set_size=${task.testSetSize} ` +
    `batch_size=${task.batchSize} max_steps=${task.maxSteps}`
  );
}

/** The line about a training set. */
export function datasetMetricsLine(secretIndex: number, examples: number, positiveRate: number): string {
  checkCounts('datasetMetricsLine', { secretIndex, examples });
  return `DATASET_METRICS secret=${secretIndex} num_examples=${examples} positive_rate=${fixed6(positiveRate)}`;
}

/** One closed window: `loss` and `accuracy` are its means. */
export function trainMetricsLine(
  secretIndex: number,
  orderIndex: number,
  step: number,
  loss: number,
  accuracy: number,
): string {
  checkCounts('trainMetricsLine', { secretIndex, orderIndex, step });
  return (
    `TRAIN_METRICS secret=${secretIndex} order=${orderIndex} step=${step} ` +
    `loss=${fixed6(loss)} acc=${fixed6(accuracy)}`
  );
}

/** The line at the end of a run. */
export function runMetricsLine(
  secretIndex: number,
  orderIndex: number,
  steps: number,
  testAccuracy: number,
): string {
  checkCounts('runMetricsLine', { secretIndex, orderIndex, steps });
  return (
    `RUN_METRICS secret=${secretIndex} order=${orderIndex} steps=${steps} ` +
    `test_accuracy=${fixed6(testAccuracy)}`
  );
}

/** The line with the metrics of all runs. */
export function finalMetricsLine(metrics: Metrics): string {
  checkMetrics('finalMetricsLine', metrics);
  return (
    `FINAL_METRICS test_accuracy=${fixed6(metrics.test_accuracy)} score=${fixed6(metrics.score)} ` +
    `test_accuracy_std=${fixed6(metrics.test_accuracy_std)} mean_steps=${fixed6(metrics.mean_steps)} ` +
    `num_runs=${metrics.num_runs}`
  );
}

/** The line with the score. */
export function testMetricsLine(metrics: Metrics): string {
  checkMetrics('testMetricsLine', metrics);
  return `TEST_METRICS test_accuracy=${fixed6(metrics.test_accuracy)} score=${fixed6(metrics.score)}`;
}

/**
 * A number of 0 or more as Python's `f"{value:.6f}"`. JavaScript's `toFixed` rounds an exact tie up, Python to the even
 * digit. Only odd multiples of 1/128 tie at six digits, which is what the accuracy of a batch of 128 often is.
 */
export function fixed6(value: number): string {
  checkKind('fixed6', 'the value', value, 'number');
  if (Number.isNaN(value)) return 'nan';
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  const tie = Math.abs((value * 128) % 2) === 1;
  if (tie) {
    const below = Math.floor(value * 1e6);
    return ((below % 2 === 0 ? below : below + 1) / 1e6).toFixed(6);
  }
  return value.toFixed(6);
}

function checkCounts(where: string, counts: Record<string, number>): void {
  for (const [name, count] of Object.entries(counts))
    checkNumber(where, name, count, { min: 0, whole: true });
}

function checkMetrics(where: string, metrics: Metrics): void {
  checkObject(where, 'the metrics', metrics, 'metricsOf(results) fits');
}
