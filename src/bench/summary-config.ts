/** A task and its seed with the public scaffold's snake_case names, as summaries and fingerprints hold them. */
import type { Task } from './task.js';

/** A task in the scaffold's words. */
export interface SummaryConfig {
  n_features: number;
  secret_size: number;
  hidden_width: number;
  batch_size: number;
  max_steps: number;
  max_train_examples: number;
  num_hidden_secrets: number;
  num_orderings: number;
  test_set_size: number;
  log_interval: number;
  min_steps_before_stop: number;
  early_stop_acc: number;
  early_stop_windows: number;
  seed: number;
}

/** The same values under those names. */
export function summaryConfig(task: Task, seed: number): SummaryConfig {
  return {
    n_features: task.nFeatures,
    secret_size: task.secretSize,
    hidden_width: task.hiddenWidth,
    batch_size: task.batchSize,
    max_steps: task.maxSteps,
    max_train_examples: task.maxTrainExamples,
    num_hidden_secrets: task.secrets,
    num_orderings: task.orders,
    test_set_size: task.testSetSize,
    log_interval: task.logInterval,
    min_steps_before_stop: task.minStepsBeforeStop,
    early_stop_acc: task.earlyStopAcc,
    early_stop_windows: task.earlyStopWindows,
    seed,
  };
}

/** The task in a summary's words, the other way round. */
export function taskOfConfig(config: SummaryConfig): Task {
  return {
    nFeatures: config.n_features,
    secretSize: config.secret_size,
    hiddenWidth: config.hidden_width,
    batchSize: config.batch_size,
    maxSteps: config.max_steps,
    maxTrainExamples: config.max_train_examples,
    secrets: config.num_hidden_secrets,
    orders: config.num_orderings,
    testSetSize: config.test_set_size,
    logInterval: config.log_interval,
    minStepsBeforeStop: config.min_steps_before_stop,
    earlyStopAcc: config.early_stop_acc,
    earlyStopWindows: config.early_stop_windows,
  };
}
