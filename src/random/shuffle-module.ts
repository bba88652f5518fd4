/**
 * The WebAssembly of shuffle-vectors.ts: its memory's layout and its loops. Addresses are in bytes, positions and
 * lengths in elements.
 */
import { MT_BLOCK } from './mt19937.js';
import {
  type Code,
  eachVector,
  f64x2,
  forever,
  get,
  highProduct,
  i32,
  i32x4,
  leave,
  select,
  set,
  tee,
  v128,
  type WasmFunction,
  wasmModule,
  whileBelow,
} from './wasm.js';

/** Which word a new one takes in, and the matrix (Matsumoto and Nishimura 1998). */
const [MT_MIDDLE, MT_MATRIX] = [397, 0x9908b0df];
/** Shifts and masks of its tempering, in the authors' order and under their names: u, s, b, t, c, l. */
const TEMPERING = [11, 7, 0x9d2c5680, 15, 0xefc60000, 18] as const;

/** Blocks made at a time: with the words before, and a list of 10,000, they fit in a page of WebAssembly's memory. */
export const BLOCKS = 4;
export const BLOCK_BYTES = 4 * MT_BLOCK;
/** What of the last vector lies beyond the last word. */
export const SLACK = 12;
/**
 * In bytes: the generator's words before tempering, block after block; the words after it; how many elements the table
 * holds; the list, or the table of those that were moved.
 */
export const STATES = 0;
export const WORDS = STATES + (BLOCKS + 1) * BLOCK_BYTES;
export const MOVED = WORDS + (BLOCKS + 1) * BLOCK_BYTES + SLACK;
export const LIST = MOVED + 4;

export interface ShuffleExports {
  memory: WebAssembly.Memory;
  fill(from: number, to: number): void;
  twist(from: number, to: number): void;
  reach(from: number, to: number, first: number, length: number): void;
  swap(from: number, to: number, first: number): void;
  swapMoved(from: number, to: number, first: number, scale: number): void;
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

/**
 * (from, to, first, scale): as swap, of a list of which only a table is there: pairs of a slot, plus 1, and its element
 * where that is another than its number. A slot's place in the table is its number times scale / 2^32, or the next free one
 * behind: the slots are random as they are, and those at the position are looked up one after the other.
 */
function swapMoved(): WasmFunction {
  const [position, scale] = [2, 3];
  const [slot, place, found, moving] = [4, 5, 6, 7];
  /** Leaves in `place` the pair of the slot or the free one for it, in `found` whether it is there. */
  const find = [
    ...[highProduct(slot, scale), i32.const(3), i32.shl, set(place)],
    forever(
      ...[get(place), i32.load(LIST), tee(found), i32.equalsZero, leave],
      ...[get(found), get(slot), i32.const(1), i32.add, i32.equal, leave],
      ...[get(place), i32.const(8), i32.add, set(place)],
    ),
  ];
  const element = [get(place), i32.load(LIST + 4), get(slot), get(found), select];
  return {
    name: 'swapMoved',
    params: 4,
    locals: { i32: 4 },
    code: whileBelow(
      4,
      0,
      ...[get(position), set(slot), ...find, ...element, set(moving)],
      ...[get(0), i32.load(0), set(slot), ...find, get(0), ...element, i32.store(0)],
      ...[i32.const(0), i32.const(0), i32.load(MOVED), get(found), i32.equalsZero, i32.add, i32.store(MOVED)],
      ...[get(place), get(slot), i32.const(1), i32.add, i32.store(LIST)],
      ...[get(place), get(moving), i32.store(LIST + 4)],
      ...[get(position), i32.const(1), i32.add, set(position)],
    ),
  };
}

export function shuffleModule(): Uint8Array<ArrayBuffer> {
  return wasmModule(LIST, [fill(), twist(), reach(), swap(), swapMoved()]);
}
