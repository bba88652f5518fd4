/**
 * Calls a function of a strategy and reads its result, trusting neither. The arguments are frozen copies. Whatever goes wrong,
 * in the call or while the result is read, becomes one error that names the strategy and the function. dataset.ts and
 * prepare.ts check the results.
 */
import { LockstepError } from '../platform/errors.js';
import { suggestion } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import { thrownAt, thrownText } from '../platform/thrown.js';
import type { Secret } from './secrets.js';
import { folderOf, type Strategy } from './strategy.js';
import type { Task } from './task.js';

export type StrategyFunction = 'initModel' | 'makeDataset' | 'getOptimizerConfig';

/** Makes the error of a problem: `Strategy 'mine', makeDataset: PROBLEM`. */
export type Fail = (problem: string, options?: ErrorOptions) => LockstepError;

/** The copy of the task that a strategy gets, so that it cannot change the evaluation's. */
export const lentTask = (task: Task): Task => Object.freeze({ ...task });
export const lentSecret = (secret: Secret): Secret => Object.freeze([...secret]);

/** The messages of V8 and JavaScriptCore about a write to a frozen object. */
const FROZEN =
  /read[ -]?only property|not extensible|Cannot delete property|sealed array|Cannot (?:re)?define property|non-extensible|Unable to delete/;

/**
 * Calls a function of a strategy and reads its result.
 *
 * @param call The call of `strategy[name]`.
 * @param take Checks the result and returns a copy; it throws what `fail` makes.
 * @throws LockstepError `bad-input`, and nothing else.
 */
export function askStrategy<T>(
  strategy: Strategy,
  name: StrategyFunction,
  call: () => unknown,
  take: (returned: unknown, fail: Fail) => T,
): T {
  const made = new WeakSet<object>();
  const fail: Fail = (problem, options) => {
    const error = badStrategy(strategy, name, problem, options);
    made.add(error);
    return error;
  };
  let returned: unknown;
  try {
    returned = call();
  } catch (cause) {
    throw fail(callProblem(strategy, cause), { cause });
  }
  try {
    if (isPromise(returned))
      throw fail('returned a promise; it must return its result itself, not asynchronously.');
    return take(returned, fail);
  } catch (error) {
    if (typeof error === 'object' && error !== null && made.has(error)) throw error;
    throw fail(`what it returned cannot be read: ${thrownText(error)}.`, { cause: error });
  }
}

function callProblem(strategy: Strategy, thrown: unknown): string {
  const folder = folderOf(strategy);
  const at = folder === undefined ? undefined : thrownAt(thrown, folder);
  const said = at ? `${thrownText(thrown)}, at ${at}` : thrownText(thrown);
  if (FROZEN.test(thrownText(thrown))) {
    return (
      `tried to change an argument, or another frozen object: ${said}. secret and task are read-only; ` +
      'change a copy, as [...secret] or { ...task }.'
    );
  }
  return `threw: ${said}`;
}

/** Whether a value is a promise. Its rejection is caught, so that it does not end the thread later. */
function isPromise(value: unknown): boolean {
  const { then } = (value ?? {}) as { then?: unknown };
  if (typeof then !== 'function') return false;
  if (value instanceof Promise) value.catch(() => {});
  return true;
}

/** Refuses unknown keys in an object that a strategy returned. `meant` has hints for some of them. */
export function checkReturnedKeys(
  where: string,
  returned: object,
  known: readonly string[],
  fail: Fail,
  meant: Readonly<Record<string, string>> = {},
): void {
  const unknown = Object.keys(returned).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const hint = Object.hasOwn(meant, unknown) ? meant[unknown] : suggestion(unknown, known);
  throw fail(`${where} unknown key ${printable(unknown)}; ${hint}`);
}

/** A `bad-input` error that begins with the strategy and its function. */
export function badStrategy(
  strategy: Pick<Strategy, 'name'>,
  name: StrategyFunction,
  problem: string,
  options?: ErrorOptions,
): LockstepError {
  return new LockstepError('bad-input', `Strategy '${strategy.name}', ${name}: ${problem}`, options);
}
