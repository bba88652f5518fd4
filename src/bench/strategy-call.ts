/**
 * Calls a function of a strategy's and takes what it returned, trusting neither: the arguments are frozen copies, and
 * whatever goes wrong, in the call or while its result is read, is one error that names the strategy and the function.
 * What a result must be is judged in dataset.ts and prepare.ts.
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

/** What a strategy gets to read: copies, so that nothing it does to them reaches the examination. */
export const lentTask = (task: Task): Task => Object.freeze({ ...task });
export const lentSecret = (secret: Secret): Secret => Object.freeze([...secret]);

/** What engines say of a write to a frozen object, in V8's words and in JavaScriptCore's. */
const FROZEN =
  /read[ -]?only property|not extensible|Cannot delete property|sealed array|Cannot (?:re)?define property|non-extensible|Unable to delete/;

/**
 * Calls and takes.
 *
 * @param call The call of `strategy[name]`.
 * @param take Judges what came back and copies what is kept of it; it reports by `fail`.
 * @throws LockstepError `bad-input`, always.
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

/** A promise that is refused must not end the thread when it is rejected later. */
function isPromise(value: unknown): boolean {
  const { then } = (value ?? {}) as { then?: unknown };
  if (typeof then !== 'function') return false;
  if (value instanceof Promise) value.catch(() => {});
  return true;
}

/** Refuses keys that nobody knows in an object that a strategy returned; `meant` says what some of them mean here. */
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
