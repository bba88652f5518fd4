/**
 * The shuffle of shuffle.ts in WebAssembly, a few blocks of the generator at a time: MT19937's recurrence and its
 * tempering, where each swap reaches (by 128-bit vectors), and the swaps. The same numbers as in TypeScript in a
 * fifth of its time; the list stands in a memory of the module, one for each list.
 */
import type { Mt19937 } from './mt19937.js';
import type { ShuffledList } from './shuffle.js';
import {
  type Code,
  eachVector,
  f64x2,
  get,
  i32,
  i32x4,
  set,
  tee,
  v128,
  type WasmFunction,
  wasmModule,
  whileBelow,
} from './wasm.js';

/** Of the generator (Matsumoto and Nishimura 1998): words of its state, the one a new word takes in, the matrix. */
const [MT_BLOCK, MT_MIDDLE, MT_MATRIX] = [624, 397, 0x9908b0df];
/** Shifts and masks of its tempering, in the authors' order and under their names: u, s, b, t, c, l. */
const TEMPERING = [11, 7, 0x9d2c5680, 15, 0xefc60000, 18] as const;

/** Blocks made at a time: with the words before, and a list of 10,000, they fit in a page of WebAssembly's memory. */
const BLOCKS = 4;
const BLOCK_BYTES = 4 * MT_BLOCK;
/** What of the last vector lies beyond the last word. */
const SLACK = 12;
/** The generator's words before tempering, block after block; the words after it; the list. In bytes. */
const STATES = 0;
const WORDS = STATES + (BLOCKS + 1) * BLOCK_BYTES;
const LIST = WORDS + (BLOCKS + 1) * BLOCK_BYTES + 4 + SLACK;

interface Exports {
  memory: WebAssembly.Memory;
  fill(from: number, to: number): void;
  twist(from: number, to: number): void;
  reach(from: number, to: number, first: number, length: number): void;
  swap(from: number, to: number, first: number): void;
}

let compiled: WebAssembly.Module | undefined;
let refused = false;

/** A list whose shuffle runs in WebAssembly. */
export class VectorList implements ShuffledList {
  readonly #exports: Exports;
  readonly #states: Uint32Array[];
  readonly #blocks: Uint32Array[];
  readonly #words: Uint32Array;
  readonly #list: Uint32Array;

  /** Undefined where WebAssembly is missing, forbidden, has no vectors, or gives no more memories. */
  static create(length: number): VectorList | undefined {
    if (refused) return undefined;
    try {
      compiled ??= new WebAssembly.Module(shuffleModule());
      const exports = new WebAssembly.Instance(compiled).exports as unknown as Exports;
      const missing = LIST + 4 * length + SLACK - exports.memory.buffer.byteLength;
      if (missing > 0) exports.memory.grow(Math.ceil(missing / 65536));
      return new VectorList(exports, length);
    } catch {
      // A memory takes address space, not only bytes, and asking in vain takes 10 ms: not again and again.
      refused = true;
      return undefined;
    }
  }

  private constructor(exports: Exports, length: number) {
    const { buffer } = exports.memory;
    const blocks = (at: number) =>
      Array.from({ length: BLOCKS + 1 }, (_, b) => new Uint32Array(buffer, at + b * BLOCK_BYTES, MT_BLOCK));
    this.#exports = exports;
    this.#states = blocks(STATES);
    this.#blocks = blocks(WORDS);
    this.#words = new Uint32Array(buffer, WORDS, (BLOCKS + 1) * MT_BLOCK);
    this.#list = new Uint32Array(buffer, LIST, length);
    this.restart();
  }

  restart(): void {
    this.#exports.fill(LIST, LIST + 4 * this.#list.length);
  }

  last(): number {
    return this.#list[this.#list.length - 1];
  }

  take(engine: Mt19937, position: number, count: number, out: Uint32Array, offset: number): void {
    for (let done = 0; done < count; ) {
      const [from, some] = this.#draw(engine, count - done);
      const bytes = [WORDS + 4 * from, WORDS + 4 * (from + some)] as const;
      this.#exports.reach(...bytes, position + done, this.#list.length);
      this.#exports.swap(...bytes, position + done);
      out.set(this.#words.subarray(from, from + some), offset + done);
      done += some;
    }
  }

  /** Puts some of the engine's next `most` words in place: the first one's number, and how many. */
  #draw(engine: Mt19937, most: number): [from: number, count: number] {
    engine.settle();
    const from = engine.position;
    const count = Math.min(most, (BLOCKS + 1) * MT_BLOCK - from);
    this.#blocks[0].set(engine.block);
    const more = Math.max(0, Math.ceil((from + count) / MT_BLOCK) - 1);
    if (more > 0) {
      this.#states[0].set(engine.state);
      this.#exports.twist(STATES, STATES + more * BLOCK_BYTES);
      engine.state.set(this.#states[more]);
      engine.block.set(this.#blocks[more]);
    }
    engine.position = from + count - more * MT_BLOCK;
    return [from, count];
  }
}

/** (from, to): whole numbers from 0 on. */
function fill(): WasmFunction {
  const numbers = 2;
  return {
    name: 'fill',
    params: 2,
    locals: { v128: 1 },
    code: [
      ...[v128.const(Int32Array.of(0, 1, 2, 3)), set(numbers)].flat(),
      ...eachVector(
        ...[get(0), get(numbers), v128.store(0)],
        ...[get(numbers), i32x4.const(4), i32x4.add, set(numbers)],
      ),
    ],
  };
}

/**
 * (from, to): the state's words behind those, and their tempered outputs. The nearest word that one depends on is 227
 * before it, so the four of a vector do not need one another.
 */
function twist(): WasmFunction {
  const x = 2;
  const [u, s, b, t, c, l] = TEMPERING;
  const xorOf = (...shifted: Code[]) => [get(x), get(x), ...shifted, v128.xor];
  return {
    name: 'twist',
    params: 2,
    locals: { v128: 1 },
    code: eachVector(
      get(0), // for the first store
      ...[get(0), v128.load(4 * MT_MIDDLE)],
      ...[get(0), v128.load(0), get(0), v128.load(4), tee(x), i32x4.const(0x80000000), v128.bitselect],
      ...[i32x4.shrU(1), v128.xor],
      ...[get(x), i32x4.const(1), v128.and, i32x4.neg, i32x4.const(MT_MATRIX), v128.and, v128.xor],
      ...[tee(x), v128.store(BLOCK_BYTES)],
      ...[...xorOf(i32x4.shrU(u)), set(x)],
      ...[...xorOf(i32x4.shl(s), i32x4.const(b), v128.and), set(x)],
      ...[...xorOf(i32x4.shl(t), i32x4.const(c), v128.and), set(x)],
      ...[get(0), ...xorOf(i32x4.shrU(l)), v128.store(WORDS - STATES + BLOCK_BYTES)],
    ),
  };
}

/**
 * (from, to, first, length): in place of each word, where the swap at `first` and on reaches: i + word mod (length - i).
 *
 * The quotient is rounded to the nearest whole number, by adding 2^52, whose double has the whole number in its low
 * bits. It is off by less than one, so the remainder is between -left and left, and exact in 32 bits, for `left` is below
 * 2^28; where it is negative, `left` is missing.
 */
function reach(): WasmFunction {
  const [first, length] = [2, 3];
  const [word, i, left, leftLow, leftHigh, rest] = [4, 5, 6, 7, 8, 9];
  const high = v128.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
  const quotient = (divisor: number) => [get(divisor), f64x2.div, f64x2.const(2 ** 52), f64x2.add];
  const plus = (local: number, amount: Code, add: Code) => [get(local), amount, add, set(local)];
  return {
    name: 'reach',
    params: 4,
    locals: { v128: 6 },
    code: [
      ...[get(first), i32x4.splat, v128.const(Int32Array.of(0, 1, 2, 3)), i32x4.add, set(i)].flat(),
      ...[
        get(length),
        i32x4.splat,
        get(i),
        i32x4.sub,
        tee(left),
        f64x2.convertLowI32x4S,
        set(leftLow),
      ].flat(),
      ...[get(left), get(left), high, f64x2.convertLowI32x4S, set(leftHigh)].flat(),
      ...eachVector(
        ...[get(0), get(0), v128.load(0), tee(word)],
        ...[get(word), f64x2.convertLowI32x4U, ...quotient(leftLow)],
        ...[get(word), get(word), high, f64x2.convertLowI32x4U, ...quotient(leftHigh)],
        v128.shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]),
        ...[get(left), i32x4.mul, i32x4.sub, tee(rest)],
        ...[get(rest), i32x4.shrS(31), get(left), v128.and, i32x4.add, get(i), i32x4.add, v128.store(0)],
        ...[...plus(i, i32x4.const(4), i32x4.add), ...plus(left, i32x4.const(4), i32x4.sub)],
        ...[...plus(leftLow, f64x2.const(4), f64x2.sub), ...plus(leftHigh, f64x2.const(4), f64x2.sub)],
      ),
    ],
  };
}

/** (from, to, first): the swaps at `first` and on; in place of where each reaches, what it finds there. */
function swap(): WasmFunction {
  const [position, target] = [2, 3];
  const one = (k: number) => [
    ...[get(0), i32.load(4 * k), i32.const(2), i32.shl, set(target)],
    ...[get(0), get(target), i32.load(LIST), i32.store(4 * k)],
    // The slot before the position is never read again, so it is not written.
    ...[get(target), get(position), i32.load(LIST + 4 * k), i32.store(LIST)],
  ];
  const swaps = (count: number) => [
    ...Array.from({ length: count }, (_, k) => one(k)).flat(),
    ...[get(position), i32.const(4 * count), i32.add, set(position)],
  ];
  const some = (count: number) => whileBelow(4 * count, 4 * (count - 1), ...swaps(count));
  return {
    name: 'swap',
    params: 3,
    locals: { i32: 1 },
    code: [...[get(position), i32.const(2), i32.shl, set(position)].flat(), ...some(4), ...some(1)],
  };
}

function shuffleModule(): Uint8Array<ArrayBuffer> {
  return wasmModule(LIST, [fill(), twist(), reach(), swap()]);
}
