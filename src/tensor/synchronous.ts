/** Runs functions that must not be asynchronous, because something around them ends when they return. */
import { LockstepError } from '../platform/errors.js';

/**
 * Returns what `work` returns; throws if that is a promise.
 *
 * @param name The caller, for the error.
 * @param consequence What would go wrong, for the error.
 * @throws LockstepError `bad-input` for asynchronous functions.
 */
export function runSynchronously<T>(name: string, consequence: string, work: () => T): T {
  const result = work();
  if (!(result instanceof Promise)) return result;
  result.catch(() => {}); // told here, not as an unhandled rejection
  throw new LockstepError(
    'bad-input',
    `${name}: the function is asynchronous, and ${consequence} before its work; await after ${name}.`,
  );
}
