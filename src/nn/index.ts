/** The layers and init functions, as the public `nn`. */

export {
  GELU,
  LeakyReLU,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  type SoftmaxOptions,
  Tanh,
} from './activations.js';
export { type ClipOptions, clipGradNorm_ } from './clip.js';
export { Dropout, type DropoutOptions } from './dropout.js';
export * as init from './init.js';
export { FusedMlp, type LayerOptions, Linear } from './layers.js';
export { Module, type StateDict } from './module.js';
export {
  loadSafetensors,
  readSafetensorsHeader,
  type SafetensorsHeader,
  saveSafetensors,
} from './safetensors.js';
export { Sequential, type Step } from './sequential.js';
export { Embedding, Flatten, type FlattenOptions, LayerNorm, type LayerNormOptions } from './shaping.js';
export { Stacked, stack } from './stack.js';
export { stackStateDicts } from './stack-state.js';
