/**
 * What a chunk of steps of networks in lockstep is made of, as host and kernel share it. A *position* is a run's place in one
 * chunk; a *stage* is one part of a step, the same for all runs of a network. Structs and numbers only; no entry point.
 */
import { Struct } from '../shared/struct.js';

/** Says that something is not there: an offset, an order. */
export const NONE = 0xffffffff;

/** The class that is ignored where none is: no target is half a class. */
export const NO_CLASS = 0.5;

/** Parts of a step, by number. */
export const STAGE_KINDS = {
  /** Copies the batch's rows and targets out of the dataset. */
  gather: 0,
  /** A layer: C = activation(A B + bias). */
  forward: 1,
  /** Loss of each example, and the gradient by the last layer's sums. */
  loss: 2,
  /** Adds the batch's losses and hits up, and writes a result. */
  tally: 3,
  /** The gradient by a layer's sums, of that by the next layer's: C = (A B) x activation'. */
  inputGradient: 4,
  /** The gradient by a layer's weights, and the optimizer's step with it. */
  weightGradient: 5,
  /** The same for its biases. */
  biasGradient: 6,
  /** C[columns, rows] = A[rows, columns]: weights as the product after it reads them, columns side by side. */
  transpose: 7,
} as const;

/** Which extents of a stage are the batch's, which has fewer examples at the end of an epoch. */
export const BATCH_ROWS = 1;
export const BATCH_DEPTH = 2;

/**
 * [stage]: a product C[rows, columns] = A[rows, depth] B[depth, columns], its factors by offset and pitches in floats from the
 * begin of the run's memory. `bias`: of the layer. `below`: outputs of the layer whose activation's derivative is taken, and
 * `kept` what went into it, {@link NONE} where the outputs suffice; of a forward stage, where to keep it.
 */
export const STAGE = new Struct('Stage', {
  kind: 'u32',
  rows: 'u32',
  columns: 'u32',
  depth: 'u32',
  a: 'u32',
  aRow: 'u32',
  aDepth: 'u32',
  b: 'u32',
  bDepth: 'u32',
  bColumn: 'u32',
  c: 'u32',
  bias: 'u32',
  below: 'u32',
  kept: 'u32',
  activation: 'u32',
  parameter: 'f32',
  batchExtents: 'u32',
});

/**
 * How rows and targets of a dataset lie in memory. `signs`: bits that mean -1 and 1. `sampler`: there are none; what lies
 * there are the parameters of the sampler that makes them.
 */
export const FORMATS = { floats: 0, bits: 1, signs: 2, classes: 3, sampler: 4 } as const;

/**
 * [position]: a run in this chunk. Where its memory, stages, steps, order, dataset and results begin; its loss and its
 * optimizer. Offsets into memory and data are in words, `order` too ({@link NONE}: the rows from `firstRow` on). Of a sampler
 * its key and stream, and the number of the first step.
 */
export const POSITION = new Struct('Position', {
  memory: 'u32',
  firstStage: 'u32',
  stages: 'u32',
  firstStep: 'u32',
  steps: 'u32',
  order: 'u32',
  batch: 'u32',
  firstRow: 'u32',
  rows: 'u32',
  rowWords: 'u32',
  rowFormat: 'u32',
  targets: 'u32',
  targetWords: 'u32',
  targetFormat: 'u32',
  targetWidth: 'u32',
  loss: 'u32',
  lossParameter: 'f32',
  optimizer: 'u32',
  firstMoments: 'u32',
  secondMoments: 'u32',
  beta1: 'f32',
  gradientShare: 'f32',
  beta2: 'f32',
  oneMinusBeta2: 'f32',
  eps: 'f32',
  weightDecay: 'f32',
  nesterov: 'u32',
  keyLow: 'u32',
  keyHigh: 'u32',
  stream: 'u32',
  drawStep: 'u32',
});

/**
 * [position][step]: what the optimizer takes of a step; examples of the batch; 1 / the numbers that the loss is averaged over;
 * 1 in a run's first step.
 */
export const STEP = new Struct('Step', {
  shrink: 'f32',
  stepSize: 'f32',
  invRootCorrection2: 'f32',
  count: 'u32',
  invNumbers: 'f32',
  isFirst: 'u32',
});

/** [position][step]: mean loss of the batch, outputs (of classes: examples) that were right, and how many counted. */
export const RESULT = new Struct('Result', { loss: 'f32', hits: 'f32', counted: 'f32' });
