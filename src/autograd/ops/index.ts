/** All differentiable operations, re-exported. */
export {
  abs,
  add,
  cast,
  clamp,
  div,
  eq,
  exp,
  ge,
  gt,
  type LeakyReluOptions,
  le,
  leakyRelu,
  log,
  lt,
  maximum,
  minimum,
  mul,
  ne,
  neg,
  pow,
  relu,
  sigmoid,
  sign,
  softplus,
  sqrt,
  sub,
  tanh,
  where,
} from './elementwise.js';
export { fusedMlp, fusedMlpBce } from './fused-mlp.js';
export {
  bceLoss,
  bceWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  type LossOptions,
  mse,
  type Reduction,
} from './loss.js';
export { linear, matmul } from './matmul.js';
export { type Axes, argmax, max, mean, min, type ReduceOptions, sum } from './reduce.js';
export { concat, contiguous, expand, indexSelect, reshape, slice, transpose } from './shape.js';
export { logSoftmax, softmax } from './softmax.js';
