/**
 * Parity labels and truth tables as packed bits: what test sets and the built-in strategies' datasets are made of, and
 * what a user's strategy may use too.
 */
import { LockstepError } from '../platform/errors.js';
import { BitMatrix, BitVector } from '../tensor/bits.js';
import type { Secret } from './secrets.js';

/** 2^22 rows are four million; every larger table would pass the limit on training examples. */
const MAX_TABLE_BITS = 22;

/**
 * The sum of the secret's coordinates mod 2, for every row of x.
 *
 * @example const x = BitMatrix.random(1000, 32, generator); return { x, y: parity(x, secret) };
 */
export function parity(x: BitMatrix, secret: Secret): BitVector {
  const labels = new BitVector(x.rows);
  const mask = new Uint32Array(x.wordsPerRow);
  for (const column of secret) mask[column >>> 5] |= 1 << (column & 31);
  for (let row = 0, at = 0; row < x.rows; row++) {
    let folded = 0;
    for (let w = 0; w < mask.length; w++) folded ^= x.words[at++] & mask[w];
    folded ^= folded >>> 16;
    folded ^= folded >>> 8;
    folded ^= folded >>> 4;
    // Bit v of 0x6996 is the parity of the four bits of v.
    labels.words[row >>> 5] |= ((0x6996 >>> (folded & 15)) & 1) << (row & 31);
  }
  return labels;
}

/**
 * Every setting of the secret's coordinates, each on `copies` rows in a block, all other columns zero. Bit j of the
 * row's number in the table goes to coordinate `secret[j]`.
 *
 * @returns [2^K * copies, nFeatures] bits.
 */
export function truthTable(secret: Secret, nFeatures: number, copies = 1): BitMatrix {
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
export function backgroundColumns(secret: Secret, nFeatures: number): number[] {
  const hidden = new Set(secret);
  return Array.from({ length: nFeatures }, (_, column) => column).filter((column) => !hidden.has(column));
}
