/**
 * A ring buffer of batches in shared memory. One thread draws batches ahead into it, another takes them out. Neither ever
 * waits here.
 */
import type { BatchSource } from './drawn.js';

/** What is sent to the other thread. */
export interface SharedRing {
  steps: number;
  pitch: number;
  words: SharedArrayBuffer;
  /** Steps written and steps taken, since the beginning. */
  counts: SharedArrayBuffer;
}

const WRITTEN = 0;
const TAKEN = 1;

export class BatchRing {
  readonly shared: SharedRing;
  readonly #words: Uint32Array;
  readonly #counts: Int32Array;

  static create(steps: number, pitch: number): BatchRing {
    const words = new SharedArrayBuffer(4 * steps * pitch);
    return new BatchRing({ steps, pitch, words, counts: new SharedArrayBuffer(8) });
  }

  constructor(shared: SharedRing) {
    this.shared = shared;
    this.#words = new Uint32Array(shared.words);
    this.#counts = new Int32Array(shared.counts);
  }

  get available(): number {
    return Atomics.load(this.#counts, WRITTEN) - Atomics.load(this.#counts, TAKEN);
  }

  get free(): number {
    return this.shared.steps - this.available;
  }

  /** Draws `steps` batches into the ring, at most {@link free}. For the writing thread. */
  fill(source: BatchSource, steps: number): void {
    this.#stretches(WRITTEN, steps, (from, count) => {
      source.take(this.#words, from * this.shared.pitch, count);
    });
  }

  /** Copies the next batches out. For the reading thread. */
  take(out: Uint32Array, at: number, steps: number): void {
    const { pitch } = this.shared;
    let to = at;
    this.#stretches(TAKEN, steps, (from, count) => {
      out.set(this.#words.subarray(from * pitch, (from + count) * pitch), to);
      to += count * pitch;
    });
  }

  /** Splits steps at the end of the ring, and counts each part once it has passed. */
  #stretches(counter: number, steps: number, pass: (from: number, count: number) => void): void {
    let left = steps;
    while (left > 0) {
      const from = Atomics.load(this.#counts, counter) % this.shared.steps;
      const count = Math.min(left, this.shared.steps - from);
      pass(from, count);
      Atomics.add(this.#counts, counter, count);
      left -= count;
    }
  }
}
