/**
 * Calls what is the caller's: functions and getters of an option. What they throw is told with the option's name. Errors about values
 * are made where the values are checked.
 */
import { LockstepError } from './errors.js';
import { thrownText } from './thrown.js';

/**
 * The error for what an option's code has thrown. Errors of this library keep their code, and their message if it says already whose
 * option it is about.
 *
 * @param where Whose option it is; the message begins with it.
 * @example thrownBy('trainLockstep: run 3', 'schedule', new Error('no')).message; // trainLockstep: run 3: schedule threw: no
 */
export function thrownBy(where: string, option: string, thrown: unknown): LockstepError {
  const cause = { cause: thrown };
  if (!(thrown instanceof LockstepError)) {
    return new LockstepError('bad-input', `${where}: ${option} threw: ${thrownText(thrown)}`, cause);
  }
  // Not `run 12`, where it is `run 1`.
  const rest = thrown.message.startsWith(where) ? thrown.message.slice(where.length) : undefined;
  if (rest !== undefined && !/^\w/.test(rest)) return thrown;
  return new LockstepError(thrown.code, `${where}: ${option}: ${thrown.message}`, cause);
}

/** What `call` returns, or what its promise resolves to. It throws, or rejects with, what {@link thrownBy} makes of an error. */
export function calling<T>(where: string, option: string, call: () => T): T {
  const fail = (thrown: unknown): never => {
    throw thrownBy(where, option, thrown);
  };
  try {
    const result = call();
    return result instanceof Promise ? (result.catch(fail) as T) : result;
  } catch (thrown) {
    return fail(thrown);
  }
}

/** The named properties of what is the caller's, each read once. What a getter or a proxy throws is told as {@link calling} does. */
export function readProperties<T extends object>(
  where: string,
  from: T,
  names: readonly string[],
): Partial<T> {
  const read = (name: string) => calling(where, name, () => from[name as keyof T]);
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Partial<T>;
}
