/**
 * PyTorch's init functions on tensors: they overwrite the tensor with what init.ts draws on the host, and return it.
 * Exported as `nn.init`.
 */
import { copy_ } from '../autograd/ops/in-place.js';
import { noGrad } from '../autograd/record.js';
import type { Generator } from '../random/generator.js';
import { generatorOr } from '../tensor/create.js';
import { type NdArray, ndarray } from '../tensor/ndarray.js';
import type { Tensor } from '../tensor/tensor.js';
import * as host from './init.js';

export type { KaimingOptions, Nonlinearity } from './init.js';
export { calculateGain } from './init.js';

function fill(tensor: Tensor, draw: (array: NdArray) => NdArray): Tensor {
  const { data } = draw(ndarray(...tensor.shape));
  return noGrad(() => copy_(tensor, data));
}

/** Uniforms of [from, to). Default [0, 1). Example: `nn.init.uniform_(layer.weight, -0.1, 0.1)`. */
export const uniform_ = (tensor: Tensor, from = 0, to = 1, generator?: Generator): Tensor =>
  fill(tensor, (array) => host.uniform_(array, generatorOr(generator), from, to));

/** Normals. Default mean 0 and standard deviation 1. */
export const normal_ = (tensor: Tensor, mean = 0, std = 1, generator?: Generator): Tensor =>
  fill(tensor, (array) => host.normal_(array, generatorOr(generator), mean, std));

/** Normals cut off at `low` and `high`. Default mean 0, standard deviation 1, -2 and 2. */
export const truncNormal_ = (
  tensor: Tensor,
  mean = 0,
  std = 1,
  low = -2,
  high = 2,
  generator?: Generator,
): Tensor => fill(tensor, (array) => host.truncNormal_(array, generatorOr(generator), mean, std, low, high));

/** One value everywhere. */
export const constant_ = (tensor: Tensor, value: number): Tensor =>
  fill(tensor, (array) => host.constant_(array, value));

/** Zeros. */
export const zeros_ = (tensor: Tensor): Tensor => constant_(tensor, 0);

/** Ones. */
export const ones_ = (tensor: Tensor): Tensor => constant_(tensor, 1);

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export const eye_ = (tensor: Tensor): Tensor => fill(tensor, host.eye_);

/** Normals, and in each column of the matrix the share `sparsity` of zeros. Default standard deviation 0.01. */
export const sparse_ = (tensor: Tensor, sparsity: number, std = 0.01, generator?: Generator): Tensor =>
  fill(tensor, (array) => host.sparse_(array, generatorOr(generator), sparsity, std));

/** U(-b, b) with `b = gain sqrt(6 / (fan_in + fan_out))`. Default gain 1. */
export const xavierUniform_ = (tensor: Tensor, gain = 1, generator?: Generator): Tensor =>
  fill(tensor, (array) => host.xavierUniform_(array, generatorOr(generator), gain));

/** N(0, std^2) with `std = gain sqrt(2 / (fan_in + fan_out))`. Default gain 1. */
export const xavierNormal_ = (tensor: Tensor, gain = 1, generator?: Generator): Tensor =>
  fill(tensor, (array) => host.xavierNormal_(array, generatorOr(generator), gain));

/** U(-b, b) with `b = gain sqrt(3 / fan)`. Example: `nn.init.kaimingUniform_(w, { nonlinearity: 'relu' })`. */
export const kaimingUniform_ = (
  tensor: Tensor,
  options: host.KaimingOptions = {},
  generator?: Generator,
): Tensor => fill(tensor, (array) => host.kaimingUniform_(array, generatorOr(generator), options));

/** N(0, std^2) with `std = gain / sqrt(fan)`. */
export const kaimingNormal_ = (
  tensor: Tensor,
  options: host.KaimingOptions = {},
  generator?: Generator,
): Tensor => fill(tensor, (array) => host.kaimingNormal_(array, generatorOr(generator), options));

/** A (semi-)orthogonal matrix times `gain`. Default gain 1. */
export const orthogonal_ = (tensor: Tensor, gain = 1, generator?: Generator): Tensor =>
  fill(tensor, (array) => host.orthogonal_(array, generatorOr(generator), gain));
