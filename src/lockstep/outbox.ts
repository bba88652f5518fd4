/**
 * Collects the results of work in the background as they come, and at the end its error, if there was one. It does not know
 * the work, and waits only when asked to.
 */

/** A key stands for a piece of work while it is under way. */
export class Outbox<Key, Result> {
  readonly #pending = new Set<Key>();
  readonly #ready: Result[] = [];
  #failure: { cause: unknown } | undefined;
  #settled: Promise<unknown> = Promise.resolve();

  add(key: Key, work: Promise<Result>): void {
    this.#pending.add(key);
    const done = work.then(
      (result) => {
        if (this.#pending.delete(key)) this.#ready.push(result);
      },
      (cause: unknown) => {
        if (this.#pending.delete(key)) this.#failure ??= { cause };
      },
    );
    this.#settled = Promise.all([this.#settled, done]);
  }

  /**
   * True while something is under way or not taken yet. New results may come while a slow reader takes the old ones.
   */
  get busy(): boolean {
    return this.#pending.size > 0 || this.#failure !== undefined || this.#ready.length > 0;
  }

  /** Resolves when nothing that was added is under way any more. */
  async settled(): Promise<void> {
    await this.#settled;
  }

  /** The results that are there and those that come meanwhile; then throws the error, if there was one. */
  *drain(): Generator<Result> {
    yield* this.ready();
    if (this.#failure) throw this.#failure.cause;
  }

  /** The results that are there and those that come meanwhile. */
  *ready(): Generator<Result> {
    for (let result = this.#ready.shift(); result !== undefined; result = this.#ready.shift()) yield result;
  }

  /** Gives up what is under way, so that its results are dropped. Returns its keys. */
  abandon(): Key[] {
    const abandoned = [...this.#pending];
    this.#pending.clear();
    return abandoned;
  }
}
