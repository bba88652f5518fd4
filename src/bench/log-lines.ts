/** The public scaffold's log lines, character for character, so that what reads its logs reads ours. */
import type { Metrics } from './summary.js';
import type { Task } from './task.js';

/** The first line of a run of the scaffold: what is to be learned. */
export function taskConfigLine(task: Task): string {
  return (
    `TASK_CONFIG N=${task.nFeatures} K=${task.secretSize} W=${task.hiddenWidth} ` +
    `num_hidden_secrets=${task.secrets} num_orderings=${task.orders} test_set_size=${task.testSetSize} ` +
    `batch_size=${task.batchSize} max_steps=${task.maxSteps}`
  );
}

/** What was made to learn from. */
export function datasetMetricsLine(secretIndex: number, examples: number, positiveRate: number): string {
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
  return (
    `TRAIN_METRICS secret=${secretIndex} order=${orderIndex} step=${step} ` +
    `loss=${fixed6(loss)} acc=${fixed6(accuracy)}`
  );
}

/** How one run ended. */
export function runMetricsLine(
  secretIndex: number,
  orderIndex: number,
  steps: number,
  testAccuracy: number,
): string {
  return (
    `RUN_METRICS secret=${secretIndex} order=${orderIndex} steps=${steps} ` +
    `test_accuracy=${fixed6(testAccuracy)}`
  );
}

/** What all runs come to. */
export function finalMetricsLine(metrics: Metrics): string {
  return (
    `FINAL_METRICS test_accuracy=${fixed6(metrics.test_accuracy)} score=${fixed6(metrics.score)} ` +
    `test_accuracy_std=${fixed6(metrics.test_accuracy_std)} mean_steps=${fixed6(metrics.mean_steps)} ` +
    `num_runs=${metrics.num_runs}`
  );
}

/** The score. */
export function testMetricsLine(metrics: Metrics): string {
  return `TEST_METRICS test_accuracy=${fixed6(metrics.test_accuracy)} score=${fixed6(metrics.score)}`;
}

/**
 * A number of 0 or more as Python's `f"{value:.6f}"`. JavaScript's `toFixed` rounds an exact tie up, Python to the even
 * digit. Only odd multiples of 1/128 tie at six digits, which is what the accuracy of a batch of 128 often is.
 */
export function fixed6(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  const tie = Math.abs((value * 128) % 2) === 1;
  if (tie) {
    const below = Math.floor(value * 1e6);
    return ((below % 2 === 0 ? below : below + 1) / 1e6).toFixed(6);
  }
  return value.toFixed(6);
}
