/**
 * `shard-03-of-16.checkpoint`: an interrupted shard, for `--resume` and `status`; and the comparison of a shard's files with the
 * command that goes on. checkpoint-file.ts has the bytes, store.ts writes and reads the file.
 */
import { printable } from '../../platform/printable.js';
import { checkpointOf } from '../checkpoint-file.js';
import type { Course } from '../evaluation-files.js';
import type { EvaluationCheckpoint } from '../events.js';
import { differences, type Fingerprint, type SourceDigests } from '../fingerprint.js';
import type { SummaryConfig } from '../summary-config.js';
import { refuseShard } from './file.js';

/** What is known of an evaluation before its strategy is started. */
export interface ShardJob {
  label: string;
  config: SummaryConfig;
  kernel: string;
  source: SourceDigests;
}

/** Where a shard's part of one evaluation stands. */
export interface ShardPart extends Course {
  checkpoint: EvaluationCheckpoint;
}

/** Where a shard stands. Before the first run has gone a step, it says what there is to do. */
export interface ShardCheckpoint {
  /** The evaluations of the command. */
  jobs: readonly ShardJob[];
  /** Adapters that have trained it. */
  adapters: string[];
  /** By evaluation; undefined where one has not begun. */
  parts: (ShardPart | undefined)[];
}

/** @throws LockstepError `bad-input` that names `path`, unless this version wrote these bytes for a shard. */
export function shardCheckpointOf(path: string, bytes: Uint8Array): ShardCheckpoint {
  const found = checkpointOf<ShardCheckpoint>(path, bytes, refuseShard);
  if (![found.jobs, found.adapters, found.parts].every(Array.isArray))
    throw refuseShard(path, 'is no checkpoint of a shard');
  return found;
}

/** What differs between two commands, in words. What a strategy answers is not compared: that follows from its source. */
export function jobDifferences(before: readonly ShardJob[], now: readonly ShardJob[]): string[] {
  const labels = (jobs: readonly ShardJob[]) => jobs.map(({ label }) => printable(label)).join(', ');
  if (labels(before) !== labels(now)) return [`it was of ${labels(before)} and is of ${labels(now)}`];
  const known = ({ config, kernel, source }: ShardJob): Fingerprint => ({
    ...{ config, kernel, source },
    ...{ strategy: '', optimizer: {}, datasets: [] },
  });
  return before.flatMap((job, i) => differences(known(job), known(now[i])));
}
