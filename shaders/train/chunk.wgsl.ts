/**
 * What a chunk of steps is made of, as the training kernels and the trainer share it. A *slot* holds one run's state for as
 * long as it trains; a *position* is its place in one chunk. Structs and names only; no entry point.
 */
import { Struct } from '../shared/struct.js';
import { wgsl } from '../wgsl.js';

/** [position]: the run's slot, its steps in this chunk, and whether its window closes at the end (1 or 0). */
export const POSITION = new Struct('Position', { slot: 'u32', steps: 'u32', closes: 'u32' });

/** [slot]: AdamW's settings that do not change from step to step; decay: 1 - lr x weight decay. */
export const HYPER = new Struct('Hyper', {
  decay: 'f32',
  beta1: 'f32',
  oneMinusBeta1: 'f32',
  beta2: 'f32',
  oneMinusBeta2: 'f32',
  eps: 'f32',
});

/**
 * [position][step]: lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), and of the batch 1 / examples and examples, which are fewer
 * at the end of an epoch.
 */
export const STEP = new Struct('Step', {
  stepSize: 'f32',
  invRootCorrection2: 'f32',
  invCount: 'f32',
  count: 'f32',
});

/** [entry]: a position that reads from a bank of data, its steps, and where its dataset begins in it, in words. */
export const SOURCE = new Struct('Source', { position: 'u32', steps: 'u32', rows: 'u32', labels: 'u32' });

/**
 * [position]: the window that closes. Batches and examples in one, of whole ones and of smaller ones. budget: most misses
 * that pass, a miss in a whole batch weighing `smallBatch` and one in a smaller batch `batch`; -1 where no result passes.
 */
export const WINDOW = new Struct('Window', {
  wholeBatches: 'u32',
  smallBatches: 'u32',
  smallBatch: 'u32',
  budget: 'i32',
});

/** [position]: what came of a window that closed. nanSteps: steps since the first NaN, 0 where there was none. */
export const RECORD = new Struct('Record', {
  lossSum: 'f32',
  hits: 'u32',
  smallHits: 'u32',
  nanSteps: 'u32',
  stableWindows: 'u32',
});

/**
 * [slot][sum][sample of the batch]: what steps add to the open window. Losses (bits of an f32), hits in whole batches, hits in
 * smaller ones, steps since the first NaN.
 */
export const SUMS = ['losses', 'hits', 'smallHits', 'nanSteps'] as const;

/** An index in the order of examples that names no row: the rest of a batch that is smaller than the others. */
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
