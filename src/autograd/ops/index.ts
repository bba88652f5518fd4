/** All differentiable operations, re-exported. */
export { permute, split, squeeze, stack, unsqueeze } from './axes.js';
export { type CrossEntropyOptions, crossEntropy, type NllOptions, nll } from './cross-entropy.js';
export {
  abs,
  add,
  cast,
  clamp,
  cos,
  div,
  eq,
  exp,
  type GeluOptions,
  ge,
  gelu,
  gt,
  type LeakyReluOptions,
  le,
  leakyRelu,
  log,
  lt,
  maskedFill,
  maximum,
  minimum,
  mul,
  ne,
  neg,
  pow,
  relu,
  round,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  sqrt,
  sub,
  tanh,
  where,
  zerosLike,
} from './elementwise.js';
export { fusedMlp, fusedMlpBce } from './fused-mlp.js';
export { gather, oneHot } from './indexing.js';
export { type LayerNormSettings, layerNorm } from './layer-norm.js';
export {
  type BceWithLogitsOptions,
  bceLoss,
  bceWithLogits,
  type HuberOptions,
  hinge,
  huber,
  type LossOptions,
  l1,
  mse,
  type Reduction,
  type SmoothL1Options,
  smoothL1,
} from './loss.js';
export { linear, matmul } from './matmul.js';
export { type Axes, argmax, argmin, max, mean, min, type ReduceOptions, sum } from './reduce.js';
export { concat, contiguous, expand, indexSelect, reshape, slice, transpose } from './shape.js';
export { logSoftmax, softmax } from './softmax.js';
export {
  cumsum,
  logsumexp,
  type NormOptions,
  norm,
  std,
  type VarianceOptions,
  variance,
} from './statistics.js';
