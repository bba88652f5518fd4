/**
 * Training and test sets: calls `makeDataset`, judges what it returned (the parity protocol's list of bad input) and
 * packs it into bits. An error names the strategy, the function and the value, before any training.
 */
import { Generator } from '../random/generator.js';
import { type BinaryDataset, BitMatrix, BitVector } from '../tensor/bits.js';
import { parity } from './parity.js';
import type { Secret } from './secrets.js';
import { badStrategy, callStrategy, type Strategy } from './strategy.js';
import type { Task } from './task.js';

/** `task.testSetSize` uniform rows with their parity labels; the same for every strategy. */
export function makeTestSet(secret: Secret, task: Task, seed: number): BinaryDataset {
  const x = BitMatrix.random(task.testSetSize, task.nFeatures, new Generator(seed));
  return { x, y: parity(x, secret).words };
}

/** The strategy's dataset for one secret, validated and packed. */
export function makeTrainingSet(strategy: Strategy, secret: Secret, task: Task, seed: number): BinaryDataset {
  const output: unknown = callStrategy(strategy, 'makeDataset', () =>
    strategy.makeDataset(secret, task, seed),
  );
  const fail = (problem: string) => badStrategy(strategy, 'makeDataset', problem);
  const [x, y] = pairOf(output, fail);
  const examples = packExamples(x, task, fail);
  return { x: examples, y: packLabels(y, examples.rows, fail).words };
}

type Fail = (problem: string) => Error;

function pairOf(output: unknown, fail: Fail): [unknown, unknown] {
  if (Array.isArray(output) && output.length === 2) return [output[0], output[1]];
  if (isObject(output) && 'x' in output && 'y' in output) return [output.x, output.y];
  throw fail(`returned ${describe(output)}; it must return a pair [x, y] or an object { x, y }.`);
}

function packExamples(x: unknown, task: Task, fail: Fail): BitMatrix {
  const size = sizeOf(x);
  if (size.length !== 2) {
    throw fail(`x is ${describe(x)}; it must be two-dimensional, [examples, ${task.nFeatures}].`);
  }
  const [rows, cols] = size;
  if (rows === 0) throw fail('x has no rows; give at least one example.');
  if (rows > task.maxTrainExamples) {
    throw fail(`x has ${rows} rows; the limit is ${task.maxTrainExamples} (maxTrainExamples).`);
  }
  if (cols !== task.nFeatures) {
    throw fail(`x has rows of ${cols} values; the task has ${task.nFeatures} features.`);
  }
  if (isBitMatrix(x)) return checkedBits(x, fail);
  const matrix = new BitMatrix(rows, cols);
  const row = rowReader(x, cols);
  for (let i = 0; i < rows; i++) {
    const values = row(i);
    if (!isList(values) || values.length !== cols) {
      throw fail(`x[${i}] is ${describe(values)}; every row must hold ${cols} values, as row 0 does.`);
    }
    for (let j = 0; j < cols; j++) {
      if (isBit(values[j], () => fail(`x[${i}][${j}] is ${show(values[j])}; every entry must be 0 or 1.`))) {
        matrix.set(i, j, 1);
      }
    }
  }
  return matrix;
}

function packLabels(y: unknown, rows: number, fail: Fail): BitVector {
  const size = isBitVector(y) ? [y.length] : sizeOf(y);
  const flat = size.length === 1 || (size.length === 2 && size[1] === 1);
  if (!flat) throw fail(`y is ${describe(y)}; it must be [examples] or [examples, 1].`);
  if (size[0] !== rows) throw fail(`y has ${size[0]} labels for ${rows} rows of x; give one label a row.`);
  if (isBitVector(y)) {
    if (y.words.length === Math.ceil(rows / 32)) return y;
    throw fail(`y has ${y.words.length} words for ${rows} bits; a BitVector holds 32 bits a word.`);
  }
  const labels = new BitVector(rows);
  const value = labelReader(y, size.length === 2);
  for (let i = 0; i < rows; i++) {
    const label = value(i);
    if (isBit(label, () => fail(`y[${i}] is ${show(label)}; every label must be 0 or 1.`))) labels.set(i, 1);
  }
  return labels;
}

/** Packed rows as they are, once their words are of the right number and their padding is zero. */
function checkedBits(x: BitMatrix, fail: Fail): BitMatrix {
  const { rows, cols, words } = x;
  const wordsPerRow = Math.ceil(cols / 32);
  if (words.length !== rows * wordsPerRow) {
    throw fail(
      `x has ${words.length} words for ${rows} rows of ${cols} bits; it needs ${rows * wordsPerRow}.`,
    );
  }
  if (cols % 32 !== 0) {
    for (let at = wordsPerRow - 1; at < words.length; at += wordsPerRow) {
      if (words[at] >>> (cols % 32) !== 0) {
        throw fail(`x has bits set beyond column ${cols - 1}, in row ${Math.floor(at / wordsPerRow)}.`);
      }
    }
  }
  return x;
}

type List = ArrayLike<unknown>;
type Shaped = { data: List; shape: readonly number[] };

/** Row i of nested or flat data. */
function rowReader(x: unknown, cols: number): (i: number) => unknown {
  if (!isShaped(x)) return (i) => (x as List)[i];
  const row: unknown[] = new Array(cols);
  return (i) => {
    for (let j = 0; j < cols; j++) row[j] = x.data[i * cols + j];
    return row;
  };
}

/** Label i, which in nested data of two dimensions is a row of one value. */
function labelReader(y: unknown, nested: boolean): (i: number) => unknown {
  const list = isShaped(y) ? y.data : (y as List);
  if (isShaped(y) || !nested) return (i) => list[i];
  return (i) => {
    const row = list[i];
    return isList(row) && row.length === 1 ? row[0] : row;
  };
}

/** The extents of a value: [] for what is no array. Nested data are judged by their first entries. */
function sizeOf(value: unknown): number[] {
  if (isBitMatrix(value)) return [value.rows, value.cols];
  if (isShaped(value)) {
    const elements = value.shape.reduce((product, extent) => product * extent, 1);
    return elements === value.data.length ? [...value.shape] : [];
  }
  if (!isList(value)) return [];
  // An empty list has no first row to tell its width; two dimensions lead to the message about no rows.
  if (value.length === 0) return [0, 0];
  return [value.length, ...sizeOf(value[0])];
}

function isBit(value: unknown, error: () => Error): boolean {
  if (value === 1) return true;
  if (value === 0) return false;
  throw error();
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

/** A value in a few words, for messages. */
function describe(value: unknown): string {
  if (isShaped(value)) return `data of ${value.data.length} values with shape [${[...value.shape]}]`;
  if (isBitMatrix(value)) return `bits of shape [${value.rows}, ${value.cols}]`;
  if (isBitVector(value)) return `${value.length} bits`;
  if (!isList(value))
    return isObject(value) ? `an object with keys ${show(Object.keys(value))}` : show(value);
  const size = sizeOf(value);
  return size.length === 1 ? `an array of ${size[0]} values` : `an array of shape [${size}]`;
}

function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'function' || value === undefined) return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
