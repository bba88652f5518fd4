/**
 * Checks that a value is a checkpoint from which an evaluation can resume: fields, shapes and ranges. Files have a checksum
 * besides; this check is also for objects that a program passes in.
 */
import { KERNEL_NAMES } from '../kernels/train/training-kernel.js';
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import type { EvaluationCheckpoint } from './events.js';
import type { Task } from './task.js';

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const wholeIn = (value: unknown, least: number, most: number) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
const isShare = (value: unknown) =>
  typeof value === 'number' && (Number.isNaN(value) || (value >= 0 && value <= 1));
const isKernel = (value: unknown) => (KERNEL_NAMES as readonly unknown[]).includes(value);

function notOurs(reason: string, cause?: unknown): LockstepError {
  return new LockstepError('bad-input', `This is no checkpoint of an evaluation: ${reason}.`, { cause });
}

/** The error about an entry in `list` of the checkpoint. */
function refuse(list: string, index: number, reason: string): LockstepError {
  return notOurs(`${list}[${index}] ${reason}`);
}

function listOf(checkpoint: Fields, name: string): unknown[] {
  const list = checkpoint[name];
  if (Array.isArray(list)) return list;
  throw notOurs(`${name} is no list`);
}

/** Checks each entry: its run, that the run is not in `seen` already, and by `problem` its other fields. */
function checkRuns(
  list: readonly unknown[],
  name: string,
  place: readonly [secret: string, order: string],
  task: Task,
  seen: Set<number> | undefined,
  problem: (entry: Fields) => string | undefined,
): void {
  for (const [i, entry] of list.entries()) {
    if (!isFields(entry)) throw refuse(name, i, 'is no object');
    const [secret, order] = place.map((key) => entry[key]);
    if (!wholeIn(secret, 0, task.secrets - 1) || !wholeIn(order, 0, task.orders - 1))
      throw refuse(
        name,
        i,
        `is of secret ${printable(secret)}, order ${printable(order)}, which the task has not`,
      );
    const run = (secret as number) * task.orders + (order as number);
    if (seen?.has(run))
      throw refuse(name, i, `is of a run that comes twice, secret ${secret} order ${order}`);
    seen?.add(run);
    const found = problem(entry);
    if (found) throw refuse(name, i, found);
  }
}

const badSteps = (steps: unknown, least: number, most: number) =>
  wholeIn(steps, least, most)
    ? undefined
    : `stands at step ${printable(steps)}, and not at one of ${least} to ${most}`;

function badRunState(state: unknown, { maxSteps }: Task): string | undefined {
  if (!isFields(state)) return 'has no state';
  if (!isKernel(state.kernel)) return `is of a kernel ${printable(state.kernel)}, which there is not`;
  if (!(state.state instanceof Float32Array) || !(state.sums instanceof Uint32Array))
    return 'has no weights and sums';
  if (!wholeIn(state.stableWindows, 0, 2 ** 31 - 1)) return 'has no count of stable windows';
  return badSteps(state.steps, 0, maxSteps - 1);
}

/** Checks what it says of training sets: the secret, that it comes once, and the two figures. */
function checkDatasets(list: readonly unknown[], task: Task): void {
  const seen = new Set<unknown>();
  for (const [i, entry] of list.entries()) {
    const { secret, examples, positiveRate } = isFields(entry) ? entry : {};
    if (!wholeIn(secret, 0, task.secrets - 1) || seen.has(secret))
      throw refuse('datasets', i, `is of secret ${printable(secret)}, which there is not, or twice`);
    seen.add(secret);
    if (!wholeIn(examples, 1, task.maxTrainExamples) || !isShare(positiveRate))
      throw refuse('datasets', i, 'has no number of examples, or no share of positive ones');
  }
}

/**
 * @param checkpoint From a `checkpoint` event, a `structuredClone` of one, or a file.
 * @param trains Whether the evaluation trains a run; default: all of the task.
 * @throws LockstepError `bad-input` that names the first entry that does not fit the task.
 */
export function checkCheckpoint(
  checkpoint: unknown,
  task: Task,
  trains: (secret: number, order: number) => boolean = () => true,
): asserts checkpoint is EvaluationCheckpoint {
  if (!isFields(checkpoint)) throw notOurs(`it is ${showKind(checkpoint)}`);
  for (const [i, kernel] of listOf(checkpoint, 'kernels').entries())
    if (!isKernel(kernel)) throw refuse('kernels', i, `is ${printable(kernel)}, which there is not`);
  checkDatasets(listOf(checkpoint, 'datasets'), task);
  const known = new Set<number>();
  const result = ['secretIndex', 'orderIndex'] as const;
  checkRuns(listOf(checkpoint, 'results'), 'results', result, task, known, ({ steps, testAccuracy }) =>
    isShare(testAccuracy) ? badSteps(steps, 1, task.maxSteps) : `has accuracy ${printable(testAccuracy)}`,
  );
  const run = ['secret', 'order'] as const;
  checkRuns(listOf(checkpoint, 'runs'), 'runs', run, task, known, (entry) =>
    badRunState(entry.checkpoint, task),
  );
  for (const number of known) {
    const place = [Math.floor(number / task.orders), number % task.orders] as const;
    if (!trains(...place))
      throw notOurs(`secret ${place[0]} order ${place[1]} is not among the runs to train`);
  }
  checkRuns(listOf(checkpoint, 'windows'), 'windows', run, task, undefined, ({ step, loss, accuracy }) =>
    typeof loss === 'number' && isShare(accuracy)
      ? badSteps(step, 1, task.maxSteps)
      : 'has no loss or accuracy',
  );
}
