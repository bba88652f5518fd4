/** What the files of one shard say: its result, its checkpoint, its lock. Reads only; what all shards are together is status.ts's. */
import type { Shard } from '../../platform/shard.js';
import { isRunning, ownerOf } from '../lock-owner.js';
import type { PatientFiles } from '../patient-files.js';
import { SILENT_MS } from '../result-lock.js';
import { type ShardJob, shardCheckpointOf } from './checkpoint.js';
import { finishedShardIn, shardStem } from './file.js';

/** The part of one evaluation. */
interface SeenPart {
  seconds: number;
  /** Runs that are done. */
  results: readonly { steps: number }[];
  /** Runs that are under way. */
  runs: readonly { checkpoint: { steps: number } }[];
}

export interface SeenShard {
  shard: Shard;
  /** `stopped`: it has begun, is not done, and no process works on it. */
  state: 'done' | 'at work' | 'stopped' | 'not begun';
  /** When one of its files was last written, milliseconds since 1970; undefined where it has none. */
  lastSign?: number;
  /** Undefined where no checkpoint was written yet. */
  jobs?: readonly ShardJob[];
  /** By evaluation; undefined where one has not begun. */
  parts: readonly (SeenPart | undefined)[];
}

/** @throws LockstepError `bad-input` for files that are damaged or of another version; the system's errors. */
export async function lookAtShard(files: PatientFiles, shard: Shard, now: number): Promise<SeenShard> {
  const [result, checkpoint, lock] = ['json', 'checkpoint', 'lock'].map(
    (kind) => `${shardStem(shard)}.${kind}`,
  );
  const times = await Promise.all([result, checkpoint, lock].map((name) => files.modified(name)));
  const lastSign = Math.max(...times.map((time) => time ?? 0));
  if (lastSign === 0) return { shard, state: 'not begun', parts: [] };
  const done = await files.read(result);
  if (done) {
    const { parts } = finishedShardIn(files.path(result), done.toString('utf8'), shard);
    const jobs = parts.map(({ label, fingerprint }) => ({ label, ...fingerprint }));
    return { shard, state: 'done', lastSign, jobs, parts: parts.map((part) => ({ ...part, runs: [] })) };
  }
  const state = (await isAtWork(files, lock, now)) ? 'at work' : 'stopped';
  const bytes = await files.read(checkpoint);
  if (!bytes) return { shard, state, lastSign, parts: [] };
  const { jobs, parts } = shardCheckpointOf(files.path(checkpoint), bytes);
  const seen = Array.from(parts, (part) => part && { ...part.checkpoint, seconds: part.seconds });
  return { shard, state, lastSign, jobs, parts: seen };
}

/** Whether a process has the shard, as far as that can be seen from here; otherwise whether it gave a sign of life of late. */
async function isAtWork(files: PatientFiles, lock: string, now: number): Promise<boolean> {
  const [text, touched] = await Promise.all([files.read(lock), files.modified(lock)]);
  if (!text || touched === undefined) return false;
  const owner = ownerOf(text.toString('utf8'));
  return (owner && isRunning(owner)) ?? now - touched < SILENT_MS;
}
