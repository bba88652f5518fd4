/**
 * The batches of one run, in the order in which it sees its examples, as the kernels take them: row indices, one batch
 * every `pitch` words. Drawn here, in whichever thread that is; batch-ring.ts hands them from one thread to another.
 */
import { NO_ROW } from '../../shaders/shuffle-gather.wgsl.js';
import { EpochOrder } from '../random/epoch-order.js';

/** What a run's batches depend on. */
export interface BatchPlan {
  examples: number;
  /** Seed of the epoch order. */
  seed: number;
  batchSize: number;
  /** Words from one batch to the next; those behind a batch are {@link NO_ROW}. */
  pitch: number;
  /** Steps done before, whose batches are left out. */
  skip: number;
}

/** Where a run's batches come from. */
export interface BatchSource {
  /** Steps whose batches can be taken without waiting. */
  readonly available: number;
  /** Writes the batches of the next `steps` steps to `out[at]` and on; at most `available`. */
  take(out: Uint32Array, at: number, steps: number): void;
  /** Nothing more is wanted. */
  close(): void;
}

/** Draws them when they are asked for. */
export class DrawnBatches implements BatchSource {
  readonly available = Number.POSITIVE_INFINITY;
  readonly #order: EpochOrder;
  readonly #batchSize: number;
  readonly #pitch: number;

  constructor({ examples, seed, batchSize, pitch, skip }: BatchPlan) {
    this.#order = new EpochOrder(examples, seed);
    this.#batchSize = batchSize;
    this.#pitch = pitch;
    const perEpoch = Math.ceil(examples / batchSize);
    this.#order.skip(Math.floor(skip / perEpoch) * examples + (skip % perEpoch) * batchSize);
  }

  take(out: Uint32Array, at: number, steps: number): void {
    for (let s = 0; s < steps; s++) {
      const from = at + s * this.#pitch;
      const examples = Math.min(this.#batchSize, this.#order.remaining);
      this.#order.take(out, from, examples);
      if (examples < this.#pitch) out.fill(NO_ROW, from + examples, from + this.#pitch);
    }
  }

  close(): void {}
}
