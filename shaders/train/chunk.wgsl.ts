/**
 * What a chunk of steps is made of, for the training kernels and for the trainer. A *slot* holds one run's state for
 * as long as it trains; a *position* is the run's place in one chunk. Structs and names only; no entry point.
 */
import { Struct } from '../shared/struct.js';
import { wgsl } from '../wgsl.js';

/** [position] The run's slot, its steps in this chunk, and whether its window closes at the end (1 or 0). */
export const POSITION = new Struct('Position', { slot: 'u32', steps: 'u32', closes: 'u32' });

/** [slot] AdamW's settings that do not change from step to step. decay: 1 - lr x weight decay. */
export const HYPER = new Struct('Hyper', {
  decay: 'f32',
  beta1: 'f32',
  oneMinusBeta1: 'f32',
  beta2: 'f32',
  oneMinusBeta2: 'f32',
  eps: 'f32',
});

/**
 * [position][step] stepSize: lr / (1 - beta1^t). invRootCorrection2: 1 / sqrt(1 - beta2^t). count: the examples of
 * the batch, fewer at the end of an epoch. invCount: 1 / count.
 */
export const STEP = new Struct('Step', {
  stepSize: 'f32',
  invRootCorrection2: 'f32',
  invCount: 'f32',
  count: 'f32',
});

/**
 * [entry] A position that reads from a bank of data, its steps, and the words at which its rows and labels begin
 * there.
 */
export const SOURCE = new Struct('Source', { position: 'u32', steps: 'u32', rows: 'u32', labels: 'u32' });

/**
 * [position] The window that closes: how many whole and how many smaller batches it had, and how many examples a
 * smaller one has. budget: the most misses with which the window passes, where a miss in a whole batch counts
 * `smallBatch` times and one in a smaller batch `batch` times; -1 if no result passes.
 */
export const WINDOW = new Struct('Window', {
  wholeBatches: 'u32',
  smallBatches: 'u32',
  smallBatch: 'u32',
  budget: 'i32',
});

/** [position] The result of a window that closed. nanSteps: steps since the first NaN, 0 if there was none. */
export const RECORD = new Struct('Record', {
  lossSum: 'f32',
  hits: 'u32',
  smallHits: 'u32',
  nanSteps: 'u32',
  stableWindows: 'u32',
});

/**
 * [slot][sum][sample of the batch] What the steps add to the open window: losses (the bits of an f32), hits in whole
 * batches, hits in smaller ones, steps since the first NaN.
 */
export const SUMS = ['losses', 'hits', 'smallHits', 'nanSteps'] as const;

/** Fills up a batch that has fewer examples than the others, in the place of row indices. */
export const NO_ROW = 0xffffffff;

const namedSums = SUMS.map((name, k) => ({ name: `${name}Sum`, at: `${k}u` }));

/** For the shaders: how many sums there are and which is which. */
export const sumNames = wgsl`
const sumsOfWindow = ${SUMS.length}u;
#for sum in ${namedSums}
const $sum.name = $sum.at;
#endfor
`;

/** For the shaders: the index that names no row. */
export const noRow = wgsl`
const noRow = ${NO_ROW}u;
`;
