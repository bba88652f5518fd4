/**
 * Matrices of zeros and ones on the host, one bit an entry: what parity examples are stored and uploaded as.
 * 12.8 M rows of 64 features are 102 MB here and 3.3 GB as floats. Not a tensor: no arithmetic.
 */
import type { Generator } from '../random/generator.js';
import { fillRandomBits } from './random-bits.js';

/**
 * Rows of bits, each padded with zeros to whole 32-bit words; column c is bit `c % 32` of word `floor(c / 32)` of its
 * row.
 *
 * @example
 * const x = new BitMatrix(2, 40);          // zeros
 * x.set(1, 33, 1);
 * x.words;                                 // Uint32Array [0, 0, 0, 2]
 */
export class BitMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly wordsPerRow: number;
  readonly words: Uint32Array;

  constructor(rows: number, cols: number, words?: Uint32Array) {
    this.rows = rows;
    this.cols = cols;
    this.wordsPerRow = Math.ceil(cols / 32);
    this.words = words ?? new Uint32Array(rows * this.wordsPerRow);
  }

  /** Fair bits, row by row: `torch.randint(0, 2, (rows, cols), generator=g)`, one draw a bit. */
  static random(rows: number, cols: number, generator: Generator): BitMatrix {
    const matrix = new BitMatrix(rows, cols);
    fillRandomBits(matrix.words, cols, generator.engine);
    return matrix;
  }

  get(row: number, col: number): number {
    return (this.words[row * this.wordsPerRow + (col >>> 5)] >>> (col & 31)) & 1;
  }

  set(row: number, col: number, bit: number): void {
    const at = row * this.wordsPerRow + (col >>> 5);
    const mask = 1 << (col & 31);
    this.words[at] = bit ? this.words[at] | mask : this.words[at] & ~mask;
  }

  /** A new matrix of the rows with the given indices, in that order. */
  takeRows(indices: ArrayLike<number>): BitMatrix {
    const taken = new BitMatrix(indices.length, this.cols);
    const { wordsPerRow } = this;
    for (let i = 0; i < indices.length; i++) {
      for (let w = 0; w < wordsPerRow; w++) {
        taken.words[i * wordsPerRow + w] = this.words[indices[i] * wordsPerRow + w];
      }
    }
    return taken;
  }
}

/** A list of bits; element i is bit `i % 32` of `words[floor(i / 32)]`, unused bits are zero. What labels come as. */
export class BitVector {
  readonly length: number;
  readonly words: Uint32Array;

  constructor(length: number, words?: Uint32Array) {
    this.length = length;
    this.words = words ?? new Uint32Array(Math.ceil(length / 32));
  }

  get(i: number): number {
    return (this.words[i >>> 5] >>> (i & 31)) & 1;
  }

  set(i: number, bit: number): void {
    const mask = 1 << (i & 31);
    this.words[i >>> 5] = bit ? this.words[i >>> 5] | mask : this.words[i >>> 5] & ~mask;
  }
}

/** Examples with binary inputs and labels; label e is bit `e % 32` of `y[floor(e / 32)]`. */
export interface BinaryDataset {
  readonly x: BitMatrix;
  readonly y: Uint32Array;
}

/** Matrices one below the other; all of one width. */
export function concatRows(...parts: BitMatrix[]): BitMatrix {
  const joined = new BitMatrix(
    parts.reduce((rows, part) => rows + part.rows, 0),
    parts[0].cols,
  );
  let offset = 0;
  for (const part of parts) {
    joined.words.set(part.words, offset);
    offset += part.words.length;
  }
  return joined;
}

/** How many bits are set. */
export function countOnes(words: Uint32Array): number {
  let ones = 0;
  for (let i = 0; i < words.length; i++) {
    let w = words[i];
    w -= (w >>> 1) & 0x55555555;
    w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
    w = (w + (w >>> 4)) & 0x0f0f0f0f;
    ones += Math.imul(w, 0x01010101) >>> 24;
  }
  return ones;
}

/** Share of the examples with label 1. */
export function positiveRate(dataset: BinaryDataset): number {
  return countOnes(dataset.y) / dataset.x.rows;
}
