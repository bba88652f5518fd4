/**
 * Leaves out the columns of a dataset that are 0 in every row. The weights of such a feature never get a gradient, so
 * AdamW only decays them: they need not be on the device while a run trains. What is left out depends on the dataset
 * alone, so a run's numbers do not depend on what trains beside it.
 */

import type { NetworkLayout } from '../kernels/train/networks.js';
import type { BinaryDataset } from '../tensor/bits.js';
import type { MlpWeights } from './types.js';

/** The number of columns is rounded up to a multiple of this: each number of features needs a shader of its own. */
const ROUND = 8;
/** Rows between two checks whether every column is live. */
const PIECE = 4096;

/** A dataset as it is uploaded. */
export interface LiveDataset {
  examples: number;
  /** The columns of the caller's dataset that these are, in rising order. */
  columns: Uint16Array;
  /** Rows of `ceil(columns.length / 32)` words. */
  rows: Uint32Array;
  labels: Uint32Array;
}

/** The live columns, filled up with dead ones to a multiple of eight. */
export function liveColumns({ x }: BinaryDataset): Uint16Array {
  const all = Array.from({ length: x.cols }, (_, c) => c);
  const any = new Uint32Array(x.wordsPerRow);
  const isLive = (c: number) => ((any[c >>> 5] >>> (c & 31)) & 1) === 1;
  // Usually every column soon has a 1, and the rest of millions of rows need not be read.
  const piece = PIECE * x.wordsPerRow;
  for (let from = 0; from < x.words.length && !all.every(isLive); from += piece) {
    const end = Math.min(from + piece, x.words.length);
    for (let at = from; at < end; at += x.wordsPerRow) {
      for (let w = 0; w < x.wordsPerRow; w++) any[w] |= x.words[at + w];
    }
  }
  const live = all.filter(isLive);
  const wanted = Math.min(x.cols, Math.max(1, Math.ceil(live.length / ROUND)) * ROUND);
  const filling = all.filter((c) => !isLive(c)).slice(0, wanted - live.length);
  return Uint16Array.from([...live, ...filling]).sort();
}

/** The dataset with only those columns. */
export function liveDataset(dataset: BinaryDataset, columns: Uint16Array): LiveDataset {
  const { x } = dataset;
  const labels = dataset.y.words;
  if (columns.length === x.cols) {
    return { examples: x.rows, columns, rows: x.words, labels };
  }
  const words = Math.ceil(columns.length / 32);
  const rows = new Uint32Array(x.rows * words);
  for (let row = 0; row < x.rows; row++) {
    for (let i = 0; i < columns.length; i++) {
      rows[row * words + (i >>> 5)] |= x.get(row, columns[i]) << (i & 31);
    }
  }
  return { examples: x.rows, columns, rows, labels };
}

/** The weights of the live columns. */
export function liveWeights(weights: MlpWeights, features: number, columns: Uint16Array): MlpWeights {
  if (columns.length === features) return weights;
  const hidden = weights.b1.length;
  const w1 = new Float32Array(hidden * columns.length);
  for (let h = 0; h < hidden; h++) {
    for (let i = 0; i < columns.length; i++)
      w1[h * columns.length + i] = weights.w1[h * features + columns[i]];
  }
  return { ...weights, w1 };
}

/** Weights of features that are 0 in all examples of a run. */
export interface LeftOut {
  /** [hidden, features] As they were before they decayed. Those of features that train do not count. */
  readonly w1: Float32Array;
  /** What the decay of all steps since has made of 1. */
  readonly factor: number;
}

/**
 * Writes to a network the weights that were left out of the training. The weights of live columns are written too, and have to
 * be overwritten.
 */
export function leftOutWeights(
  { w1, factor }: LeftOut,
  { features, hidden, pitch }: Pick<NetworkLayout, 'features' | 'hidden' | 'pitch'>,
  network: Float32Array,
): void {
  for (let h = 0; h < hidden; h++)
    for (let i = 0; i < features; i++) network[h * pitch + i] = w1[h * features + i] * factor;
}
