/** The events of an evaluation, and the checkpoint from which one resumes. Types only. */
import type { LockstepEvent, RunCheckpoint } from '../lockstep/types.js';
import type { Fingerprint } from './fingerprint.js';
import type { RunResult, Summary } from './summary.js';

/** A window of one run closed: its mean loss and batch accuracy. */
export interface WindowPoint {
  type: 'window';
  secret: number;
  order: number;
  step: number;
  loss: number;
  accuracy: number;
}

/** What the log says of a secret's training set. */
export interface DatasetFacts {
  secret: number;
  /** Rows. */
  examples: number;
  /** Share of the examples with label 1. */
  positiveRate: number;
}

/** An evaluation between two chunks of steps. Survives `structuredClone` and `v8.serialize`. */
export interface EvaluationCheckpoint {
  /** What the evaluation is made of. Only the same evaluation can resume from here. */
  fingerprint: Fingerprint;
  /** Training kernels that ran. */
  kernels: string[];
  /** The training sets that were made. */
  datasets: DatasetFacts[];
  results: RunResult[];
  windows: WindowPoint[];
  runs: { secret: number; order: number; checkpoint: RunCheckpoint }[];
}

/** What {@link evaluate} yields while it runs. */
export type EvaluationEvent =
  /**
   * From the trainer: which kernel trains how many runs at once, how many steps all runs have done, that the device was lost, and
   * the one that the evaluation goes on with.
   */
  | Extract<LockstepEvent, { type: 'plan' | 'progress' | 'lost' | 'recovered' }>
  /** A secret's training set is ready. */
  | ({ type: 'dataset' } & DatasetFacts)
  /** A window of one run closed: its mean loss and batch accuracy. */
  | WindowPoint
  /** Where the evaluation stands. Pass it as `resume` to go on from there. */
  | { type: 'checkpoint'; checkpoint: EvaluationCheckpoint }
  /** A run finished and was scored. Aborted runs have no such event. */
  | { type: 'run'; result: RunResult }
  /** The last event. */
  | { type: 'end'; summary: Summary };
