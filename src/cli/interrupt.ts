/**
 * Ctrl-C: the first asks everything to end and gives it a moment, the second ends the process at once.
 */
import { EXIT } from './failure.js';

/** How long work under way may take to end by itself, so that all is over within a second of the first Ctrl-C. */
const GRACE_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

const endAtOnce = () => process.exit(EXIT.interrupted);

/** Until there is something to save, Ctrl-C just ends the program, with the exit code that it always has. */
export function endOnInterrupt(): void {
  for (const signal of SIGNALS) process.on(signal, endAtOnce);
}

export class Interrupt {
  readonly #controller = new AbortController();
  readonly #onSignal: () => void;
  /** Resolves when the grace after the first Ctrl-C is over. */
  readonly graceOver: Promise<void>;

  constructor() {
    let over: () => void;
    this.graceOver = new Promise((resolve) => {
      over = resolve;
    });
    this.#onSignal = () => {
      if (this.happened) process.exit(EXIT.interrupted);
      this.#controller.abort();
      setTimeout(over, GRACE_MS);
    };
    for (const signal of SIGNALS) {
      process.off(signal, endAtOnce);
      process.on(signal, this.#onSignal);
    }
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
    await Promise.race([work, this.graceOver]).catch((error) => {
      if (!this.happened) throw error;
    });
    work.catch(() => {});
  }
}
