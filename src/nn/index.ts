/** The layers and init functions, as the public `nn`. */

export { type ClipOptions, clipGradNorm_ } from './clip.js';
export { FusedMlp, type LayerOptions, LeakyReLU, Linear, ReLU, Sequential, Sigmoid, Tanh } from './layers.js';
export { Module, type StateDict } from './module.js';
export {
  loadSafetensors,
  readSafetensorsHeader,
  type SafetensorsHeader,
  saveSafetensors,
} from './safetensors.js';
export * as init from './tensor-init.js';
