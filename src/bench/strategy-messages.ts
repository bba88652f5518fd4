/**
 * The messages between the main thread and a strategy's worker threads. The strategy controls its worker, so the main thread
 * checks everything that comes from it (strategy-answers.ts). The worker never gets the test set or the top-level seed, and
 * the thread that makes weights never gets a secret.
 */
import type { AdamWSettings, MlpWeights } from '../lockstep/types.js';
import type { BinaryDataset } from '../tensor/bits.js';
import type { Secret } from './secrets.js';
import type { StrategyFunction } from './strategy-call.js';
import type { Task } from './task.js';

/** The strategy that a worker loads: a built-in one by its name, or a file. */
export type StrategyReference = { builtin: string } | { file: string };

/** The calls that a strategy answers, by name: arguments and answer. Each seed is for this call only. */
export interface StrategyCalls {
  optimizer: { args: [task: Task]; answer: AdamWSettings };
  dataset: { args: [task: Task, secret: Secret, seed: number]; answer: BinaryDataset };
  weights: { args: [task: Task, seed: number]; answer: MlpWeights };
}

/** The strategy's function for each call. */
export const CALLED: Readonly<Record<keyof StrategyCalls, StrategyFunction>> = {
  optimizer: 'getOptimizerConfig',
  dataset: 'makeDataset',
  weights: 'initModel',
};

export type StrategyAnswer = StrategyCalls[keyof StrategyCalls]['answer'];

export type StrategyRequest = {
  [K in keyof StrategyCalls]: { id: number; call: K; args: StrategyCalls[K]['args'] };
}[keyof StrategyCalls];

/** An error as it is sent between threads, where classes get lost. */
export interface StrategyFault {
  /** The `code` of a LockstepError. Without one, the error is a defect of ours, or caused by changed built-in objects. */
  code?: string;
  message: string;
}
