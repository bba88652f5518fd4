/**
 * A shard: one of several equal parts of some work, each for a process of its own. Here is how a process is told which one is
 * its: by words such as `3/16`, or by the variables that a scheduler sets. What a shard holds is said where the work is.
 */
import { LockstepError } from './errors.js';
import { printable } from './printable.js';

/** The shard `index` of `count`, counted from 1. */
export interface Shard {
  index: number;
  count: number;
}

/** A shard, and what it was found in where it was not named: `SLURM_ARRAY_TASK_ID 3 of 1-16`. */
export interface FoundShard extends Shard {
  found?: string;
}

/** The most shards of one evaluation: as many as Kubernetes and AWS Batch start at once. */
const MOST = 100_000;

type Environment = Readonly<Record<string, string | undefined>>;

const refuse = (message: string) => new LockstepError('bad-input', message);

/** @throws LockstepError `bad-input` that names the variable, where it is no whole number. */
function numberIn(env: Environment, variable: string): number {
  const text = env[variable];
  if (text !== undefined && /^\d{1,9}$/.test(text)) return Number(text);
  const found = text === undefined ? 'is not set' : `is ${printable(text)}`;
  throw refuse(`Shard auto: ${variable} ${found}; it must be a whole number. Or name the shard, as 3/16.`);
}

/** `3 of 16`. */
export const shardText = ({ index, count }: Shard): string => `${index} of ${count}`;

/** @throws LockstepError `bad-input` for numbers that are no shard. */
export function checkShard(where: string, { index, count }: Shard): void {
  const whole = Number.isSafeInteger(index) && Number.isSafeInteger(count);
  if (whole && count >= 1 && count <= MOST && index >= 1 && index <= count) return;
  throw refuse(
    `${where}: there is no shard ${printable(index)} of ${printable(count)}; shards are counted from 1, as in 3/16, ` +
      `and there are at most ${MOST}.`,
  );
}

/** How a scheduler numbers the tasks of an array. */
interface Scheduler {
  /** The variable that is set where the scheduler runs the process. */
  variable: string;
  read(env: Environment, shards: number | undefined): FoundShard;
}

/** A scheduler that counts from 0 and says how many there are. */
const countsFromZero = (variable: string, size: string): Scheduler => ({
  variable,
  read: (env) => ({
    index: numberIn(env, variable) + 1,
    count: numberIn(env, size),
    found: `${variable} ${env[variable]} of ${size} ${env[size]}`,
  }),
});

/** https://slurm.schedmd.com/job_array.html: any first number and step; a list has gaps, and is no array of shards. */
const slurm: Scheduler = {
  variable: 'SLURM_ARRAY_TASK_ID',
  read(env) {
    const variable = (name: string) => `SLURM_ARRAY_TASK_${name}`;
    const [id, min, max] = ['ID', 'MIN', 'MAX'].map((name) => numberIn(env, variable(name)));
    const orElse = (name: string, value: number) =>
      env[variable(name)] === undefined ? value : numberIn(env, variable(name));
    const step = orElse('STEP', 1);
    const count = Math.floor((max - min) / step) + 1;
    const tasks = orElse('COUNT', count);
    if (tasks !== count)
      throw refuse(
        `Shard auto: the Slurm array has ${tasks} tasks, numbered ${min} to ${max}. Only a whole array says which shard ` +
          'a task is; for single tasks name it, as $SLURM_ARRAY_TASK_ID/COUNT.',
      );
    return {
      index: (id - min) / step + 1,
      count,
      found: `SLURM_ARRAY_TASK_ID ${id} of ${min}-${max}${step === 1 ? '' : `:${step}`}`,
    };
  },
};

/** https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static: the pod is not told how many there are. */
const kubernetes: Scheduler = {
  variable: 'JOB_COMPLETION_INDEX',
  read(env, shards) {
    if (shards === undefined)
      throw refuse(
        'Shard auto: Kubernetes sets JOB_COMPLETION_INDEX but does not say how many there are; give their number (--shards), the ' +
          "Job's number of completions.",
      );
    const index = numberIn(env, 'JOB_COMPLETION_INDEX');
    return { index: index + 1, count: shards, found: `JOB_COMPLETION_INDEX ${index}` };
  },
};

const SCHEDULERS: readonly Scheduler[] = [
  slurm,
  kubernetes,
  countsFromZero('AWS_BATCH_JOB_ARRAY_INDEX', 'AWS_BATCH_JOB_ARRAY_SIZE'),
  countsFromZero('CLOUD_RUN_TASK_INDEX', 'CLOUD_RUN_TASK_COUNT'),
];

/**
 * The shard that a scheduler's variables name.
 *
 * @param shards How many there have to be; needed where the scheduler does not say.
 * @throws LockstepError `bad-input` where none of them is set, or several are, or they do not fit.
 */
function scheduledShard(env: Environment, shards?: number): FoundShard {
  const set = SCHEDULERS.filter(({ variable }) => env[variable] !== undefined);
  const names = (list: readonly Scheduler[]) => list.map(({ variable }) => variable).join(', ');
  if (set.length === 0)
    throw refuse(`Shard auto: none of ${names(SCHEDULERS)} is set; name the shard, as 3/16.`);
  if (set.length > 1)
    throw refuse(
      `Shard auto: ${names(set)} are set, and it is not clear which one counts; name the shard, as 3/16.`,
    );
  const shard = set[0].read(env, shards);
  checkShard(`Shard auto (${printable(shard.found)})`, shard);
  if (shards !== undefined && shard.count !== shards)
    throw refuse(`Shard auto: ${shard.found} are ${shard.count} shards, not ${shards}.`);
  return shard;
}

/**
 * The shard that a word names.
 *
 * @param text `3/16`, or `auto` for the scheduler's variables.
 * @param env A process's variables: `process.env`.
 * @param shards How many there are, where the scheduler does not say: Kubernetes.
 * @throws LockstepError `bad-input` that says what fits.
 * @example
 * shardFrom('3/16', {}); // { index: 3, count: 16 }
 * shardFrom('auto', { SLURM_ARRAY_TASK_ID: '4', SLURM_ARRAY_TASK_MIN: '0', SLURM_ARRAY_TASK_MAX: '7' }); // { index: 5, count: 8, … }
 */
export function shardFrom(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  shards?: number,
): FoundShard {
  if (text === 'auto') return scheduledShard(env, shards);
  if (shards !== undefined) throw refuse('The number of shards (--shards) goes with auto; 3/16 says both.');
  const [, index, count] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
  if (count === undefined)
    throw refuse(`Shard ${printable(text)}: write which one of how many, as 3/16, or auto.`);
  const shard = { index: Number(index), count: Number(count) };
  checkShard(`Shard ${text}`, shard);
  return shard;
}
