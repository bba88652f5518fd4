/**
 * The order in which a run sees its examples: `torch.randperm` of one generator, epoch after epoch, drawn on demand. It
 * gives indices batch by batch; it does not load examples.
 */
import { LockstepError } from '../platform/errors.js';
import { checkPermutationLength, Generator } from './generator.js';
import { shuffledList } from './shuffle.js';
import type { ShuffledList } from './shuffled-list.js';

/** How many indices `skip` draws and throws away at once. */
const SKIPPED = 4096;

/**
 * Epochs of `randperm(examples)`, in pieces of any size. It shuffles only as far as was asked for (shuffle.ts), needs 4 bytes
 * of memory for each example, and draws the same `examples - 1` words in an epoch as `randperm`.
 *
 * @example
 * const order = new EpochOrder(10_000, 84_000_000);
 * const batch = new Uint32Array(128);
 * const count = Math.min(128, order.remaining);
 * order.take(batch, 0, count);             // indices of the first batch; the 79th of an epoch holds 16
 */
export class EpochOrder {
  readonly examples: number;
  private readonly generator: Generator;
  private readonly list: ShuffledList;
  private position = 0;

  /**
   * @param examples Examples in the dataset, at least 1.
   * @param seed Seed of the one generator that all epochs draw from.
   */
  constructor(examples: number, seed: number) {
    checkPermutationLength(examples);
    if (examples === 0) throw new LockstepError('bad-input', 'EpochOrder: the dataset has no examples.');
    this.examples = examples;
    this.generator = new Generator(seed);
    this.list = shuffledList(examples);
  }

  /** Indices left in the current epoch; never 0, as the next epoch begins when one is used up. */
  get remaining(): number {
    return this.examples - this.position;
  }

  /** Writes the next `count` indices of the current epoch, at most `remaining`, to `out` from `offset`. */
  take(out: Uint32Array, offset: number, count: number): void {
    if (count > this.remaining || offset + count > out.length) {
      throw new LockstepError(
        'bad-input',
        `EpochOrder.take: ${count} indices at offset ${offset}, with ${this.remaining} left in the epoch and ` +
          `room for ${out.length}; ask for one batch at a time.`,
      );
    }
    const { list, position } = this;
    const drawn = Math.min(count, this.examples - 1 - position);
    list.take(this.generator.engine, position, drawn, out, offset);
    if (drawn < count) out[offset + drawn] = list.last();
    this.position += count;
    if (this.position < this.examples) return;
    list.restart();
    this.position = 0;
  }

  /** Skips the next `count` indices, across epochs too. Skipping whole epochs costs next to nothing. */
  skip(count: number): void {
    if (count === 0) return;
    const scratch = new Uint32Array(Math.min(SKIPPED, this.examples));
    let left = count;
    while (left > 0) {
      const epochs = this.position === 0 ? Math.floor(left / this.examples) : 0;
      this.generator.engine.skip(epochs * (this.examples - 1));
      left -= epochs * this.examples;
      const some = Math.min(left, this.remaining, scratch.length);
      this.take(scratch, 0, some);
      left -= some;
    }
  }
}
