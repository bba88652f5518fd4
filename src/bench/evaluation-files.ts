/** What becomes of an evaluation's results while it trains and at its end: the files, as the command line sees them. Types only. */
import type { LostEvent } from '../lockstep/recovery-types.js';
import type { Evaluation } from './evaluate.js';
import type { EvaluationCheckpoint } from './events.js';
import type { Summary } from './summary.js';

/** What files are made of at the end: of an evaluation, or of the shards that were one. */
export type Evaluated = Pick<Evaluation, 'task' | 'windows' | 'snapshot'>;

/** How a training went. No result depends on it. */
export interface Course {
  /** The time that it has taken. */
  seconds: number;
  /** Why it had to begin again somewhere, each time. */
  lost: readonly LostEvent['reason'][];
}

/** The files of one evaluation. The course is that of this process. */
export interface EvaluationFiles {
  /** Takes up what an earlier process has left. Returns the summary where that is all. */
  earlier(evaluation: Evaluation): Promise<Summary | undefined>;
  checkpoint(checkpoint: EvaluationCheckpoint, course: Course): Promise<void>;
  /** Writes the results, and returns the paths. */
  finish(evaluation: Evaluated, summary: Summary, course: Course): Promise<string[]>;
  /** Writes what there is after an interrupt, and says whether `--resume` has a checkpoint to go on from. */
  interrupted(
    evaluation: Evaluation | undefined,
    summary: Summary,
  ): Promise<{ paths: string[]; canResume: boolean }>;
}
