/**
 * PyTorch's init functions (`torch.nn.init`), exported as `nn.init` and, for strategies, as `init`. They overwrite a tensor
 * or a host array in place, hence PyTorch's trailing underscore, and return it. The numbers are drawn by host-init.ts.
 *
 * The arguments are PyTorch's, in PyTorch's order, with the generator last. For tensors it may be left out: then the program's
 * generator is used, which `manualSeed` seeds. For arrays it may not, as a strategy has to draw from its own generator.
 */
import { mul } from '../autograd/ops/elementwise.js';
import { copy_ } from '../autograd/ops/in-place.js';
import { noGrad } from '../autograd/record.js';
import { checkNumber } from '../platform/arguments.js';
import type { Generator } from '../random/generator.js';
import { generatorOr } from '../tensor/create.js';
import { type NdArray, ndarray } from '../tensor/ndarray.js';
import { Tensor } from '../tensor/tensor.js';
import * as host from './host-init.js';

export type { KaimingOptions, LinearParameters, Nonlinearity } from './host-init.js';
export { calculateGain, linearParameters } from './host-init.js';

/** Overwrites the target with what `draw` draws into an array. Only tensors fall back on the program's generator. */
function fill<T extends Tensor | NdArray>(
  name: string,
  target: T,
  generator: Generator | undefined,
  draw: (array: NdArray, generator: Generator) => void,
): T {
  if (target instanceof Tensor) {
    const array = ndarray(...target.shape);
    draw(array, generatorOr(name, generator));
    noGrad(() => copy_(target, array.data));
  } else {
    draw(target, generator as Generator); // refused by `draw` where it is missing
  }
  return target;
}

/**
 * Uniform numbers of [from, to). Default [0, 1).
 *
 * @example nn.init.uniform_(layer.weight, -0.1, 0.1);
 */
export const uniform_ = <T extends Tensor | NdArray>(target: T, from = 0, to = 1, generator?: Generator): T =>
  fill('uniform_', target, generator, (array, source) => host.uniform_(array, from, to, source));

/**
 * Normal numbers. Default mean 0 and standard deviation 1.
 *
 * @example init.normal_(model.output.weight, 0, 0.01, model.generator);
 */
export const normal_ = <T extends Tensor | NdArray>(target: T, mean = 0, std = 1, generator?: Generator): T =>
  fill('normal_', target, generator, (array, source) => host.normal_(array, mean, std, source));

/** Normal numbers cut off at `low` and `high`. Default mean 0, standard deviation 1, cut at -2 and 2. */
export const truncNormal_ = <T extends Tensor | NdArray>(
  target: T,
  mean = 0,
  std = 1,
  low = -2,
  high = 2,
  generator?: Generator,
): T =>
  fill('truncNormal_', target, generator, (array, source) =>
    host.truncNormal_(array, mean, std, low, high, source),
  );

/** Fills with one value. */
export const constant_ = <T extends Tensor | NdArray>(target: T, value: number): T =>
  fill('constant_', target, undefined, (array) => host.constant_(array, value));

/** Fills with 0. */
export const zeros_ = <T extends Tensor | NdArray>(target: T): T =>
  fill('zeros_', target, undefined, host.zeros_);

/** Fills with 1. */
export const ones_ = <T extends Tensor | NdArray>(target: T): T =>
  fill('ones_', target, undefined, host.ones_);

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export const eye_ = <T extends Tensor | NdArray>(target: T): T => fill('eye_', target, undefined, host.eye_);

/**
 * Normal numbers, and in each column of the matrix the share `sparsity` of zeros at random places (Martens 2010).
 *
 * @param sparsity 0 to 1; rounded up to whole elements of a column.
 * @param std Standard deviation of the others. Default 0.01.
 */
export const sparse_ = <T extends Tensor | NdArray>(
  target: T,
  sparsity: number,
  std = 0.01,
  generator?: Generator,
): T => fill('sparse_', target, generator, (array, source) => host.sparse_(array, sparsity, std, source));

/** Multiplies every element, as `weight.data *= factor` does in PyTorch: factor and product in float32. */
export function scale_<T extends Tensor | NdArray>(target: T, factor: number): T {
  if (!(target instanceof Tensor)) {
    host.scale_(target, factor);
    return target;
  }
  checkNumber('scale_', 'the factor', factor);
  noGrad(() => {
    const scaled = mul(target, factor);
    copy_(target, scaled);
    scaled.dispose();
  });
  return target;
}

/**
 * U(-b, b) with `b = gain sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010). Default gain 1.
 *
 * @example init.xavierUniform_(model.hidden.weight, init.calculateGain('relu'), model.generator);
 */
export const xavierUniform_ = <T extends Tensor | NdArray>(target: T, gain = 1, generator?: Generator): T =>
  fill('xavierUniform_', target, generator, (array, source) => host.xavierUniform_(array, gain, source));

/** N(0, std^2) with `std = gain sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio 2010). Default gain 1. */
export const xavierNormal_ = <T extends Tensor | NdArray>(target: T, gain = 1, generator?: Generator): T =>
  fill('xavierNormal_', target, generator, (array, source) => host.xavierNormal_(array, gain, source));

/**
 * U(-b, b) with `b = gain sqrt(3 / fan)` (He et al. 2015).
 *
 * @example nn.init.kaimingUniform_(layer.weight, { nonlinearity: 'relu' });
 */
export const kaimingUniform_ = <T extends Tensor | NdArray>(
  target: T,
  options: host.KaimingOptions = {},
  generator?: Generator,
): T =>
  fill('kaimingUniform_', target, generator, (array, source) => host.kaimingUniform_(array, options, source));

/**
 * N(0, std^2) with `std = gain / sqrt(fan)` (He et al. 2015).
 *
 * @example init.kaimingNormal_(model.hidden.weight, { nonlinearity: 'relu' }, model.generator);
 */
export const kaimingNormal_ = <T extends Tensor | NdArray>(
  target: T,
  options: host.KaimingOptions = {},
  generator?: Generator,
): T =>
  fill('kaimingNormal_', target, generator, (array, source) => host.kaimingNormal_(array, options, source));

/**
 * A (semi-)orthogonal matrix times `gain` (Saxe et al. 2013). More than two dimensions count as [first, all others].
 * Default gain 1.
 */
export const orthogonal_ = <T extends Tensor | NdArray>(target: T, gain = 1, generator?: Generator): T =>
  fill('orthogonal_', target, generator, (array, source) => host.orthogonal_(array, gain, source));
