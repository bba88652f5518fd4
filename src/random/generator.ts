/**
 * PyTorch's CPU generator: it draws the numbers of `torch.Generator().manual_seed(seed)`. Integers, bits, permutations and
 * uniform numbers are exactly equal; normal numbers are within 2e-6 of PyTorch's, which approximates log, sin and cos.
 * Source: ATen/core/DistributionsHelper.h, ATen/native/cpu/DistributionTemplates.h.
 */
import { badArgument, checkKind } from '../platform/arguments.js';
import { checkArray, typedArrayName } from '../platform/bytes.js';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { Mt19937 } from './mt19937.js';
import { shuffledList } from './shuffle.js';

const TWO_PI_F32 = Math.fround(2 * Math.PI);

/**
 * A seeded stream of random numbers, as PyTorch's CPU generator gives them.
 *
 * @example
 * const generator = new Generator(42);
 * const weights = new Float32Array(512);
 * generator.uniform(weights, -0.5, 0.5);  // torch.empty(512).uniform_(-0.5, 0.5, generator=g)
 */
export class Generator {
  readonly seed: number;
  /** The engine that makes the words, for loops that draw millions of them (see {@link Mt19937}). */
  readonly engine: Mt19937;
  /** The second normal of a pair drawn for fewer than 16 elements; the next such call takes it first. */
  private spareNormal: number | undefined;

  /**
   * A generator at the start of its seed's stream.
   *
   * @param seed Any safe integer; its low 32 bits count, as in PyTorch.
   */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) {
      throw badArgument('Generator', 'the seed', seed, 'give a whole number below 2^53');
    }
    this.seed = seed;
    this.engine = Mt19937.fromSeed(seed >>> 0);
  }

  /** One 32-bit word, 0 to 2^32 - 1. */
  random32(): number {
    return this.engine.next();
  }

  /** A double of [0, 1) with 53 random bits: two words, the first one high. */
  random53(): number {
    const high = this.engine.next() & 0x1fffff;
    return (high * 2 ** 32 + this.engine.next()) * 2 ** -53;
  }

  /**
   * One whole number of low .. high - 1, all of them safe integers: `torch.randint(low, high, ())`. One word, modulo the
   * range; for ranges of 2^32 on two words, the first one high.
   */
  randint(low: number, high: number): number {
    const range = checkedRange(low, high, SAFE);
    if (range < 2 ** 32) return low + (this.engine.next() % range);
    const words = BigInt(this.engine.next()) * 2n ** 32n + BigInt(this.engine.next());
    return low + Number(words % BigInt(range));
  }

  /**
   * Fills `out` with whole numbers of low .. high - 1, which its elements can hold:
   * `torch.randint(low, high, shape, generator=g)` of that dtype, row-major. One word each, modulo the range.
   */
  randintFill(out: Int32Array | Uint32Array | Float32Array, low: number, high: number): void {
    checkArray('Generator.randintFill', out, 'Int32Array', 'Uint32Array', 'Float32Array');
    const range = checkedRange(low, high, boundsOf(out));
    for (let i = 0; i < out.length; i++) out[i] = low + (this.engine.next() % range);
  }

  /** The numbers 0 .. n - 1 in random order: `torch.randperm(n, generator=g)`. Draws n - 1 words. */
  randperm(n: number): Uint32Array {
    checkPermutationLength(n);
    const order = new Uint32Array(n);
    if (n === 0) return order;
    const list = shuffledList(n, true);
    list.take(this.engine, 0, n - 1, order, 0);
    order[n - 1] = list.last();
    return order;
  }

  /** Fills `out` with uniforms of [from, to): `tensor.uniform_(from, to, generator=g)` in float32. */
  uniform(out: Float32Array, from = 0, to = 1): void {
    checkArray('Generator.uniform', out, 'Float32Array');
    if (out.length === 0) return; // the bounds of a layer without inputs are infinite
    checkKind('uniform', 'from', from, 'number');
    checkKind('uniform', 'to', to, 'number');
    const low = Math.fround(from);
    const range = Math.fround(Math.fround(to) - low);
    if (!(from <= to && Number.isFinite(range))) {
      throw new LockstepError(
        'bad-input',
        `uniform: from is ${printable(from)} and to is ${printable(to)}; from is at most to, and both and their ` +
          'difference are finite in float32.',
      );
    }
    for (let i = 0; i < out.length; i++) {
      out[i] = (this.engine.next() & 0xffffff) * 2 ** -24 * range + low;
    }
  }

  /**
   * Fills `out` with ones, of probability `p` each, and zeros: `tensor.bernoulli_(p, generator=g)` of a PyTorch that is built
   * without Intel's MKL (with it, PyTorch draws others).
   */
  bernoulli(out: Float32Array, p: number): void {
    checkArray('Generator.bernoulli', out, 'Float32Array');
    checkKind('Generator.bernoulli', 'the probability', p, 'number');
    if (!(p >= 0 && p <= 1)) {
      throw badArgument('Generator.bernoulli', 'the probability', p, 'a number from 0 to 1 fits');
    }
    for (let i = 0; i < out.length; i++) out[i] = this.random53() < p ? 1 : 0;
  }

  /** Fills `out` with normals: `tensor.normal_(mean, std, generator=g)` in float32. */
  normal(out: Float32Array, mean = 0, std = 1): void {
    checkArray('Generator.normal', out, 'Float32Array');
    checkKind('normal', 'the mean', mean, 'number');
    checkKind('normal', 'the standard deviation', std, 'number');
    if (!(std >= 0)) throw badArgument('normal', 'the standard deviation', std, 'it has to be at least 0');
    if (out.length < 16) this.normalSerial(out, mean, std);
    else this.normalBlocks(out, mean, std);
  }

  /** One at a time, from doubles. */
  private normalSerial(out: Float32Array, mean: number, std: number): void {
    for (let i = 0; i < out.length; i++) {
      let sample = this.spareNormal;
      if (sample === undefined) {
        const u1 = this.random53();
        const radius = Math.sqrt(-2 * Math.log1p(-this.random53()));
        const theta = 2 * Math.PI * u1;
        sample = radius * Math.cos(theta);
        this.spareNormal = radius * Math.sin(theta);
      } else {
        this.spareNormal = undefined;
      }
      out[i] = sample * std + mean;
    }
  }

  /** Uniforms first, then Box-Muller over blocks of 16; a ragged end redraws the last 16 elements. */
  private normalBlocks(out: Float32Array, mean: number, std: number): void {
    const length = out.length;
    this.uniform(out);
    for (let start = 0; start + 16 <= length; start += 16) boxMuller16(out, start, mean, std);
    if (length % 16 !== 0) {
      const tail = out.subarray(length - 16);
      this.uniform(tail);
      boxMuller16(tail, 0, mean, std);
    }
  }
}

/** Turns 16 uniform numbers into 16 normal ones: element j pairs with j + 8. Each step rounds to float32, as in PyTorch. */
function boxMuller16(data: Float32Array, start: number, mean: number, std: number): void {
  for (let j = start; j < start + 8; j++) {
    const logarithm = Math.fround(Math.log(1 - data[j]));
    const radius = Math.fround(Math.sqrt(Math.fround(-2 * logarithm)));
    const theta = Math.fround(TWO_PI_F32 * data[j + 8]);
    data[j] = Math.fround(radius * Math.fround(Math.cos(theta))) * std + mean;
    data[j + 8] = Math.fround(radius * Math.fround(Math.sin(theta))) * std + mean;
  }
}

/** The smallest and the largest whole number allowed, and what sets these bounds. */
interface Bounds {
  least: number;
  largest: number;
  of: string;
}

const SAFE: Bounds = {
  least: Number.MIN_SAFE_INTEGER,
  largest: Number.MAX_SAFE_INTEGER,
  of: 'exact JavaScript numbers',
};

function boundsOf(out: Int32Array | Uint32Array | Float32Array): Bounds {
  const name = typedArrayName(out);
  if (name === 'Int32Array') return { least: -(2 ** 31), largest: 2 ** 31 - 1, of: 'i32' };
  if (name === 'Uint32Array') return { least: 0, largest: 2 ** 32 - 1, of: 'u32' };
  return { least: -(2 ** 24), largest: 2 ** 24, of: 'whole numbers that f32 holds' };
}

function checkedRange(low: number, high: number, { least, largest, of }: Bounds): number {
  checkKind('randint', 'low', low, 'number');
  checkKind('randint', 'high', high, 'number');
  const range = high - low;
  const whole = Number.isInteger(low) && Number.isInteger(high);
  if (!(whole && low < high && low >= least && high - 1 <= largest && Number.isSafeInteger(range))) {
    throw new LockstepError(
      'bad-input',
      `randint: [${printable(low)}, ${printable(high)}) has no whole number, or not only ${of}; give whole numbers, ` +
        `low below high, from ${least} to ${largest}.`,
    );
  }
  return range;
}

/** PyTorch shuffles with 32-bit draws only below 2^32 / 20 elements; longer permutations draw other numbers. */
export function checkPermutationLength(n: number): void {
  if (!Number.isInteger(n) || n < 0 || n >= 214748364) {
    throw new LockstepError(
      'bad-input',
      `A permutation of ${printable(n)} elements was asked for; give a whole number of 0 to 214,748,363.`,
    );
  }
}

/** Whether a value draws numbers as a {@link Generator} does, of this copy of the library or another. */
export function isGenerator(value: unknown): value is Generator {
  const { engine, uniform } = (value ?? {}) as Partial<Generator>;
  return typeof engine === 'object' && typeof uniform === 'function';
}

/** Throws unless `generator` draws numbers. `where` is the function that takes it. */
export function checkGenerator(where: string, generator: unknown): void {
  if (isGenerator(generator)) return;
  throw badArgument(where, 'the generator', generator, 'new Generator(seed) fits');
}
