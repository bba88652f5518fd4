/**
 * Where the shards of a folder stand, by their files alone, so that it may be asked on any machine that sees the folder. look.ts
 * reads the files; the `status` command prints this.
 */
import { PatientFiles } from '../patient-files.js';
import { taskOfConfig } from '../summary-config.js';
import type { ShardJob } from './checkpoint.js';
import { shardOfName } from './file.js';
import { namesIn } from './find.js';
import { countIn } from './gaps.js';
import { lookAtShard, type SeenShard } from './look.js';
import { runsOfShard } from './runs.js';

/** Of one shard, or of all together. What is not known is null. */
interface Progress {
  /** As of the last checkpoint, which is older than the present while a shard is at work. */
  runs_done: number;
  runs: number | null;
  /** Of all shards together: of those at work. */
  steps_per_second: number | null;
  /** When one of the files was last written, as ISO text. */
  last_sign: string | null;
}

export interface ShardStatus extends Progress {
  shard: number;
  state: SeenShard['state'];
  steps: number;
}

export interface Status extends Progress {
  /** Of all shards, if further runs take as many as those that are done; all that they may take where none is done. */
  steps_left: number | null;
  /** Until the shards at work would have done all that is left; null where none is at work. */
  seconds_left: number | null;
  shards: ShardStatus[];
}

/**
 * @param now Milliseconds since 1970.
 * @throws LockstepError `bad-input` for a folder without shards, or with shards of different counts, and for files that are
 * damaged or of another version; the system's errors.
 */
export async function statusOf(folder: string, now = Date.now()): Promise<Status> {
  const files = new PatientFiles(folder);
  const named = (await namesIn(files))
    .map(shardOfName)
    .flatMap((one) => (one && one.kind !== 'results' ? one.shard : []));
  const count = countIn(folder, named);
  const begun = new Set(named.map(({ index }) => index));
  const seen: SeenShard[] = [];
  for (let index = 1; index <= count; index++) {
    const shard = { index, count };
    seen.push(
      begun.has(index) ? await lookAtShard(files, shard, now) : { shard, state: 'not begun', parts: [] },
    );
  }
  return statusOfAll(seen);
}

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
const stepsOf = (runs: readonly { steps: number }[]) => sum(runs.map(({ steps }) => steps));
const isoText = (time = 0) => (time > 0 ? new Date(time).toISOString() : null);
const totalsOf = (jobs: readonly ShardJob[]): number[] =>
  jobs.map(({ config }) => taskOfConfig(config)).map(({ secrets, orders }) => secrets * orders);

function statusOfAll(seen: readonly SeenShard[]): Status {
  const jobs = seen.find((shard) => shard.jobs)?.jobs;
  const shards = seen.map((shard) => statusOfShard(shard, jobs));
  const atWork = shards.filter(({ state }) => state === 'at work');
  const rate = sum(atWork.map(({ steps_per_second }) => steps_per_second ?? 0)) || null;
  const left = jobs ? stepsLeft(seen, jobs) : null;
  return {
    runs_done: sum(shards.map(({ runs_done }) => runs_done)),
    runs: jobs ? sum(totalsOf(jobs)) : null,
    steps_per_second: rate,
    last_sign: isoText(Math.max(...seen.map(({ lastSign = 0 }) => lastSign))),
    steps_left: left,
    seconds_left: left === 0 ? 0 : left && rate && left / rate,
    shards,
  };
}

function statusOfShard(
  { shard, state, lastSign, parts }: SeenShard,
  jobs?: readonly ShardJob[],
): ShardStatus {
  const begun = parts.filter((part) => part !== undefined);
  const seconds = sum(begun.map((part) => part.seconds));
  const steps = sum(
    begun.map(({ results, runs }) => stepsOf(results) + stepsOf(runs.map((run) => run.checkpoint))),
  );
  return {
    shard: shard.index,
    state,
    runs_done: sum(begun.map(({ results }) => results.length)),
    runs: jobs ? runsOfShard(totalsOf(jobs), shard).flat().length : null,
    steps,
    steps_per_second: seconds > 0 ? steps / seconds : null,
    last_sign: isoText(lastSign),
  };
}

/**
 * The steps that are left in all shards, if further runs take as many as those of the same evaluation that are done, on average,
 * and all that they may where none is done.
 */
function stepsLeft(seen: readonly SeenShard[], jobs: readonly ShardJob[]): number {
  const totals = totalsOf(jobs);
  return sum(
    jobs.map(({ config }, job) => {
      const parts = seen.map((shard) => shard.parts[job]).filter((part) => part !== undefined);
      const done = parts.flatMap((part) => part.results);
      const underWay = parts.flatMap((part) => part.runs.map((run) => run.checkpoint));
      const each = done.length > 0 ? stepsOf(done) / done.length : config.max_steps;
      const waiting = totals[job] - done.length - underWay.length;
      return waiting * each + sum(underWay.map(({ steps }) => Math.max(0, each - steps)));
    }),
  );
}
