/**
 * Parity labels and truth tables as packed bits, from which test sets and the built-in strategies' datasets are made.
 */
import { checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { allocated } from '../platform/host-memory.js';
import { showKind } from '../platform/options.js';
import { BitMatrix, BitVector, isBitMatrix } from './bits.js';
import { type Examples, packMatrix } from './pack-bits.js';

/** 2^22 rows are four million; every larger table would pass the limit on training examples. */
const MAX_TABLE_BITS = 22;

/**
 * The sum of the given columns mod 2, for every row of x.
 *
 * @param x [rows, cols], packed or what {@link packMatrix} packs.
 * @param columns Which columns, counted from 0, each at most once.
 * @returns One label a row.
 * @throws LockstepError `bad-input` for a column that x does not have, or that comes twice.
 * @example
 * const x = BitMatrix.random(1000, 32, new Generator(1));
 * const dataset = { x, y: parity(x, [3, 5, 8]) };
 */
export function parity(x: Examples, columns: readonly number[]): BitVector {
  const { rows, cols, words, wordsPerRow } = isBitMatrix(x) ? x : packMatrix(x);
  checkColumns('parity', columns, cols);
  const labels = new BitVector(rows);
  const mask = new Uint32Array(wordsPerRow);
  for (const column of columns) mask[column >>> 5] |= 1 << (column & 31);
  for (let row = 0, at = 0; row < rows; row++) {
    let folded = 0;
    for (let w = 0; w < mask.length; w++) folded ^= words[at++] & mask[w];
    folded ^= folded >>> 16;
    folded ^= folded >>> 8;
    folded ^= folded >>> 4;
    // Bit v of 0x6996 is the parity of the four bits of v.
    labels.words[row >>> 5] |= ((0x6996 >>> (folded & 15)) & 1) << (row & 31);
  }
  return labels;
}

/**
 * All 2^K settings of the secret's coordinates, each in `copies` rows one after the other; all other columns are zero. In
 * setting number s, coordinate `secret[j]` is bit j of s.
 *
 * @returns [2^K * copies, nFeatures] bits.
 */
export function truthTable(secret: readonly number[], nFeatures: number, copies = 1): BitMatrix {
  checkNumber('truthTable', 'nFeatures', nFeatures, { min: 0, whole: true });
  checkColumns('truthTable', secret, nFeatures);
  checkNumber('truthTable', 'copies', copies, { min: 0, whole: true });
  if (secret.length > MAX_TABLE_BITS) {
    throw new LockstepError(
      'bad-input',
      `truthTable: 2^${secret.length} rows are too many; the secret may have up to ${MAX_TABLE_BITS} coordinates.`,
    );
  }
  const settings = 2 ** secret.length;
  const x = new BitMatrix(settings * copies, nFeatures);
  const row = new Uint32Array(x.wordsPerRow);
  for (let setting = 0, at = 0; setting < settings; setting++) {
    row.fill(0);
    secret.forEach((column, j) => {
      row[column >>> 5] |= ((setting >>> j) & 1) << (column & 31);
    });
    for (let copy = 0; copy < copies; copy++, at += row.length) x.words.set(row, at);
  }
  return x;
}

/** The columns that are not in the secret, ascending. */
export function backgroundColumns(secret: readonly number[], nFeatures: number): number[] {
  checkNumber('backgroundColumns', 'nFeatures', nFeatures, { min: 0, whole: true });
  checkColumns('backgroundColumns', secret, nFeatures);
  const hidden = new Set(secret);
  const all = allocated('backgroundColumns', `${nFeatures} columns`, () =>
    new Array<number>(nFeatures).fill(0),
  );
  return all.map((_, column) => column).filter((column) => !hidden.has(column));
}

/** Throws for columns that do not exist, and for one that comes twice: both would change the sum silently. */
function checkColumns(where: string, columns: readonly number[], cols: number): void {
  if (!Array.isArray(columns) && !ArrayBuffer.isView(columns)) {
    throw new LockstepError(
      'bad-input',
      `${where}: the columns are ${showKind(columns)}; they must be a list, as [0, 3].`,
    );
  }
  const seen = new Set<number>();
  for (const column of columns) {
    if (Number.isInteger(column) && column >= 0 && column < cols && !seen.has(column)) {
      seen.add(column);
      continue;
    }
    const what = seen.has(column) ? 'is named twice' : `is not one of the ${cols} that there are`;
    throw new LockstepError('bad-input', `${where}: column ${String(column)} ${what}.`);
  }
}
