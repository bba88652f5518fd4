/**
 * The bench layer's public API (`lockstep-gpu/bench`): what a strategy file needs, and the parts of the evaluation.
 * Re-exports only.
 */
export * as init from '../nn/init.js';
export { Generator } from '../random/generator.js';
export { type BinaryDataset, BitMatrix, BitVector, concatRows, positiveRate } from '../tensor/bits.js';
export { type NdArray, ndarray } from '../tensor/ndarray.js';
export { type Bits, type Examples, type Labels, packMatrix, packVector } from '../tensor/pack-bits.js';
export { backgroundColumns, parity, truthTable } from '../tensor/parity.js';
export { randomizeColumns, randomizeRow } from '../tensor/random-bits.js';
export { makeTestSet, makeTrainingSet } from './dataset.js';
export { type EvaluateOptions, Evaluation, evaluate, type TrainOptions } from './evaluate.js';
export type { DatasetFacts, EvaluationCheckpoint, EvaluationEvent, WindowPoint } from './events.js';
export type { Fingerprint } from './fingerprint.js';
export * as logLines from './log-lines.js';
export {
  type PreparedRun,
  type PreparedSecret,
  prepareOptimizer,
  prepareRun,
  prepareSecret,
} from './prepare.js';
export { type Secret, sampleSecrets } from './secrets.js';
export { validateSeed } from './seeds.js';
export { strategies, strategyNamed } from './strategies/index.js';
export {
  type Dataset,
  defineStrategy,
  type Model,
  type OptimizerConfig,
  type Strategy,
  strategyOfModule,
} from './strategy.js';
export { localStrategy, type StrategyHost } from './strategy-host.js';
export { type Metrics, metricsOf, type RunResult, type Summary, summarize } from './summary.js';
export {
  configName,
  defaultConfigs,
  makeTask,
  type Preset,
  type PresetName,
  parseConfig,
  presets,
  type Task,
} from './task.js';
