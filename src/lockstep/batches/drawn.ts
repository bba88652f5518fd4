/**
 * Draws the batches of one run in the order in which it sees its examples, in the form that the kernels read: row indices, one
 * batch every `pitch` words. This runs in any thread; ring.ts passes batches between threads.
 */
import { NO_ROW } from '../../../shaders/train/chunk.wgsl.js';
import { EpochOrder } from '../../random/epoch-order.js';

/** What a run's batches depend on. */
export interface BatchSettings {
  examples: number;
  /** Seed of the epoch order. */
  seed: number;
  batchSize: number;
  /** Words from one batch to the next; those after a batch's examples are {@link NO_ROW}. */
  pitch: number;
  /** Steps done before, whose batches are skipped. */
  skip: number;
}

/** Where a run's batches come from. */
export interface BatchSource {
  /** Steps whose batches can be taken without waiting. */
  readonly available: number;
  /** Writes the batches of the next `steps` steps to `out[at]` and on; at most `available`. It never reads `out`. */
  take(out: Uint32Array, at: number, steps: number): void;
  /** Says that nothing more is wanted. */
  close(): void;
}

/** Draws batches when they are asked for. */
export class DrawnBatches implements BatchSource {
  readonly available = Number.POSITIVE_INFINITY;
  readonly #order: EpochOrder;
  readonly #batchSize: number;
  readonly #pitch: number;
  /** Batches side by side, on their way to places that are further apart. */
  #together = new Uint32Array(0);

  constructor({ examples, seed, batchSize, pitch, skip }: BatchSettings) {
    this.#order = new EpochOrder(examples, seed);
    this.#batchSize = batchSize;
    this.#pitch = pitch;
    const perEpoch = Math.ceil(examples / batchSize);
    this.#order.skip(Math.floor(skip / perEpoch) * examples + (skip % perEpoch) * batchSize);
  }

  take(out: Uint32Array, at: number, steps: number): void {
    for (let done = 0; done < steps; ) {
      const left = this.#order.remaining;
      const whole = Math.min(steps - done, Math.floor(left / this.#batchSize));
      const [batches, examples] = whole > 0 ? [whole, this.#batchSize] : [1, left]; // the last of an epoch has what is left
      this.#put(out, at + done * this.#pitch, batches, examples);
      done += batches;
    }
  }

  /** Writes batches of so many examples from `out[to]` on, each at its place. */
  #put(out: Uint32Array, to: number, batches: number, examples: number): void {
    if (examples === this.#pitch) {
      this.#order.take(out, to, batches * examples);
      return;
    }
    if (this.#together.length < batches * examples) this.#together = new Uint32Array(batches * examples);
    const together = this.#together;
    this.#order.take(together, 0, batches * examples);
    for (let b = 0; b < batches; b++) {
      out.set(together.subarray(b * examples, (b + 1) * examples), to + b * this.#pitch);
      out.fill(NO_ROW, to + b * this.#pitch + examples, to + (b + 1) * this.#pitch);
    }
  }

  close(): void {}
}
