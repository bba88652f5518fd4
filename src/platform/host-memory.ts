/**
 * Memory of this process for arrays whose size a caller chose: JavaScript's own error for one that it cannot have says
 * neither who asked nor for what.
 */
import { LockstepError } from './errors.js';

/**
 * What `make` makes; `what` says for errors what it is, as `3000000000 rows of 64 bits`.
 *
 * @throws LockstepError `out-of-memory` where this machine has no room, or JavaScript no array, as large as that.
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
