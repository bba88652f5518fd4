/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) with 32-bit outputs. Python's `random` (python.ts) and
 * PyTorch's CPU generator (generator.ts) are both built on this engine; they seed it and use its words in their own ways.
 */
import { badArgument, checkNumber } from '../platform/arguments.js';
import { jump } from './mt19937-jump.js';

/** What a word of a seed can be. */
const WORD = { min: 0, max: 2 ** 32 - 1, whole: true };

/** Words of the state, and outputs that one round makes. */
export const MT_BLOCK = 624;
/** To skip fewer rounds than this, it is quicker to make them: 3 ns a word against 30 ms for a jump. */
const JUMP_BLOCKS = 16384;

/**
 * A stream of 32-bit words, made 624 at a time. Loops that need millions of words read `block` from `position` on
 * themselves and call `refill()` at its end. This is faster than `next()`: V8 boxes a number of 2^31 or more that a function
 * returns, but not one that is read from the block.
 */
export class Mt19937 {
  /** The current 624 outputs; those before `position` are used up. */
  readonly block = new Uint32Array(MT_BLOCK);
  /** Index of the next unused word of `block`; 624 when it is used up. */
  position = MT_BLOCK;

  /** The words of `block` before tempering, from which the next block is made. For code that makes words itself. */
  readonly state = new Uint32Array(MT_BLOCK);
  /** Words still to be skipped; while there are any, `position` is 624. */
  private skipped = 0;

  private constructor() {}

  /** Seeded by one word, as the authors' `init_genrand` does; what PyTorch uses. */
  static fromSeed(seed: number): Mt19937 {
    checkNumber('Mt19937.fromSeed', 'the seed', seed, WORD);
    const engine = new Mt19937();
    engine.initGenrand(seed);
    return engine;
  }

  /** Seeded by a list of words, as the authors' `init_by_array` does; what Python uses. */
  static fromKey(key: ArrayLike<number>): Mt19937 {
    if (!(key?.length > 0))
      throw badArgument('Mt19937.fromKey', 'the key', key, 'it has to be one word or more');
    for (let i = 0; i < key.length; i++) checkNumber('Mt19937.fromKey', `word ${i} of the key`, key[i], WORD);
    const engine = new Mt19937();
    engine.initByArray(key);
    return engine;
  }

  /** The next word, 0 to 2^32 - 1. */
  next(): number {
    if (this.position === MT_BLOCK) this.refill();
    return this.block[this.position++];
  }

  /**
   * Replaces `block` by the next 624 outputs, with `position` at the first that is not skipped. Words of the old block
   * that were not read are lost.
   */
  refill(): void {
    const blocks = Math.floor(this.skipped / MT_BLOCK);
    if (blocks >= JUMP_BLOCKS) jump(this.state, blocks, (state) => twist(state, this.block));
    else for (let i = 0; i < blocks; i++) twist(this.state, this.block);
    twist(this.state, this.block);
    this.position = this.skipped % MT_BLOCK;
    this.skipped = 0;
  }

  /** Skips the next `count` words. It costs nothing until another word is drawn, and then 50 ms at most. */
  skip(count: number): void {
    checkNumber('Mt19937.skip', 'the count', count, { min: 0, whole: true });
    const left = MT_BLOCK - this.position;
    this.position += Math.min(count, left);
    this.skipped += Math.max(0, count - left);
  }

  /** Carries out a skip that was put off, so that `state` and `block` belong to `position`. */
  settle(): void {
    if (this.skipped > 0) this.refill();
  }

  private initGenrand(seed: number): void {
    const { state } = this;
    state[0] = seed;
    for (let i = 1; i < MT_BLOCK; i++) {
      const previous = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = Math.imul(1812433253, previous) + i;
    }
    this.position = MT_BLOCK;
  }

  private initByArray(key: ArrayLike<number>): void {
    this.initGenrand(19650218);
    const { state } = this;
    let i = 1;
    let j = 0;
    for (let k = Math.max(MT_BLOCK, key.length); k > 0; k--) {
      const previous = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = (state[i] ^ Math.imul(previous, 1664525)) + key[j] + j;
      if (++i === MT_BLOCK) {
        state[0] = state[MT_BLOCK - 1];
        i = 1;
      }
      if (++j === key.length) j = 0;
    }
    for (let k = MT_BLOCK - 1; k > 0; k--) {
      const previous = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = (state[i] ^ Math.imul(previous, 1566083941)) - i;
      if (++i === MT_BLOCK) {
        state[0] = state[MT_BLOCK - 1];
        i = 1;
      }
    }
    state[0] = 0x80000000;
  }
}

/**
 * One round of the recurrence: `state` becomes the next 624 words, `block` their tempered outputs. Word k needs words
 * k, k + 1 and k + 397 (mod 624); two loops and a last step, so that no index needs a modulo. The numbers stand in
 * the code because bundlers turn module constants into variables, which V8 does not fold (1.5 times slower).
 */
function twist(state: Uint32Array, block: Uint32Array): void {
  let current = state[0];
  for (let k = 0; k < 227; k++) {
    const following = state[k + 1];
    const word = state[k + 397] ^ recur(current, following);
    state[k] = word;
    block[k] = temper(word);
    current = following;
  }
  for (let k = 227; k < 623; k++) {
    const following = state[k + 1];
    const word = state[k - 227] ^ recur(current, following);
    state[k] = word;
    block[k] = temper(word);
    current = following;
  }
  const last = state[396] ^ recur(current, state[0]);
  state[623] = last;
  block[623] = temper(last);
}

function recur(current: number, following: number): number {
  const mixed = (current & 0x80000000) | (following & 0x7fffffff);
  return (mixed >>> 1) ^ (-(following & 1) & 0x9908b0df);
}

function temper(word: number): number {
  let y = word;
  y ^= y >>> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >>> 18);
}
