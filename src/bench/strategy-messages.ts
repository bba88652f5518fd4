/**
 * What the main thread and a strategy's worker threads say to each other: types, and which call is which function. The worker is the strategy's: the
 * main thread believes nothing of what comes from it (strategy-answers.ts), and what the worker is not told it cannot
 * give away: no test set, no top-level seed, and no secret where it makes weights.
 */
import type { AdamWSettings, MlpWeights } from '../lockstep/types.js';
import type { BinaryDataset } from '../tensor/bits.js';
import type { Secret } from './secrets.js';
import type { StrategyFunction } from './strategy-call.js';
import type { Task } from './task.js';

/** Which strategy a worker is to load: one of ours by name, or a file. */
export type StrategyReference = { builtin: string } | { file: string };

/** The calls a strategy takes, by name: arguments and answer. The seeds are those of the one call. */
export interface StrategyCalls {
  optimizer: { args: [task: Task]; answer: AdamWSettings };
  dataset: { args: [task: Task, secret: Secret, seed: number]; answer: BinaryDataset };
  weights: { args: [task: Task, seed: number]; answer: MlpWeights };
}

/** Which function of the strategy a call is of. */
export const CALLED: Readonly<Record<keyof StrategyCalls, StrategyFunction>> = {
  optimizer: 'getOptimizerConfig',
  dataset: 'makeDataset',
  weights: 'initModel',
};

export type StrategyAnswer = StrategyCalls[keyof StrategyCalls]['answer'];

export type StrategyRequest = {
  [K in keyof StrategyCalls]: { id: number; call: K; args: StrategyCalls[K]['args'] };
}[keyof StrategyCalls];

/** An error as it crosses the thread border; classes do not. */
export interface StrategyFault {
  /** `code` of a LockstepError; without one the error is a defect of ours, or of built-in objects that were changed. */
  code?: string;
  message: string;
}
