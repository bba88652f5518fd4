/**
 * Allocates arrays whose size the caller chose. Where there is no memory for one, JavaScript's own error would not say which
 * function asked for what; the error from here does.
 */
import { LockstepError } from './errors.js';

/**
 * Returns what `make` makes. `what` describes it in errors, as `3000000000 rows of 64 bits`.
 *
 * @throws LockstepError `out-of-memory` where it is too large for this machine or for any JavaScript array.
 */
export function allocated<T>(where: string, what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new LockstepError(
      'out-of-memory',
      `${where}: ${what} are more than this process has memory for (${cause.message}); ask for fewer.`,
      { cause },
    );
  }
}
