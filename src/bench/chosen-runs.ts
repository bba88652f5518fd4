/** Which of a task's runs an evaluation trains, where it is not all of them. What it does with them is evaluate.ts's concern. */
import { checkList, checkNumber } from '../platform/arguments.js';
import type { Task } from './task.js';

/**
 * By secret, the orders of the runs that are trained.
 *
 * @param runs Numbers of runs, `secret * orders + order`. Default: all of the task.
 * @throws LockstepError `bad-input` that names a run that there is not.
 */
export function ordersBySecret(
  where: string,
  { secrets, orders }: Task,
  runs?: readonly number[],
): number[][] {
  if (runs === undefined) return Array(secrets).fill(Array.from({ length: orders }, (_, order) => order));
  checkList(where, 'the list of runs', runs, 'numbers of runs fit, as [0, 1, 2]');
  for (const [i, run] of runs.entries())
    checkNumber(where, `run ${i} of the list`, run, { min: 0, below: secrets * orders, whole: true });
  const chosen = new Set(runs);
  return Array.from({ length: secrets }, (_, secret) =>
    Array.from({ length: orders }, (_, order) => order).filter((order) =>
      chosen.has(secret * orders + order),
    ),
  );
}
