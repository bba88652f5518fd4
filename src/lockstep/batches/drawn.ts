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
  /** Writes the batches of the next `steps` steps to `out[at]` and on; at most `available`. */
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

  constructor({ examples, seed, batchSize, pitch, skip }: BatchSettings) {
    this.#order = new EpochOrder(examples, seed);
    this.#batchSize = batchSize;
    this.#pitch = pitch;
    const perEpoch = Math.ceil(examples / batchSize);
    this.#order.skip(Math.floor(skip / perEpoch) * examples + (skip % perEpoch) * batchSize);
  }

  take(out: Uint32Array, at: number, steps: number): void {
    for (let done = 0; done < steps; ) {
      const from = at + done * this.#pitch;
      const left = this.#order.remaining;
      const whole = Math.min(steps - done, Math.floor(left / this.#batchSize));
      if (whole > 0) this.#order.take(out, from, whole * this.#batchSize);
      else this.#order.take(out, from, left); // the last batch of an epoch
      this.#pad(out, from, Math.max(1, whole), whole > 0 ? this.#batchSize : left);
      done += Math.max(1, whole);
    }
  }

  /** Moves batches that lie side by side to their places, the last one first, and fills the gaps. */
  #pad(out: Uint32Array, from: number, batches: number, examples: number): void {
    if (examples === this.#pitch) return;
    for (let b = batches - 1; b >= 0; b--) {
      const to = from + b * this.#pitch;
      out.copyWithin(to, from + b * examples, from + (b + 1) * examples);
      out.fill(NO_ROW, to + examples, to + this.#pitch);
    }
  }

  close(): void {}
}
