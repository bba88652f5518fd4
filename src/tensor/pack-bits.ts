/**
 * Packs zeros and ones that come as numbers (rows of numbers, or flat data with a shape) into bits, and says what is
 * wrong where they are something else. Takes `unknown`: what a user's file returns has no type.
 */
import { LockstepError } from '../platform/errors.js';
import { BitMatrix, BitVector } from './bits.js';

type List = ArrayLike<unknown>;
type Shaped = { data: List; shape: readonly number[] };
/** Makes the error of a problem; callers that know where the value came from put that in front. */
type Fail = (problem: string) => Error;

const badInput: Fail = (problem) => new LockstepError('bad-input', problem);

/**
 * Rows of zeros and ones as a {@link BitMatrix}; one that is packed already is checked and passed on.
 *
 * @param x `[[0, 1], [1, 1]]`, an array of typed arrays, `{ data, shape: [rows, cols] }` or a BitMatrix.
 * @throws What `fail` makes (by default a `bad-input` LockstepError) of ragged rows and of entries not 0 or 1.
 */
export function packMatrix(x: unknown, fail: Fail = badInput): BitMatrix {
  const extents = extentsOf(x);
  if (extents.length !== 2) throw fail(`x is ${describe(x)}; it must be two-dimensional.`);
  if (isBitMatrix(x)) return checkedMatrix(x, fail);
  const [rows, cols] = extents;
  const matrix = new BitMatrix(rows, cols);
  for (let i = 0; i < rows; i++) {
    const values = isShaped(x) ? x.data : (x as List)[i];
    if (!isShaped(x) && !(isList(values) && values.length === cols)) {
      throw fail(`x[${i}] is ${describe(values)}; every row must hold ${cols} values, as the first does.`);
    }
    const offset = isShaped(x) ? i * cols : 0;
    const bad = packRow(values as List, offset, cols, matrix.words, i * matrix.wordsPerRow);
    if (bad >= 0) {
      throw fail(`x[${i}][${bad}] is ${show((values as List)[offset + bad])}; every entry must be 0 or 1.`);
    }
  }
  return matrix;
}

/**
 * Zeros and ones as a {@link BitVector}; one that is packed already is checked and passed on.
 *
 * @param y `[0, 1]`, a typed array, `[[0], [1]]`, `{ data, shape: [n] or [n, 1] }` or a BitVector.
 * @throws As {@link packMatrix}.
 */
export function packVector(y: unknown, fail: Fail = badInput): BitVector {
  if (isBitVector(y)) return checkedVector(y, fail);
  const extents = extentsOf(y);
  if (!(extents.length === 1 || (extents.length === 2 && extents[1] === 1))) {
    throw fail(`y is ${describe(y)}; it must be [examples] or [examples, 1].`);
  }
  const list = isShaped(y) ? y.data : (y as List);
  const values = isShaped(y) || extents.length === 1 ? list : Array.from(list, onlyEntry);
  const vector = new BitVector(extents[0]);
  const bad = packRow(values, 0, vector.length, vector.words, 0);
  if (bad >= 0) throw fail(`y[${bad}] is ${show(values[bad])}; every label must be 0 or 1.`);
  return vector;
}

/**
 * The shape of an array of any of these kinds; [] for what is none, or whose data do not fill its shape. Nested
 * arrays are judged by their first entries. An empty array counts as [0, 0], for it has no first row.
 */
export function extentsOf(value: unknown): number[] {
  if (isBitMatrix(value)) return [value.rows, value.cols];
  if (isBitVector(value)) return [value.length];
  if (isShaped(value)) {
    const elements = value.shape.reduce((product, extent) => product * extent, 1);
    return elements === value.data.length ? [...value.shape] : [];
  }
  if (!isList(value)) return [];
  return value.length === 0 ? [0, 0] : [value.length, ...extentsOf(value[0])];
}

/** A value in a few words, for messages. */
export function describe(value: unknown): string {
  if (isShaped(value)) return `data of ${value.data.length} values with shape [${[...value.shape]}]`;
  if (isBitMatrix(value)) return `bits of shape [${value.rows}, ${value.cols}]`;
  if (isBitVector(value)) return `${value.length} bits`;
  if (!isList(value))
    return isObject(value) ? `an object with keys ${show(Object.keys(value))}` : show(value);
  if (value.length === 0) return 'an empty array';
  const extents = extentsOf(value);
  return extents.length === 1 ? `an array of ${extents[0]} values` : `an array of shape [${extents}]`;
}

/** Packs `count` values into words; the index of the first that is not 0 or 1, or -1. */
function packRow(values: List, offset: number, count: number, words: Uint32Array, at: number): number {
  for (let j = 0; j < count; j++) {
    const value = values[offset + j];
    if (value === 1) words[at + (j >>> 5)] |= 1 << (j & 31);
    else if (value !== 0) return j;
  }
  return -1;
}

/** The number in a row of one, else the row itself, which then is reported as no label. */
function onlyEntry(row: unknown): unknown {
  return isList(row) && row.length === 1 ? row[0] : row;
}

/** Kernels count set bits in whole words, so the padding of packed data has to be zero. */
function checkedMatrix(x: BitMatrix, fail: Fail): BitMatrix {
  const { rows, cols, words } = x;
  const wordsPerRow = Math.ceil(cols / 32);
  if (words.length !== rows * wordsPerRow) {
    throw fail(
      `x has ${words.length} words for ${rows} rows of ${cols} bits; it needs ${rows * wordsPerRow}.`,
    );
  }
  if (cols % 32 === 0) return x;
  for (let at = wordsPerRow - 1; at < words.length; at += wordsPerRow) {
    if (words[at] >>> (cols % 32) !== 0) {
      throw fail(`x has bits set beyond column ${cols - 1}, in row ${Math.floor(at / wordsPerRow)}.`);
    }
  }
  return x;
}

function checkedVector(y: BitVector, fail: Fail): BitVector {
  const { length, words } = y;
  if (words.length !== Math.ceil(length / 32)) {
    throw fail(`y has ${words.length} words for ${length} bits; it needs ${Math.ceil(length / 32)}.`);
  }
  if (length % 32 !== 0 && words[words.length - 1] >>> (length % 32) !== 0) {
    throw fail(`y has bits set beyond its last, number ${length - 1}.`);
  }
  return y;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isList(value: unknown): value is List {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function isShaped(value: unknown): value is Shaped {
  return isObject(value) && isList(value.data) && isList(value.shape);
}

// By their fields, not their class: a strategy file may hold its own copy of this library.
function isBitMatrix(value: unknown): value is BitMatrix {
  return isObject(value) && value.words instanceof Uint32Array && 'rows' in value && 'cols' in value;
}

function isBitVector(value: unknown): value is BitVector {
  return isObject(value) && value.words instanceof Uint32Array && 'length' in value;
}

function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'function' || value === undefined) return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
