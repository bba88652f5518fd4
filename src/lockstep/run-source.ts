/** Takes runs from a list, an iterable or an async iterable. Training never waits for a run that is not ready. */
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';
import type { AcceptedRun } from './accept-run.js';
import { closeRunner, type Runner, type Runs } from './iterables.js';
import { isObject } from './options.js';
import type { LockstepRun } from './types.js';

/** What the caller's iterable threw, kept apart from our own errors. */
export class RunsFailed extends Error {
  constructor(cause: unknown) {
    super('the runs failed', { cause });
  }
}

export class RunSource {
  readonly #iterator: Runner<LockstepRun>;
  readonly #isAsync: boolean;
  readonly #accept: (run: LockstepRun, index: number) => AcceptedRun;
  #taken = 0;
  #waiting: Promise<void> | undefined;
  #ready: AcceptedRun | undefined;
  #error: { cause: unknown } | undefined;
  #ended = false;

  /** @param accept Checks each run as it comes. */
  constructor(runs: Runs<LockstepRun>, accept: (run: LockstepRun, index: number) => AcceptedRun) {
    this.#isAsync = Symbol.asyncIterator in runs && typeof runs[Symbol.asyncIterator] === 'function';
    this.#iterator = theirs(() =>
      this.#isAsync
        ? (runs as AsyncIterable<LockstepRun>)[Symbol.asyncIterator]()
        : (runs as Iterable<LockstepRun>)[Symbol.iterator](),
    );
    this.#accept = accept;
    if (isObject(this.#iterator) && typeof this.#iterator.next === 'function') return;
    throw new LockstepError(
      'bad-input',
      `trainLockstep: runs gives ${showKind(this.#iterator)} as its iterator.`,
    );
  }

  /** True if no run is left. */
  get ended(): boolean {
    return this.#ended && !this.#ready && !this.#error;
  }

  /**
   * The next run, if it is there; it stays until {@link take}.
   *
   * @throws RunsFailed if the iterable threw, and what `accept` throws for a run that does not fit.
   */
  peek(): AcceptedRun | undefined {
    this.#ask();
    if (this.#error) throw this.#error.cause;
    return this.#ready;
  }

  take(): void {
    this.#ready = undefined;
  }

  /** Resolves when {@link peek} may have changed its answer. */
  async wait(): Promise<void> {
    this.#ask();
    await this.#waiting;
  }

  /**
   * Whether {@link peek} may change its answer within `ms` milliseconds. With 0, that is so for runs that are ready.
   */
  async arrives(ms: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), Math.max(0, ms));
    });
    return Promise.race([this.wait().then(() => true), late]).finally(() => clearTimeout(timer));
  }

  /** No more runs are wanted. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await closeRunner(this.#iterator, this.#waiting !== undefined);
  }

  #ask(): void {
    if (this.#ready || this.#ended || this.#waiting || this.#error) return;
    try {
      const next = theirs(() => this.#iterator.next());
      if (this.#isAsync) this.#waiting = this.#receive(next as Promise<IteratorResult<LockstepRun>>);
      else this.#take(next as IteratorResult<LockstepRun>);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  async #receive(next: PromiseLike<IteratorResult<LockstepRun>>): Promise<void> {
    try {
      this.#take(
        await Promise.resolve(next).catch((cause) => {
          throw new RunsFailed(cause);
        }),
      );
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#waiting = undefined;
    }
  }

  #take(result: IteratorResult<LockstepRun>): void {
    if (!isObject(result)) {
      const found = showKind(result);
      throw new LockstepError(
        'bad-input',
        `trainLockstep: the iterator of runs gave ${found}, not { value, done }.`,
      );
    }
    if (result.done) this.#ended = true;
    else this.#ready = this.#accept(result.value, this.#taken++);
  }

  #fail(cause: unknown): void {
    this.#error = { cause };
    // An iterator that threw has ended. One whose run was refused is ended by close().
    if (cause instanceof RunsFailed) this.#ended = true;
  }
}

/** Calls the caller's code. */
function theirs<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw new RunsFailed(cause);
  }
}
