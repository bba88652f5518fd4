/**
 * Merges the results of shards into what one process would have made of the same evaluations: summaries, and all that curves
 * and log lines are drawn from. Whatever does not belong together is refused by name. Files are read and written elsewhere.
 */
import { LockstepError } from '../../platform/errors.js';
import { printable } from '../../platform/printable.js';
import type { Course, Evaluated } from '../evaluation-files.js';
import type { EvaluationCheckpoint } from '../events.js';
import { differences, type Fingerprint } from '../fingerprint.js';
import { type Summary, summarize } from '../summary.js';
import { taskOfConfig } from '../summary-config.js';
import type { Task } from '../task.js';
import type { FinishedPart, FinishedShard } from './file.js';
import { listed, missingOf, missingText } from './gaps.js';
import { runsOfShard } from './runs.js';

/** The result of a shard, and where it was read. */
export interface FoundShardFile {
  path: string;
  shard: FinishedShard;
}

interface MergeOptions {
  /** Merge the shards that are there, though others are missing. */
  partial?: boolean;
  /** Merge shards of different kernels or adapters. */
  mixed?: boolean;
}

/** One evaluation, merged. The course is that of all shards together. */
export interface MergedEvaluation extends Evaluated, Course {
  label: string;
  seed: number;
  summary: Summary;
  /** As if one process had trained it; no run is under way. */
  checkpoint: EvaluationCheckpoint;
}

export interface Merged {
  evaluations: MergedEvaluation[];
  /** How many shards there are to be, and the numbers of those that are missing. */
  count: number;
  missing: number[];
}

const refuse = (message: string) => new LockstepError('bad-input', message);

/**
 * @param files One for each shard, in any order.
 * @throws LockstepError `bad-input` where shards are missing, come twice, or are of different evaluations, with their names.
 */
export function mergeShards(files: readonly FoundShardFile[], options: MergeOptions = {}): Merged {
  if (files.length === 0) throw refuse('There is no result of a shard (shard-I-of-N.json) to merge.');
  const ordered = [...files].sort((a, b) => a.shard.index - b.shard.index);
  const [first] = ordered;
  checkNumbers(ordered);
  checkSame(ordered);
  for (const file of ordered) checkComplete(file);
  if (!options.mixed) checkUniform(ordered);
  const { count, parts } = first.shard;
  const missing = missingOf(ordered.map(({ shard }) => shard));
  if (missing.length > 0 && !options.partial)
    throw refuse(`${missingText(missing, count)} Start them again, or merge what is there with --partial.`);
  const evaluations = parts.map((_, i) => mergeParts(ordered, i));
  return { evaluations, count, missing };
}

/** All are of the same number of shards, and none comes twice. */
function checkNumbers(files: readonly FoundShardFile[]): void {
  const [first] = files;
  for (const [i, file] of files.entries()) {
    if (file.shard.count !== first.shard.count)
      throw refuse(
        `${first.path} is one of ${first.shard.count} shards, and ${file.path} is one of ${file.shard.count}: those ` +
          'are not parts of the same whole.',
      );
    if (i > 0 && file.shard.index === files[i - 1].shard.index)
      throw refuse(
        `Shard ${file.shard.index} is there twice: ${files[i - 1].path} and ${file.path}. Leave one of them out.`,
      );
  }
}

/** All are of the same evaluations. A secret's training set is compared where several shards have made it. */
function checkSame([first, ...others]: readonly FoundShardFile[]): void {
  const labels = ({ shard }: FoundShardFile) => shard.parts.map(({ label }) => printable(label)).join(', ');
  let known = first.shard.parts.map(({ fingerprint }) => fingerprint);
  for (const file of others) {
    if (labels(file) !== labels(first))
      throw refuse(`${file.path} is of ${labels(file)}, and ${first.path} is of ${labels(first)}.`);
    const own = file.shard.parts.map(({ fingerprint }) => fingerprint);
    const different = own.flatMap((fingerprint, i) => differences(known[i], fingerprint));
    if (different.length > 0)
      throw refuse(
        `${file.path} is of another evaluation than ${first.path}: ${[...new Set(different)].join('; ')}.`,
      );
    known = known.map((before, i) => withDatasets(before, own[i].datasets));
  }
}

/** The fingerprint with the digests of further training sets. */
const withDatasets = (fingerprint: Fingerprint, datasets: Fingerprint['datasets']): Fingerprint => ({
  ...fingerprint,
  datasets: fingerprint.datasets.map((digest, secret) => digest ?? datasets[secret]),
});

/** A shard has the runs that are its own, each once. */
function checkComplete({ path, shard }: FoundShardFile): void {
  const totals = shard.parts.map(({ fingerprint }) => runCount(taskOf(fingerprint)));
  const expected = runsOfShard(totals, shard);
  for (const [i, { label, fingerprint, results }] of shard.parts.entries()) {
    const { orders } = taskOf(fingerprint);
    const found = results.map((run) => run.secretIndex * orders + run.orderIndex).sort((a, b) => a - b);
    if (found.join() !== expected[i].join())
      throw refuse(`${path}: its runs of ${printable(label)} are not those of shard ${shard.index}.`);
  }
}

/** Shards that have trained any run; the others have used no kernel and no adapter. */
const trained = (files: readonly FoundShardFile[], part?: number): FoundShardFile[] =>
  files.filter(({ shard }) => shard.parts.some(({ results }, i) => (part ?? i) === i && results.length > 0));

/** All shards were trained by the same kernels on one adapter, so that they have the bits that one process would have. */
function checkUniform(files: readonly FoundShardFile[]): void {
  for (const i of files[0].shard.parts.keys())
    refuseSeveral('kernels', trained(files, i), ({ shard }) => [shard.parts[i].kernels.join(' and ')]);
  refuseSeveral('adapters', trained(files), ({ shard }) => shard.adapters);
}

function refuseSeveral(
  what: 'kernels' | 'adapters',
  files: readonly FoundShardFile[],
  names: (file: FoundShardFile) => readonly string[],
): void {
  const found = new Map<string, string>();
  for (const file of files) for (const name of names(file)) if (!found.has(name)) found.set(name, file.path);
  if (found.size < 2) return;
  const shown = [...found].map(([name, path]) => `${printable(name, 200)} (${path})`);
  const instead = what === 'kernels' ? ' With --kernel NAME all shards take the same one.' : '';
  throw refuse(
    `The shards were trained by different ${what}: ${listed(shown)}. Their bits may differ from those of one process; ` +
      `--mixed merges them all the same, and the summary says which they were.${instead}`,
  );
}

const taskOf = ({ config }: Fingerprint): Task => taskOfConfig(config);
const runCount = ({ secrets, orders }: Task): number => secrets * orders;

/** The first value by key, in order. */
function unique<T>(values: readonly T[], key: (value: T) => unknown): T[] {
  const found = new Map<unknown, T>();
  for (const value of values) if (!found.has(key(value))) found.set(key(value), value);
  return [...found.values()];
}

function mergeParts(files: readonly FoundShardFile[], evaluation: number): MergedEvaluation {
  const parts = files.map(({ shard }) => shard.parts[evaluation]);
  const [{ label }] = parts;
  const all = <K extends 'kernels' | 'datasets' | 'results' | 'windows'>(field: K) =>
    parts.flatMap((part) => part[field] as FinishedPart[K][number][]);
  const fingerprint = parts
    .map((part) => part.fingerprint)
    .reduce((known, { datasets }) => withDatasets(known, datasets));
  const checkpoint: EvaluationCheckpoint = {
    fingerprint,
    kernels: [...new Set(all('kernels'))],
    datasets: unique(all('datasets'), ({ secret }) => secret),
    results: all('results'),
    windows: all('windows'),
    runs: [],
  };
  const task = taskOf(fingerprint);
  const { seed } = fingerprint.config;
  const { kernels, results, windows } = checkpoint;
  const complete = results.length === runCount(task);
  const summary = summarize(fingerprint.strategy, task, seed, results, complete, kernels, fingerprint);
  const adapters = [...new Set(trained(files).flatMap(({ shard }) => shard.adapters))];
  return {
    label,
    seed,
    task,
    windows,
    checkpoint,
    snapshot: () => checkpoint,
    summary: adapters.length > 1 ? { ...summary, adapters } : summary,
    seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    lost: parts.flatMap(({ lost }) => lost),
  };
}
