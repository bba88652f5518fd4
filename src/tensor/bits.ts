/**
 * Matrices and vectors of zeros and ones on the host, one bit an entry. Training examples and labels are stored and uploaded
 * in this form: 12.8 M rows of 64 features take 102 MB, where floats would take 3.3 GB. They are not tensors.
 */
import { badArgument, checkObject } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { allocated } from '../platform/host-memory.js';
import { showKind } from '../platform/options.js';
import { checkGenerator, type Generator } from '../random/generator.js';
import { fillRandomBits } from '../random/padded-bits.js';

/**
 * Marks packed bits, for the compiler and at run time: a Uint32Array alone could be packed bits or labels, one a word. It is
 * a registered symbol and not a class, as a program may hold two copies of this library.
 */
const BITS: unique symbol = Symbol.for('lockstep-gpu.bits');

/**
 * Rows of bits, each padded with zeros to whole 32-bit words; column c is bit `c % 32` of word `floor(c / 32)` of its
 * row. {@link packMatrix} makes one of numbers.
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

  /**
   * A matrix of `rows` rows and `cols` columns.
   *
   * @param words The bits, `rows * ceil(cols / 32)` words, which are kept and not copied. Default zeros.
   * @throws LockstepError `bad-input` for another number of words.
   */
  constructor(rows: number, cols: number, words?: Uint32Array) {
    checkCount('BitMatrix: rows', rows);
    checkCount('BitMatrix: cols', cols);
    this.rows = rows;
    this.cols = cols;
    this.wordsPerRow = Math.ceil(cols / 32);
    this.words = ownWords('BitMatrix', words, rows * this.wordsPerRow, `${rows} rows of ${cols} bits`);
  }

  get [BITS](): 'matrix' {
    return 'matrix';
  }

  /** Fair bits, row by row: `torch.randint(0, 2, (rows, cols), generator=g)`, one draw a bit. */
  static random(rows: number, cols: number, generator: Generator): BitMatrix {
    checkGenerator('BitMatrix.random', generator);
    const matrix = new BitMatrix(rows, cols);
    fillRandomBits(matrix.words, cols, generator.engine);
    return matrix;
  }

  /** 0 or 1. @throws LockstepError `bad-input` outside of the matrix. */
  get(row: number, col: number): number {
    if (!this.#holds(row, col)) throw this.#outside('get', row, col);
    return (this.words[row * this.wordsPerRow + (col >>> 5)] >>> (col & 31)) & 1;
  }

  /** Writes 0 or 1. @throws LockstepError `bad-input` outside of the matrix, and for other values. */
  set(row: number, col: number, bit: number): void {
    if (!this.#holds(row, col)) throw this.#outside('set', row, col);
    if (bit !== 0 && bit !== 1) throw notABit(`BitMatrix.set: the value of row ${row}, column ${col}`, bit);
    const at = row * this.wordsPerRow + (col >>> 5);
    const mask = 1 << (col & 31);
    this.words[at] = bit ? this.words[at] | mask : this.words[at] & ~mask;
  }

  #holds(row: number, col: number): boolean {
    return isIndex(row, this.rows) && isIndex(col, this.cols);
  }

  #outside(method: string, row: number, col: number): LockstepError {
    const message = `BitMatrix.${method}: there is no row ${shown(row)}, column ${shown(col)}; it has ${this.rows} rows of ${this.cols}.`;
    return new LockstepError('bad-input', message);
  }

  /** A new matrix of the rows with the given indices, in that order. */
  takeRows(indices: ArrayLike<number>): BitMatrix {
    if (typeof indices !== 'object' || typeof indices?.length !== 'number')
      throw badArgument('BitMatrix.takeRows', 'the list of rows', indices, 'a list fits, as [0, 3]');
    const taken = new BitMatrix(indices.length, this.cols);
    const { wordsPerRow } = this;
    for (let i = 0; i < indices.length; i++) {
      if (!isIndex(indices[i], this.rows)) throw this.#outside('takeRows', indices[i], 0);
      for (let w = 0; w < wordsPerRow; w++) {
        taken.words[i * wordsPerRow + w] = this.words[indices[i] * wordsPerRow + w];
      }
    }
    return taken;
  }
}

/**
 * A list of bits: element i is bit `i % 32` of `words[floor(i / 32)]`, and unused bits are zero. Labels are packed into it by
 * {@link packVector} or {@link parity}.
 *
 * @example
 * const y = new BitVector(40);             // zeros
 * y.set(33, 1);
 * y.words;                                 // Uint32Array [0, 2]
 */
export class BitVector {
  readonly length: number;
  readonly words: Uint32Array;

  /**
   * A vector of `length` bits.
   *
   * @param words The bits, `ceil(length / 32)` words, which are kept and not copied. Default zeros.
   * @throws LockstepError `bad-input` for another number of words.
   */
  constructor(length: number, words?: Uint32Array) {
    checkCount('BitVector: length', length);
    this.length = length;
    this.words = ownWords('BitVector', words, Math.ceil(length / 32), `${length} bits`);
  }

  get [BITS](): 'vector' {
    return 'vector';
  }

  /** 0 or 1. @throws LockstepError `bad-input` past the end. */
  get(i: number): number {
    if (!this.#holds(i)) throw this.#outside('get', i);
    return (this.words[i >>> 5] >>> (i & 31)) & 1;
  }

  /** Writes 0 or 1. @throws LockstepError `bad-input` past the end, and for other values. */
  set(i: number, bit: number): void {
    if (!this.#holds(i)) throw this.#outside('set', i);
    if (bit !== 0 && bit !== 1) throw notABit(`BitVector.set: the value of element ${i}`, bit);
    const mask = 1 << (i & 31);
    this.words[i >>> 5] = bit ? this.words[i >>> 5] | mask : this.words[i >>> 5] & ~mask;
  }

  #holds(i: number): boolean {
    return isIndex(i, this.length);
  }

  #outside(method: string, i: number): LockstepError {
    return new LockstepError(
      'bad-input',
      `BitVector.${method}: there is no element ${shown(i)}; it has ${this.length}.`,
    );
  }
}

/** Packed examples with their labels; row e of `x` has label `y.get(e)`. */
export interface BinaryDataset {
  readonly x: BitMatrix;
  readonly y: BitVector;
}

/** Whether a value is a BitMatrix, of this copy of the library or another. */
export const isBitMatrix = (value: unknown): value is BitMatrix => kindOf(value) === 'matrix';

/** Whether a value is a BitVector, of this copy of the library or another. */
export const isBitVector = (value: unknown): value is BitVector => kindOf(value) === 'vector';

const kindOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? (value as { [BITS]?: unknown })[BITS] : undefined;

/** Whether a value is an index below `count`. Called for every bit. */
const isIndex = (value: unknown, count: number): boolean =>
  typeof value === 'number' && value >>> 0 === value && value < count;

const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : showKind(value));

function checkCount(what: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return;
  throw new LockstepError('bad-input', `${what} is ${shown(value)}; it must be a whole number of 0 or more.`);
}

/** The given words, after a check of their number; zeros where none were given. */
function ownWords(where: string, words: unknown, needed: number, what: string): Uint32Array {
  if (words === undefined) return allocated(where, what, () => new Uint32Array(needed));
  if (Object.prototype.toString.call(words) !== '[object Uint32Array]') {
    throw new LockstepError('bad-input', `${where}: words is ${showKind(words)}; it must be a Uint32Array.`);
  }
  const { length } = words as Uint32Array;
  if (length === needed) return words as Uint32Array;
  throw new LockstepError('bad-input', `${where}: ${length} words for ${what}; it needs ${needed}.`);
}

function notABit(what: string, value: unknown): LockstepError {
  return new LockstepError('bad-input', `${what} is ${shown(value)}; it must be 0 or 1.`);
}

/**
 * Stacks matrices, one below the other.
 *
 * @throws LockstepError `bad-input` where their widths differ, and for an empty list.
 */
export function concatRows(...parts: BitMatrix[]): BitMatrix {
  parts.forEach((part, i) => {
    if (isBitMatrix(part) && part.cols === parts[0].cols) return;
    const found = isBitMatrix(part) ? `has ${part.cols} columns` : `is ${showKind(part)}`;
    const wanted = isBitMatrix(part) ? `have ${parts[0].cols} columns, as the first does` : 'be a BitMatrix';
    throw new LockstepError('bad-input', `concatRows: matrix ${i} ${found}; it must ${wanted}.`);
  });
  if (parts.length === 0) throw new LockstepError('bad-input', 'concatRows: got no matrix to join.');
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
  checkObject('positiveRate', 'the dataset', dataset, 'an object { x, y } of packed bits fits');
  const { x, y } = dataset;
  if (!isBitMatrix(x)) throw badArgument('positiveRate', 'x', x, 'it must be a BitMatrix (packMatrix)');
  if (isBitVector(y)) return countOnes(y.words) / x.rows;
  throw new LockstepError(
    'bad-input',
    `positiveRate: y is ${showKind(y)}; it must be a BitVector (packVector).`,
  );
}
