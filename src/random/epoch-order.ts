/**
 * The order in which a run sees its examples: `torch.randperm` epoch after epoch on one generator, drawn on demand.
 * Not a data loader: it gives indices, batch by batch, and knows nothing of the examples.
 */
import { LockstepError } from '../gpu/errors.js';
import { checkPermutationLength, Generator } from './generator.js';
import { takeRun } from './shuffle.js';

const BLOCK = 624;

/**
 * Epochs of `randperm(examples)`, cut as the caller asks. PyTorch shuffles forward (swap i puts the final element at
 * i), so the first outputs need the first swaps only: an epoch costs no shuffle ahead, 4 bytes an example, and
 * draws the same `examples - 1` words as `randperm`.
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
  /** From `position` on: what this epoch has not handed out yet. Before it: leftovers. */
  private readonly pool: Uint32Array;
  private position = 0;

  /**
   * @param examples Examples in the dataset, at least 1.
   * @param seed Seed of the generator that lives on over the epochs.
   */
  constructor(examples: number, seed: number) {
    checkPermutationLength(examples);
    if (examples === 0) throw new LockstepError('bad-input', 'EpochOrder: the dataset has no examples.');
    this.examples = examples;
    this.generator = new Generator(seed);
    this.pool = new Uint32Array(examples);
    this.refill();
  }

  /** Indices left in the current epoch; never 0, for the next epoch begins when one is used up. */
  get remaining(): number {
    return this.examples - this.position;
  }

  /** Writes the next `count` indices of the current epoch to `out[offset]` and on; at most `remaining` of them. */
  take(out: Uint32Array, offset: number, count: number): void {
    if (count > this.remaining || offset + count > out.length) {
      throw new LockstepError(
        'bad-input',
        `EpochOrder.take: ${count} indices at offset ${offset}, with ${this.remaining} left in the epoch and ` +
          `room for ${out.length}; ask for one batch at a time.`,
      );
    }
    const { engine } = this.generator;
    let done = 0;
    while (done < count) {
      // The last element of an epoch is not drawn for: one choice is left.
      const drawn = Math.min(count - done, this.examples - 1 - this.position, BLOCK);
      if (drawn === 0) {
        out[offset + done] = this.pool[this.position++];
        done++;
        continue;
      }
      if (engine.position === BLOCK) engine.refill();
      const run = Math.min(drawn, BLOCK - engine.position);
      takeRun(this.pool, this.position, engine.block, engine.position, run, out, offset + done);
      engine.position += run;
      this.position += run;
      done += run;
    }
    if (this.position === this.examples) this.refill();
  }

  /** Leaves out the next `count` indices, over the ends of epochs too; whole epochs cost next to nothing. */
  skip(count: number): void {
    const scratch = new Uint32Array(BLOCK);
    let left = count;
    while (left > 0) {
      const epochs = this.position === 0 ? Math.floor(left / this.examples) : 0;
      this.generator.engine.skip(epochs * (this.examples - 1));
      left -= epochs * this.examples;
      const some = Math.min(left, this.remaining, BLOCK);
      this.take(scratch, 0, some);
      left -= some;
    }
  }

  private refill(): void {
    const { pool } = this;
    for (let i = 0; i < pool.length; i++) pool[i] = i;
    this.position = 0;
  }
}
