/**
 * Packs zeros and ones that are given as numbers (rows of numbers, or flat data with a shape) into bits. Other values get an
 * error that says which and where. The functions accept `unknown`, as what a user's file returns has no type.
 */
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';
import { type BinaryDataset, BitMatrix, BitVector, isBitMatrix, isBitVector } from './bits.js';

type List = ArrayLike<unknown>;
type Shaped = { data: List; shape: readonly number[] };
/** Makes the error about a problem. Callers that know where the value came from begin the message with it. */
type Fail = (problem: string) => Error;

/** Zeros and ones: numbers, or false and true. */
export type Bits = ArrayLike<number> | ArrayLike<boolean>;

/** Examples [examples, N], all 0 or 1: packed bits, rows of numbers, or flat row-major data with its shape. */
export type Examples = BitMatrix | ArrayLike<Bits> | { data: Bits; shape: readonly number[] };

/** Labels [examples] or [examples, 1], all 0 or 1: packed bits, numbers, rows of one number, or data with a shape. */
export type Labels = BitVector | Bits | ArrayLike<Bits> | { data: Bits; shape: readonly number[] };

/** Options of {@link packMatrix} and {@link packVector}. */
export interface PackOptions {
  /** Columns of flat values without a shape. */
  cols?: number;
  /** Makes the error about a problem. Default: a LockstepError `bad-input`. */
  fail?: Fail;
}

const badInput: Fail = (problem) => new LockstepError('bad-input', problem);

/**
 * Packs rows of zeros and ones into a {@link BitMatrix}. A BitMatrix is checked and returned without a copy.
 *
 * @param x `[[0, 1], [1, 1]]`, an array of typed arrays, `{ data, shape: [rows, cols] }`, a BitMatrix; with `cols` also
 * the values row by row in one array, as the data of a tensor are.
 * @throws LockstepError `bad-input`, with row and column, for ragged rows and for entries that are not 0 or 1.
 * @example
 * packMatrix([[0, 1, 1], [1, 0, 0]]).words;                 // Uint32Array [6, 1]
 * packMatrix(await tensor.data(), { cols: 3 });
 */
export function packMatrix(x: unknown, { cols: width, fail = badInput }: PackOptions = {}): BitMatrix {
  if (isBitMatrix(x)) return checkedMatrix(x, fail);
  const extents = extentsOf(x);
  if (extents.length === 1 && width !== undefined) return packFlat(x as List, width, fail);
  if (extents.length !== 2) throw fail(`x is ${describe(x)}; it must be two-dimensional.`);
  const [rows, cols] = extents;
  if (isShaped(x)) return packFlat(x.data, cols, fail);
  const matrix = new BitMatrix(rows, cols);
  for (let i = 0; i < rows; i++) {
    const values = (x as List)[i];
    if (!(isList(values) && values.length === cols)) {
      throw fail(`x[${i}] is ${describe(values)}; every row must hold ${cols} values, as the first does.`);
    }
    packRow(values, i, 0, matrix, fail);
  }
  return matrix;
}

/** Row-major values. */
function packFlat(values: List, cols: number, fail: Fail): BitMatrix {
  const rows = cols === 0 ? 0 : values.length / cols;
  if (!Number.isInteger(rows)) {
    throw fail(`x is ${describe(values)}; rows of ${cols} need a multiple of ${cols}.`);
  }
  const matrix = new BitMatrix(rows, cols);
  for (let i = 0; i < rows; i++) packRow(values, i, i * cols, matrix, fail);
  return matrix;
}

function packRow(values: List, row: number, offset: number, matrix: BitMatrix, fail: Fail): void {
  const { cols, words, wordsPerRow } = matrix;
  const bad = packBits(values, offset, cols, words, row * wordsPerRow);
  if (bad >= 0) throw fail(`x[${row}][${bad}] is ${show(values[offset + bad])}; every entry must be 0 or 1.`);
}

/**
 * Packs zeros and ones into a {@link BitVector}. A BitVector is checked and returned without a copy. An array of any type has
 * one label an element; for words that hold 32 labels each, use `new BitVector(length, words)`.
 *
 * @param y `[0, 1]`, a typed array, `[[0], [1]]`, `{ data, shape: [n] or [n, 1] }` or a BitVector.
 * @throws As {@link packMatrix}.
 * @example packVector([0, 1, 1]).words;                     // Uint32Array [6]
 */
export function packVector(y: unknown, { fail = badInput }: Pick<PackOptions, 'fail'> = {}): BitVector {
  if (isBitVector(y)) return checkedVector(y, fail);
  const extents = extentsOf(y);
  const isColumn = extents.length === 2 && (extents[1] === 1 || extents[0] === 0);
  if (isBitMatrix(y) || !(extents.length === 1 || isColumn)) {
    throw fail(`y is ${describe(y)}; it must be [examples] or [examples, 1].`);
  }
  const list = isShaped(y) ? y.data : (y as List);
  const values = isShaped(y) || extents.length === 1 ? list : Array.from(list, onlyEntry);
  const vector = new BitVector(extents[0]);
  const bad = packBits(values, 0, vector.length, vector.words, 0);
  if (bad >= 0) throw fail(`y[${bad}] is ${show(values[bad])}; every label must be 0 or 1.`);
  return vector;
}

/**
 * Packs examples and labels, and checks that there are as many labels as examples.
 *
 * @throws What `fail` makes, for the values that {@link packMatrix} refuses, and where the numbers of rows and labels differ.
 */
export function packDataset(
  { x, y }: { x: unknown; y: unknown },
  { cols, fail = badInput }: PackOptions = {},
): BinaryDataset {
  const examples = packMatrix(x, { cols, fail });
  const labels = extentsOf(y)[0];
  if (labels !== undefined && labels !== examples.rows) {
    const words = Math.ceil(examples.rows / 32);
    const packed = y instanceof Uint32Array && labels === words;
    throw fail(
      `y has ${labels} labels for ${examples.rows} rows of x; give one label a row` +
        `${packed ? `, or, if these are words of bits, new BitVector(${examples.rows}, words)` : ''}.`,
    );
  }
  return { x: examples, y: packVector(y, { fail }) };
}

/**
 * The shape of an array of any of these kinds; [] for other values, and where the data do not fill the shape. Of nested
 * arrays it looks at the first entries only. An empty array counts as [0, 0].
 */
export function extentsOf(value: unknown): number[] {
  if (isBitMatrix(value)) return [value.rows, value.cols];
  if (isBitVector(value)) return [value.length];
  if (isShaped(value)) {
    const extents = [...value.shape];
    const elements = extents.reduce((product, extent) => product * extent, 1);
    return extents.every(isExtent) && elements === value.data.length ? extents : [];
  }
  if (!isList(value)) return [];
  return value.length === 0 ? [0, 0] : [value.length, ...extentsOf(value[0])];
}

const isExtent = (extent: unknown): boolean => Number.isSafeInteger(extent) && (extent as number) >= 0;

/** A value in a few words, for messages. */
export function describe(value: unknown): string {
  if (isShaped(value)) return `data of ${value.data.length} values with shape [${[...value.shape]}]`;
  if (isBitMatrix(value)) return `bits of shape [${value.rows}, ${value.cols}]`;
  if (isBitVector(value)) return `${value.length} bits`;
  if (isTensor(value)) return 'a tensor, whose data are on the device (give await x.data() with its shape)';
  if (!isList(value)) return isPlain(value) ? `an object with keys ${show(Object.keys(value))}` : show(value);
  if (value.length === 0) return 'an empty array';
  const extents = extentsOf(value);
  return extents.length === 1 ? `an array of ${extents[0]} values` : `an array of shape [${extents}]`;
}

/** Packs `count` values into words. Returns the index of the first that is not 0 or 1, or -1. */
function packBits(values: List, offset: number, count: number, words: Uint32Array, at: number): number {
  for (let j = 0; j < count; j++) {
    const value = values[offset + j];
    if (value === 1 || value === true) words[at + (j >>> 5)] |= 1 << (j & 31);
    else if (value !== 0 && value !== false) return j;
  }
  return -1;
}

/** The number in a row of length 1; any other row itself, which is then refused as a label. */
function onlyEntry(row: unknown): unknown {
  return isList(row) && row.length === 1 ? row[0] : row;
}

/** Checks that the padding is zero, as kernels count the bits of whole words. */
function checkedMatrix(x: BitMatrix, fail: Fail): BitMatrix {
  const { rows, cols, words } = x;
  const wordsPerRow = Math.ceil(cols / 32);
  if (words.length !== rows * wordsPerRow) {
    throw fail(
      `x has ${words.length} words for ${rows} rows of ${cols} bits; it needs ${rows * wordsPerRow}.`,
    );
  }
  for (let at = wordsPerRow - 1; cols % 32 !== 0 && at < words.length; at += wordsPerRow) {
    if (words[at] >>> (cols % 32) !== 0) {
      throw fail(`x has bits set beyond column ${cols - 1}, in row ${Math.floor(at / wordsPerRow)}.`);
    }
  }
  return x instanceof BitMatrix ? x : new BitMatrix(rows, cols, words);
}

function checkedVector(y: BitVector, fail: Fail): BitVector {
  const { length, words } = y;
  if (words.length !== Math.ceil(length / 32)) {
    throw fail(`y has ${words.length} words for ${length} bits; it needs ${Math.ceil(length / 32)}.`);
  }
  if (length % 32 !== 0 && words[words.length - 1] >>> (length % 32) !== 0) {
    throw fail(`y has bits set beyond its last, number ${length - 1}.`);
  }
  return y instanceof BitVector ? y : new BitVector(length, words);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isPlain(value: unknown): value is object {
  return isObject(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

function isList(value: unknown): value is List {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function isShaped(value: unknown): value is Shaped {
  return isObject(value) && isList(value.data) && isList(value.shape);
}

/** Recognized by its members, so that this file does not pull tensors into a bundle. */
function isTensor(value: unknown): boolean {
  return isObject(value) && typeof value.data === 'function' && 'dtype' in value;
}

function show(value: unknown): string {
  if (typeof value === 'number' || value === undefined) return String(value);
  if (typeof value !== 'string' && !isList(value)) return showKind(value);
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    return showKind(value); // it contains a BigInt, or itself
  }
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
