/** Functions that have to be done when they return, as what surrounds them ends then. */
import { LockstepError } from '../platform/errors.js';

/**
 * What `work` returns, unless it is a promise.
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
