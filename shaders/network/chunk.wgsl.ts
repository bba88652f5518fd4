/**
 * The data that the host hands to the kernel for a chunk of steps of networks in lockstep, and the results that come back. A
 * *position* is a run's place in one chunk. A *stage* is one part of a step; runs of the same network share their stages. Structs
 * and numbers only; no entry point.
 */
import { Struct } from '../shared/struct.js';

/** In place of an offset: there is no such thing, for instance no bias, no order. */
export const NONE = 0xffffffff;

/** Parts of a step, by number. */
export const STAGE_KINDS = {
  /** Copies the batch's rows and targets out of the dataset. */
  gather: 0,
  /** A layer: C = activation(A B + bias). */
  forward: 1,
  /** The loss of each example, and the gradient by the sums of the last layer (the inputs of its activation). */
  loss: 2,
  /** Adds up the losses and hits of the batch, and writes them to the results. */
  tally: 3,
  /** The gradient by a layer's sums, from the gradient by the next layer's sums: C = (A B) x activation'. */
  inputGradient: 4,
  /** The gradient by a layer's weights, and the optimizer's step with it. */
  weightGradient: 5,
  /** The same for its biases. */
  biasGradient: 6,
  /** C[columns, rows] = A[rows, columns]: a copy of weights, laid out so that the product after it reads neighbours. */
  transpose: 7,
  /** Counts the examples of a sampler's batch that are not of the class that the loss ignores. */
  count: 8,
} as const;

/**
 * Flags: whether the rows or the depth of a stage are the examples of the batch, which are fewer at the end of an epoch.
 */
export const BATCH_ROWS = 1;
export const BATCH_DEPTH = 2;

/**
 * Losses are added up in this many sums, whatever the workgroup's size: always in the same order. Parts of a batch that are not its
 * last have a multiple of this many examples, so that the order does not depend on how the batch is cut.
 */
export const STRIPES = 64;

/**
 * [stage]: a product C[rows, columns] = A[rows, depth] B[depth, columns]. `a`, `b`, `c` and `bias` are offsets in floats from the
 * beginning of the run's memory; `aRow`, `aDepth`, `bDepth` and `bColumn` are the distances from one row, depth or column to the
 * next. Where the derivative of an activation is needed, `below` is where its outputs are, and `kept` where its inputs are
 * ({@link NONE} if the outputs suffice). A forward stage keeps the inputs of its activation at `kept`. The other kinds use
 * the fields as step.wgsl.ts says at their functions.
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

export type Stage = Parameters<typeof STAGE.array>[0][number];

/**
 * How the rows or the targets of a dataset are stored. `signs`: as bits that mean -1 and 1. `sampler`: not at all; there are the
 * parameters of a sampler, which makes them.
 */
export const FORMATS = { floats: 0, bits: 1, signs: 2, classes: 3, sampler: 4 } as const;

/**
 * [position]: a run in this chunk: where its memory, stages, steps and dataset begin, its loss and its optimizer. Offsets are in
 * words. `ordered`: 1 if rows are read by the order, 0 if one after the other. `gradients`: where gradients are kept between the
 * parts of a batch. The last three are for samplers: the key and the stream of the random numbers.
 */
export const POSITION = new Struct('Position', {
  memory: 'u32',
  firstStage: 'u32',
  stages: 'u32',
  firstStep: 'u32',
  steps: 'u32',
  ordered: 'u32',
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
  gradients: 'u32',
  beta2: 'f32',
  oneMinusBeta2: 'f32',
  eps: 'f32',
  weightDecay: 'f32',
  nesterov: 'u32',
  keyLow: 'u32',
  keyHigh: 'u32',
  stream: 'u32',
});

/**
 * [position][part of a step]: the numbers from `shrink` to `gradientShare` are for the optimizer (optimizers.wgsl.ts). `count`:
 * the examples of the part; `examples`: those of the batch; `row`: where its rows begin in the order, or its first row, or for a sampler its first example's
 * number; `draw`: the number of the step, for a sampler; `invNumbers`: 1 / the number of values of the batch that the loss is
 * averaged over; `isFirst`: 1 in the optimizer's first step; `begins` and `ends`: 1 for the first and the last part of a batch.
 */
export const STEP = new Struct('Step', {
  shrink: 'f32',
  stepSize: 'f32',
  invRootCorrection2: 'f32',
  beta1: 'f32',
  gradientShare: 'f32',
  invNumbers: 'f32',
  count: 'u32',
  examples: 'u32',
  row: 'u32',
  draw: 'u32',
  isFirst: 'u32',
  begins: 'u32',
  ends: 'u32',
});

/**
 * [position][part of a step]: the batch's mean loss; how many outputs (examples, if they have classes) were right, and of how many.
 * Written for the last part of a batch only.
 */
export const RESULT = new Struct('Result', { loss: 'f32', hits: 'f32', counted: 'f32' });
