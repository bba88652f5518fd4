/**
 * The part of Python's `random.Random` that the parity evaluation needs: seeding by an integer, `getrandbits`, `randbelow`
 * and `sample`. It draws what CPython 3 draws (Lib/random.py, Modules/_randommodule.c).
 */
import { checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { Mt19937 } from './mt19937.js';

/**
 * A seeded `random.Random`.
 *
 * @example
 * const random = new PythonRandom(59);
 * random.sample(32, 8);                  // Python: random.Random(59).sample(range(32), 8)
 */
export class PythonRandom {
  private readonly engine: Mt19937;

  /** @param seed Any safe integer; Python seeds by its absolute value. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) {
      throw new LockstepError(
        'bad-input',
        `PythonRandom: the seed is ${seed}; give a whole number below 2^53.`,
      );
    }
    const magnitude = Math.abs(seed);
    const low = magnitude >>> 0;
    const high = Math.floor(magnitude / 2 ** 32);
    this.engine = Mt19937.fromKey(high === 0 ? [low] : [low, high]);
  }

  /** `bits` random bits as an integer, 1 to 32 of them: the top bits of one word. */
  getrandbits(bits: number): number {
    checkNumber('PythonRandom.getrandbits', 'the number of bits', bits, { min: 1, max: 32, whole: true });
    return this.engine.next() >>> (32 - bits);
  }

  /** A whole number of 0 .. n - 1, for n of 1 to 2^32 - 1: as many bits as n has, drawn again while they reach n. */
  randbelow(n: number): number {
    checkNumber('PythonRandom.randbelow', 'n', n, { min: 1, below: 2 ** 32, whole: true });
    const bits = 32 - Math.clz32(n);
    let value = this.getrandbits(bits);
    while (value >= n) value = this.getrandbits(bits);
    return value;
  }

  /**
   * `sample(range(n), k)`: k different numbers of 0 .. n - 1 in drawn order. CPython shuffles a copy of the pool
   * when n is small against k, and keeps a set of what is taken otherwise; the two draw different numbers.
   */
  sample(n: number, k: number): number[] {
    if (!Number.isInteger(n) || !Number.isInteger(k) || k < 0 || k > n || n >= 2 ** 32) {
      throw new LockstepError(
        'bad-input',
        `PythonRandom.sample: cannot take ${k} of ${n}; k must be 0 to n, and n below 2^32.`,
      );
    }
    const setSize = 21 + (k > 5 ? 4 ** Math.ceil(Math.log(k * 3) / Math.log(4)) : 0);
    return n <= setSize ? this.sampleFromPool(n, k) : this.sampleWithSet(n, k);
  }

  private sampleFromPool(n: number, k: number): number[] {
    const pool = Array.from({ length: n }, (_, i) => i);
    const taken: number[] = [];
    for (let i = 0; i < k; i++) {
      const j = this.randbelow(n - i);
      taken.push(pool[j]);
      pool[j] = pool[n - i - 1];
    }
    return taken;
  }

  private sampleWithSet(n: number, k: number): number[] {
    const taken = new Set<number>();
    while (taken.size < k) {
      let j = this.randbelow(n);
      while (taken.has(j)) j = this.randbelow(n);
      taken.add(j);
    }
    return [...taken];
  }
}
