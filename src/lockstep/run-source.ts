/** Draws runs from a list, an iterable or an async iterable without ever holding the training up for the next one. */
import type { LockstepRun } from './types.js';

export class RunSource {
  readonly #iterator: Iterator<LockstepRun> | AsyncIterator<LockstepRun>;
  #waiting: Promise<void> | undefined;
  #ready: LockstepRun | undefined;
  #error: { cause: unknown } | undefined;
  #ended = false;

  constructor(runs: Iterable<LockstepRun> | AsyncIterable<LockstepRun>) {
    this.#iterator = Symbol.asyncIterator in runs ? runs[Symbol.asyncIterator]() : runs[Symbol.iterator]();
  }

  /** No run is left. */
  get ended(): boolean {
    return this.#ended && !this.#ready;
  }

  /** The next run if it is there; it stays until {@link take}. Throws what the iterable threw. */
  peek(): LockstepRun | undefined {
    if (this.#error) throw this.#error.cause;
    if (!this.#ready && !this.#ended && !this.#waiting) this.#ask();
    return this.#ready;
  }

  take(): void {
    this.#ready = undefined;
  }

  /** Resolves when {@link peek} may have changed its answer. */
  async wait(): Promise<void> {
    this.peek();
    await this.#waiting;
  }

  /** Whether {@link peek} may have changed its answer within so many milliseconds; runs that are ready come in 0. */
  async arrives(ms: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), Math.max(0, ms));
    });
    return Promise.race([this.wait().then(() => true), late]).finally(() => clearTimeout(timer));
  }

  /**
   * Tells the iterable that no more is wanted. Waits for its clean-up, unless it is still busy with the next run:
   * an async generator begins to clean up only after that, which nobody should have to wait for.
   */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const closed = Promise.resolve(this.#iterator.return?.());
    closed.catch(() => {}); // thrown where it is awaited
    if (!this.#waiting) await closed;
  }

  #ask(): void {
    const accept = (result: IteratorResult<LockstepRun>) => {
      if (result.done) this.#ended = true;
      else this.#ready = result.value;
    };
    const next = this.#iterator.next();
    if (!(next instanceof Promise)) {
      accept(next);
      return;
    }
    this.#waiting = next
      .then(accept, (cause) => {
        this.#error = { cause };
        this.#ended = true;
      })
      .finally(() => {
        this.#waiting = undefined;
      });
  }
}
