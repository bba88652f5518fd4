/**
 * Opens the files to which a command writes its evaluations: those of each evaluation (result-store.ts) or, where it trains a
 * shard, those of the shard (shards/store.ts).
 */
import type { Shard } from '../platform/shard.js';
import type { EvaluationFiles } from './evaluation-files.js';
import type { Job } from './jobs.js';
import { stemOf } from './result-files.js';
import { type FolderOptions, ResultFolder } from './result-folder.js';
import { ResultFiles } from './result-store.js';
import { ShardStore } from './shards/store.js';
import { sourceOf } from './strategy-start.js';
import { summaryConfig } from './summary-config.js';

/** Where the results go. */
export interface Results {
  readonly folder: ResultFolder;
  /** The files of job number `k`. */
  of(k: number): EvaluationFiles;
  /** All is prepared, and is trained now, on an adapter of this name. */
  begin?(adapter: string): Promise<void>;
}

interface ResultOptions extends FolderOptions {
  seed: number;
  /** The kernel that is asked for. */
  kernel: string;
  /** Whether to go on from what an earlier process has left. */
  resume?: boolean;
}

/** Opens the files of whole evaluations. */
export async function openResults(
  path: string,
  jobs: readonly Job[],
  { seed, kernel, warn }: ResultOptions,
): Promise<Results> {
  const stems = jobs.map(({ label }) => stemOf(label, seed));
  const folder = await ResultFolder.open(path, stems, { warn });
  return { folder, of: (k) => new ResultFiles(folder, stems[k], kernel) };
}

/** Opens the files of a shard of these jobs. */
export function openShard(
  path: string,
  shard: Shard,
  jobs: readonly Job[],
  { seed, kernel, resume, warn }: ResultOptions,
): Promise<ShardStore> {
  const shardJobs = jobs.map(({ label, task, reference }) => ({
    label,
    kernel,
    config: summaryConfig(task, seed),
    source: sourceOf(reference),
  }));
  return ShardStore.open(path, shard, shardJobs, { resume, warn });
}
