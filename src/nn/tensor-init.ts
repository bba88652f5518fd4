/**
 * PyTorch's init functions on tensors: they overwrite the tensor with what init.ts draws on the host, and return it.
 * Exported as `nn.init`.
 */
import { copy_ } from '../autograd/ops/in-place.js';
import { noGrad } from '../autograd/record.js';
import type { Generator } from '../random/generator.js';
import { checkTensor } from '../tensor/check-tensor.js';
import { generatorOr } from '../tensor/create.js';
import { type NdArray, ndarray } from '../tensor/ndarray.js';
import type { Tensor } from '../tensor/tensor.js';
import * as host from './init.js';

export type { KaimingOptions, Nonlinearity } from './init.js';
export { calculateGain } from './init.js';

type Draw = (array: NdArray, generator: Generator) => NdArray;

/** Overwrites the tensor with what `draw` draws. */
function fill(name: string, tensor: Tensor, generator: Generator | undefined, draw: Draw): Tensor {
  checkTensor(name, 'the first argument', tensor);
  const { data } = draw(ndarray(...tensor.shape), generatorOr(name, generator));
  return noGrad(() => copy_(tensor, data));
}

/** Uniforms of [from, to). Default [0, 1). Example: `nn.init.uniform_(layer.weight, -0.1, 0.1)`. */
export const uniform_ = (tensor: Tensor, from = 0, to = 1, generator?: Generator): Tensor =>
  fill('uniform_', tensor, generator, (array, source) => host.uniform_(array, source, from, to));

/** Normals. Default mean 0 and standard deviation 1. */
export const normal_ = (tensor: Tensor, mean = 0, std = 1, generator?: Generator): Tensor =>
  fill('normal_', tensor, generator, (array, source) => host.normal_(array, source, mean, std));

/** Normals cut off at `low` and `high`. Default mean 0, standard deviation 1, -2 and 2. */
export const truncNormal_ = (
  tensor: Tensor,
  mean = 0,
  std = 1,
  low = -2,
  high = 2,
  generator?: Generator,
): Tensor =>
  fill('truncNormal_', tensor, generator, (array, source) =>
    host.truncNormal_(array, source, mean, std, low, high),
  );

/** One value everywhere. */
export const constant_ = (tensor: Tensor, value: number): Tensor =>
  fill('constant_', tensor, undefined, (array) => host.constant_(array, value));

/** Zeros. */
export const zeros_ = (tensor: Tensor): Tensor => fill('zeros_', tensor, undefined, host.zeros_);

/** Ones. */
export const ones_ = (tensor: Tensor): Tensor => fill('ones_', tensor, undefined, host.ones_);

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export const eye_ = (tensor: Tensor): Tensor => fill('eye_', tensor, undefined, host.eye_);

/** Normals, and in each column of the matrix the share `sparsity` of zeros. Default standard deviation 0.01. */
export const sparse_ = (tensor: Tensor, sparsity: number, std = 0.01, generator?: Generator): Tensor =>
  fill('sparse_', tensor, generator, (array, source) => host.sparse_(array, source, sparsity, std));

/** U(-b, b) with `b = gain sqrt(6 / (fan_in + fan_out))`. Default gain 1. */
export const xavierUniform_ = (tensor: Tensor, gain = 1, generator?: Generator): Tensor =>
  fill('xavierUniform_', tensor, generator, (array, source) => host.xavierUniform_(array, source, gain));

/** N(0, std^2) with `std = gain sqrt(2 / (fan_in + fan_out))`. Default gain 1. */
export const xavierNormal_ = (tensor: Tensor, gain = 1, generator?: Generator): Tensor =>
  fill('xavierNormal_', tensor, generator, (array, source) => host.xavierNormal_(array, source, gain));

/** U(-b, b) with `b = gain sqrt(3 / fan)`. Example: `nn.init.kaimingUniform_(w, { nonlinearity: 'relu' })`. */
export const kaimingUniform_ = (
  tensor: Tensor,
  options: host.KaimingOptions = {},
  generator?: Generator,
): Tensor =>
  fill('kaimingUniform_', tensor, generator, (array, source) => host.kaimingUniform_(array, source, options));

/** N(0, std^2) with `std = gain / sqrt(fan)`. */
export const kaimingNormal_ = (
  tensor: Tensor,
  options: host.KaimingOptions = {},
  generator?: Generator,
): Tensor =>
  fill('kaimingNormal_', tensor, generator, (array, source) => host.kaimingNormal_(array, source, options));

/** A (semi-)orthogonal matrix times `gain`. Default gain 1. */
export const orthogonal_ = (tensor: Tensor, gain = 1, generator?: Generator): Tensor =>
  fill('orthogonal_', tensor, generator, (array, source) => host.orthogonal_(array, source, gain));
