/**
 * Ctrl-C, SIGTERM and SIGHUP: the first asks everything to end and gives it a moment; the next is the system's, which
 * ends the process at once, whatever it is doing. The exit code is 128 + the signal's number, as shells count it.
 */
import { constants } from 'node:os';

/** How long work under way may take to end by itself, so that all is over within a second of the first Ctrl-C. */
const GRACE_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

const SHOW_CURSOR = '\x1b[?25h';

export const exitCodeOf = (signal: Signal): number => 128 + constants.signals[signal];

/**
 * Leaves the next signal to the system's own rule. That needs no turn of this thread, which may be held by anything; and
 * `process.exit` may hang, for it waits for threads that are in a system call.
 */
function letGo(): void {
  for (const signal of SIGNALS) process.removeAllListeners(signal);
}

const endAtOnce = (signal: Signal) => {
  letGo();
  process.exit(exitCodeOf(signal));
};

/** Until there is something to save, a signal just ends the program. */
export function endOnInterrupt(): void {
  for (const signal of SIGNALS) process.on(signal, endAtOnce);
}

/** Ends the process when an exit would wait for a thread that does not end: by the signal that came, or the surest one. */
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
      // The display has hidden it, and what would have shown it again has just been let go.
      if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
      this.stop();
    };
    for (const signal of SIGNALS) {
      process.off(signal, endAtOnce);
      process.on(signal, this.#onSignal);
    }
  }

  /** Asks everything to end, as a signal does. */
  stop(): void {
    this.#controller.abort();
    setTimeout(this.#endGrace, GRACE_MS);
  }

  /** Gives the signals back to Node. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get happened(): boolean {
    return this.signal.aborted;
  }

  /** Waits for `work`, but not beyond the grace. An error of `work` after the interrupt is no news. */
  async bounded(work: Promise<void>): Promise<void> {
    await Promise.race([work, this.#graceOver]).catch((error) => {
      if (!this.happened) throw error;
    });
    work.catch(() => {});
  }
}
