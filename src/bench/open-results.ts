/**
 * Opens the files to which a command writes its evaluations: those of each evaluation (result-store.ts) or, where it trains a
 * shard, those of the shard (shards/store.ts).
 */
import type { Shard } from '../platform/shard.js';
import type { EvaluationFiles } from './evaluation-files.js';
import { stemOf } from './result-files.js';
import { type FolderOptions, ResultFolder } from './result-folder.js';
import { ResultFiles } from './result-store.js';
import { ShardStore } from './shards/store.js';
import type { StrategyReference } from './strategy-messages.js';
import { sourceOf } from './strategy-start.js';
import { summaryConfig } from './summary-config.js';
import type { Task } from './task.js';

/** Where the results go. */
export interface Results {
  readonly folder: ResultFolder;
  /** The files of evaluation number `k`. */
  of(k: number): EvaluationFiles;
  /** Takes the name of the adapter that trains. */
  begin?(adapter: string): void;
}

/** An evaluation, as far as its files depend on it. */
interface Kept {
  label: string;
  task: Task;
  reference: StrategyReference;
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
  kept: readonly Kept[],
  { seed, kernel, warn }: ResultOptions,
): Promise<Results> {
  const stems = kept.map(({ label }) => stemOf(label, seed));
  const folder = await ResultFolder.open(path, stems, { warn });
  return { folder, of: (k) => new ResultFiles(folder, stems[k], kernel) };
}

/** Opens the files of a shard of these evaluations. */
export function openShard(
  path: string,
  shard: Shard,
  kept: readonly Kept[],
  { seed, kernel, resume, warn }: ResultOptions,
): Promise<ShardStore> {
  const jobs = kept.map(({ label, task, reference }) => ({
    label,
    kernel,
    config: summaryConfig(task, seed),
    source: sourceOf(reference),
  }));
  return ShardStore.open(path, shard, jobs, { resume, warn });
}
