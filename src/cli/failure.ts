/**
 * Reports an error that ends a command: a message on standard error and an exit code, never a stack trace. Schedulers decide by
 * the code whether to try again: 2 is for what the same command can never do (flags, strategies, files that do not fit), 1 for
 * what may succeed later or elsewhere (a full disk, a machine without an adapter, a lost device), and 128 + n for signal n, as
 * shells have it.
 */
import { CommanderError } from 'commander';
import { LockstepError } from '../platform/errors.js';
import { printableLines } from '../platform/printable.js';
import { say } from './outlets.js';

export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Prints the message of `error` and returns the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has printed its text
  if (error instanceof LockstepError) {
    say(error.code === 'no-adapter' ? error.message : `error: ${error.message}`);
    return error.code === 'bad-input' ? EXIT.usage : EXIT.failed;
  }
  const detail = error instanceof Error ? error : new Error(String(error));
  if ('syscall' in detail) {
    say(`error: ${printableLines(detail.message)}`); // the system's own words: a full disk, a folder that went away
    return EXIT.failed;
  }
  const trace = process.env.LOCKSTEP_DEBUG ? `\n${detail.stack}` : '; LOCKSTEP_DEBUG=1 shows where';
  const text = `${detail.message}${trace}`;
  say(`error: unexpected, probably a defect of lockstep-gpu: ${printableLines(text)}`);
  return EXIT.failed;
}
