/**
 * The text of `shard-03-of-16.json`: all that a shard has trained, of every evaluation of its command, from which `merge` makes
 * what one process would have made. JSON with a seal (seal.ts). Where such files are written and read is store.ts's and
 * merge.ts's concern.
 */
import { LockstepError } from '../../platform/errors.js';
import { type Shard, shardText } from '../../platform/shard.js';
import { version } from '../../platform/version.js';
import type { Course } from '../evaluation-files.js';
import type { EvaluationCheckpoint } from '../events.js';
import { type RefuseFile, sealJson, unsealJson } from '../seal.js';
import type { RunResult } from '../summary.js';

/** A shard's part of one evaluation, complete. */
export interface FinishedPart extends Omit<EvaluationCheckpoint, 'runs'>, Course {
  /** Of the files that the merged results go to. */
  label: string;
}

/** What a shard has trained. */
export interface FinishedShard extends Shard {
  /** Adapters that trained it; several where one process went on on another machine. */
  adapters: string[];
  /** In the order of the command's evaluations. */
  parts: FinishedPart[];
}

/** Increase it whenever the fields below, or what one of them means, change. */
const FORMAT = 2;

/** The beginning of the names of a shard's files: `shard-03-of-16`. */
export function shardStem({ index, count }: Shard): string {
  return `shard-${String(index).padStart(String(count).length, '0')}-of-${count}`;
}

/** The shard whose file has that name, and which of its files it is; undefined for files of others. */
export function shardOfName(name: string): { shard: Shard; kind: string } | undefined {
  const [, index, count, kind] =
    /^shard-(\d{1,9})-of-(\d{1,9})\.(json|checkpoint|lock|results)$/.exec(name) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  return name === `${shardStem(shard)}.${kind}` ? { shard, kind } : undefined;
}

export const refuseShard: RefuseFile = (path, reason, cause) =>
  new LockstepError('bad-input', `${path} ${reason}. Delete it, and start that shard again.`, { cause });

/** JSON has no NaN and no Infinity: they go as texts, and `Number` brings them back. */
const packed = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

interface PackedPart extends Omit<FinishedPart, 'results' | 'windows'> {
  results: (Omit<RunResult, 'testAccuracy'> & { testAccuracy: number | string })[];
  windows: [secret: number, order: number, step: number, loss: number | string, accuracy: number | string][];
}

function packPart({ results, windows, ...part }: FinishedPart): PackedPart {
  return {
    ...part,
    results: results.map((result) => ({ ...result, testAccuracy: packed(result.testAccuracy) })),
    windows: windows.map(({ secret, order, step, loss, accuracy }) => [
      secret,
      order,
      step,
      packed(loss),
      packed(accuracy),
    ]),
  };
}

function unpackPart({ results, windows, ...part }: PackedPart): FinishedPart {
  return {
    ...part,
    results: results.map((result) => ({ ...result, testAccuracy: Number(result.testAccuracy) })),
    windows: windows.map(([secret, order, step, loss, accuracy]) => ({
      type: 'window',
      secret,
      order,
      step,
      loss: Number(loss),
      accuracy: Number(accuracy),
    })),
  };
}

export function finishedShardText({ index, count, adapters, parts }: FinishedShard): string {
  const head = { format: FORMAT, version, shard: index, shards: count, adapters };
  return `${JSON.stringify(sealJson({ ...head, evaluations: parts.map(packPart) }))}\n`;
}

/**
 * The shard in a file's text.
 *
 * @throws LockstepError `bad-input` that names `path`: for a file that is damaged, was written by another version, or is of
 * another shard than its name says.
 */
export function finishedShardIn(path: string, text: string, named: Shard): FinishedShard {
  const found = unsealJson(path, text, refuseShard);
  if (found.format !== FORMAT)
    throw refuseShard(
      path,
      `has format ${found.format}; this version of lockstep-gpu reads format ${FORMAT}`,
    );
  if (found.version !== version)
    throw refuseShard(
      path,
      `was written by lockstep-gpu ${found.version}, and this is ${version}: bits may differ`,
    );
  const shard = { index: found.shard as number, count: found.shards as number };
  if (shard.index !== named.index || shard.count !== named.count)
    throw refuseShard(path, `is of shard ${shardText(shard)}, and not of the one in its name`);
  const parts = (found.evaluations as PackedPart[]).map(unpackPart);
  return { ...shard, adapters: found.adapters as string[], parts };
}
