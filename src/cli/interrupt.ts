/**
 * Handles Ctrl-C, SIGTERM and SIGHUP. The first signal asks everything to end, within a moment. The next one is left to the
 * system, which ends the process at once. The exit code is 128 + the signal's number, as shells have it.
 */
import { constants } from 'node:os';

/** How long work may take to end by itself, so that the program ends within a second of the first Ctrl-C. */
const GRACE_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

const SHOW_CURSOR = '\x1b[?25h';

export const exitCodeOf = (signal: Signal): number => 128 + constants.signals[signal];

/**
 * Leaves the next signal to the system. That works even if this thread is busy, and where `process.exit` would wait for a
 * thread in a system call.
 */
function letGo(): void {
  for (const signal of SIGNALS) process.removeAllListeners(signal);
}

const endAtOnce = (signal: Signal) => {
  letGo();
  process.exit(exitCodeOf(signal));
};

/** Lets a signal end the program at once, as long as there is nothing to save. */
export function endOnInterrupt(): void {
  for (const signal of SIGNALS) process.on(signal, endAtOnce);
}

/** Ends the process by a signal, the one that came or SIGKILL, where an exit would wait for a thread that does not end. */
export function endByForce(signal: Signal | 'SIGKILL' = 'SIGKILL'): void {
  letGo();
  process.kill(process.pid, signal);
}

export class Interrupt {
  readonly #controller = new AbortController();
  readonly #onSignal: (signal: Signal) => void;
  readonly #graceOver: Promise<void>;
  #endGrace!: () => void;
  /** The signal that came. */
  caught: Signal | undefined;

  constructor() {
    this.#graceOver = new Promise((resolve) => {
      this.#endGrace = resolve;
    });
    this.#onSignal = (signal) => {
      this.caught = signal;
      letGo();
      // The display has hidden the cursor, and the handler that would show it again has just been removed.
      if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
      this.stop();
    };
    for (const signal of SIGNALS) {
      process.off(signal, endAtOnce);
      process.on(signal, this.#onSignal);
    }
  }

  /** Asks everything to end, as the first signal does. */
  stop(): void {
    this.#controller.abort();
    setTimeout(this.#endGrace, GRACE_MS);
  }

  /** Removes the handlers. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get happened(): boolean {
    return this.signal.aborted;
  }

  /** Waits for `work`, after an interrupt no longer than {@link GRACE_MS}. Errors of `work` after the interrupt are ignored. */
  async bounded(work: Promise<void>): Promise<void> {
    await Promise.race([work, this.#graceOver]).catch((error) => {
      if (!this.happened) throw error;
    });
    work.catch(() => {});
  }
}
