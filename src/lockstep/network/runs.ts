/** Takes runs from a list, an iterable or an async iterable, one at a time, and checks each while others train. */

import { LockstepError } from '../../platform/errors.js';
import { showKind } from '../../platform/options.js';
import { closeRunner, type Runner, type Runs } from '../iterables.js';
import type { NetworkRun } from './types.js';

/** A run that was accepted, with its number. */
interface NumberedRun<Accepted> {
  readonly run: Accepted;
  readonly index: number;
}

export class NetworkRuns<Accepted> {
  readonly #iterator: Runner<NetworkRun>;
  readonly #accept: (run: NetworkRun, index: number) => Promise<Accepted>;
  readonly #numberOf: (k: number) => number;
  #drawn = 0;
  #ended = false;
  #ready: NumberedRun<Accepted> | undefined;
  #pending: Promise<void> | undefined;
  #failure: { cause: unknown } | undefined;
  /** Pending while the iterable is asked for a run. If only `#pending` is set, a run is being checked. */
  #asking: Promise<void> | undefined;

  constructor(
    runs: Runs<NetworkRun>,
    accept: (run: NetworkRun, index: number) => Promise<Accepted>,
    numberOf: (k: number) => number,
  ) {
    this.#iterator =
      Symbol.asyncIterator in runs
        ? runs[Symbol.asyncIterator]()
        : (runs as Iterable<NetworkRun>)[Symbol.iterator]();
    this.#accept = accept;
    this.#numberOf = numberOf;
  }

  /** The next run; undefined where none is left. If others train, also where the iterable has not given it yet. */
  async next(othersTrain: boolean): Promise<NumberedRun<Accepted> | undefined> {
    this.#ask();
    // An iterable that has a run at once gives it within one turn of the event loop.
    const turn = new Promise<void>((resolve) => setTimeout(resolve));
    // Training waits while a run is checked and its model is read, but not for an iterable that has none yet.
    if (othersTrain) await Promise.race([this.#asking, turn]);
    if (!othersTrain || !this.#asking) await this.#pending;
    if (this.#failure) throw this.#failure.cause;
    const ready = this.#ready;
    this.#ready = undefined;
    return ready;
  }

  /** Gives back a run for which there is no room: {@link next} returns it again. */
  giveBack(run: NumberedRun<Accepted>): void {
    this.#ready = run;
  }

  /** No more runs are wanted. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await closeRunner(this.#iterator, this.#pending !== undefined);
  }

  #ask(): void {
    if (this.#ready || this.#pending || this.#ended || this.#failure) return;
    this.#pending = this.#draw()
      .catch((cause) => {
        this.#failure = { cause };
      })
      .finally(() => {
        this.#pending = undefined;
      });
  }

  async #draw(): Promise<void> {
    const asked = Promise.resolve(this.#iterator.next());
    this.#asking = asked.then(
      () => {},
      () => {},
    );
    const result = await asked.finally(() => {
      this.#asking = undefined;
    });
    if (typeof result !== 'object' || result === null) {
      throw new LockstepError('bad-input', `trainLockstep: the iterator of runs gave ${showKind(result)}.`);
    }
    if (result.done) {
      this.#ended = true;
      return;
    }
    const index = this.#numberOf(this.#drawn++);
    this.#ready = { run: await this.#accept(result.value, index), index };
  }
}
