/**
 * PyTorch's init functions (`torch.nn.init`) on host arrays: the same formulas, and the same draws from the same generator,
 * which comes last. They need no device and no tensor; init.ts offers them to users, for tensors too.
 */
import { badArgument, checkKind, checkNumber, checkText } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { checkGenerator, type Generator, isGenerator } from '../random/generator.js';
import { type NdArray, ndarray } from '../tensor/ndarray.js';
import { normalCdf, normalQuantile } from './normal-quantile.js';
import { orthonormalColumns } from './orthonormal.js';

/** Which activation follows a layer; what {@link calculateGain} knows. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leaky_relu' | 'selu';

const NONLINEARITIES: readonly Nonlinearity[] = ['linear', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu'];

/** Options of the Kaiming functions, with PyTorch's defaults. */
export interface KaimingOptions {
  /** Negative slope of the leaky ReLU that follows; counts for `leaky_relu` only. Default 0. */
  a?: number;
  /** Which extent keeps its variance: `fan_in` in the forward pass, `fan_out` in the backward pass. Default `fan_in`. */
  mode?: 'fan_in' | 'fan_out';
  /** Default `leaky_relu`. */
  nonlinearity?: Nonlinearity;
}

/** Weight [out, in] and bias [out] of a linear layer. */
export interface LinearParameters {
  weight: NdArray;
  bias: NdArray;
}

/**
 * The factor for a layer's standard deviation that suits the nonlinearity after it (`nn.init.calculate_gain`).
 *
 * @param param Negative slope of `leaky_relu`, default 0.01; unused by the others.
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  checkText('calculateGain', 'the nonlinearity', nonlinearity, NONLINEARITIES);
  checkNumber('calculateGain', 'param', param);
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.sqrt(2);
    case 'leaky_relu':
      return Math.sqrt(2 / (1 + param * param));
    case 'selu':
      return 3 / 4;
  }
}

/** Uniforms of [from, to). Default [0, 1). */
export function uniform_(array: NdArray, from = 0, to = 1, generator: Generator): NdArray {
  checkFill('uniform_', array, generator, from);
  generator.uniform(array.data, from, to);
  return array;
}

/** Normals of the given mean and standard deviation. Default 0 and 1. */
export function normal_(array: NdArray, mean = 0, std = 1, generator: Generator): NdArray {
  checkFill('normal_', array, generator, mean);
  generator.normal(array.data, mean, std);
  return array;
}

/** Normals cut off at `low` and `high`, by the inverse of the distribution function. Default 0, 1, -2 and 2. */
export function truncNormal_(
  array: NdArray,
  mean = 0,
  std = 1,
  low = -2,
  high = 2,
  generator: Generator,
): NdArray {
  checkFill('truncNormal_', array, generator, mean);
  checkNumber('truncNormal_', 'mean', mean);
  for (const value of [std, low, high]) checkKind('truncNormal_', 'an argument', value, 'number');
  if (!(std > 0)) throw badArgument('truncNormal_', 'the standard deviation', std, 'it has to be above 0');
  if (!(low < high)) {
    throw badArgument('truncNormal_', 'the lower bound', low, `it has to be below the upper one, ${high}`);
  }
  const bound = (x: number) => 2 * normalCdf((x - mean) / std) - 1;
  const { data } = uniform_(array, bound(low), bound(high), generator);
  // From here on PyTorch computes in float32: erfinv, times sqrt(2) std, plus the mean, then the cut.
  const scale = Math.fround(std * Math.SQRT2);
  for (let i = 0; i < data.length; i++) {
    const inverse = Math.fround(normalQuantile((data[i] + 1) / 2) / Math.SQRT2);
    const value = Math.fround(Math.fround(inverse * scale) + Math.fround(mean));
    data[i] = Math.min(Math.max(value, low), high);
  }
  return array;
}

/** One value everywhere. */
export function constant_(array: NdArray, value: number): NdArray {
  checkArray('constant_', array);
  if (typeof value !== 'number') throw badArgument('constant_', 'the value', value, 'a number fits');
  array.data.fill(value);
  return array;
}

/** Fills with 0. */
export function zeros_(array: NdArray): NdArray {
  checkArray('zeros_', array);
  return constant_(array, 0);
}

/** Fills with 1. */
export function ones_(array: NdArray): NdArray {
  checkArray('ones_', array);
  return constant_(array, 1);
}

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export function eye_(array: NdArray): NdArray {
  checkArray('eye_', array);
  const [rows, cols] = matrixOf(array, 'eye_');
  zeros_(array);
  for (let i = 0; i < Math.min(rows, cols); i++) array.data[i * (cols + 1)] = 1;
  return array;
}

/**
 * Normals, and in each column of the matrix the same share of zeros at random places (Martens 2010).
 *
 * @param sparsity The share of zeros, rounded up to whole elements of a column.
 * @param std Default 0.01.
 */
export function sparse_(array: NdArray, sparsity: number, std = 0.01, generator: Generator): NdArray {
  checkFill('sparse_', array, generator, sparsity);
  const [rows, cols] = matrixOf(array, 'sparse_');
  checkNumber('sparse_', 'the sparsity', sparsity, { min: 0, max: 1 });
  normal_(array, 0, std, generator);
  const zeros = Math.ceil(sparsity * rows);
  for (let col = 0; col < cols; col++) {
    for (const row of generator.randperm(rows).subarray(0, zeros)) array.data[row * cols + col] = 0;
  }
  return array;
}

/** Multiplies every element, as `weight.data *= factor` does in PyTorch: factor and product in float32. */
export function scale_(array: NdArray, factor: number): NdArray {
  checkArray('scale_', array);
  if (typeof factor !== 'number') throw badArgument('scale_', 'the factor', factor, 'a number fits');
  const { data } = array;
  const rounded = Math.fround(factor);
  for (let i = 0; i < data.length; i++) data[i] *= rounded;
  return array;
}

/**
 * U(-b, b) with `b = gain sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010).
 *
 * @example init.xavierUniform_(model.hidden.weight, init.calculateGain('relu'), model.generator);
 */
export function xavierUniform_(array: NdArray, gain = 1, generator: Generator): NdArray {
  checkFill('xavierUniform_', array, generator, gain);
  const bound = Math.sqrt(3) * xavierStd(array, gain, 'xavierUniform_');
  if (array.data.length === 0) return array;
  return uniform_(array, -bound, bound, generator);
}

/** N(0, std^2) with `std = gain sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio 2010). */
export function xavierNormal_(array: NdArray, gain = 1, generator: Generator): NdArray {
  checkFill('xavierNormal_', array, generator, gain);
  const std = xavierStd(array, gain, 'xavierNormal_');
  if (array.data.length === 0) return array;
  return normal_(array, 0, std, generator);
}

/** U(-b, b) with `b = gain sqrt(3 / fan)` (He et al. 2015). */
export function kaimingUniform_(array: NdArray, options: KaimingOptions = {}, generator: Generator): NdArray {
  checkFill('kaimingUniform_', array, generator, options);
  const bound = Math.sqrt(3) * kaimingStd(array, options, 'kaimingUniform_');
  if (array.data.length === 0) return array;
  return uniform_(array, -bound, bound, generator);
}

/**
 * N(0, std^2) with `std = gain / sqrt(fan)` (He et al. 2015).
 *
 * @example init.kaimingNormal_(model.hidden.weight, { nonlinearity: 'relu' }, model.generator);
 */
export function kaimingNormal_(array: NdArray, options: KaimingOptions = {}, generator: Generator): NdArray {
  checkFill('kaimingNormal_', array, generator, options);
  const std = kaimingStd(array, options, 'kaimingNormal_');
  if (array.data.length === 0) return array;
  return normal_(array, 0, std, generator);
}

/**
 * A (semi-)orthogonal matrix times `gain` (Saxe et al. 2013): the Q of a normal matrix, signs chosen so that R's
 * diagonal is positive. More than two dimensions count as [first, all others].
 */
export function orthogonal_(array: NdArray, gain = 1, generator: Generator): NdArray {
  checkFill('orthogonal_', array, generator, gain);
  checkNumber('orthogonal_', 'gain', gain);
  if (array.shape.length < 2) throw tooFewDimensions(array, 'orthogonal_');
  const rows = array.shape[0];
  const cols = array.data.length / rows;
  normal_(array, 0, 1, generator);
  // The columns of a tall matrix become orthonormal, else the rows.
  const tall = rows >= cols;
  const [m, n] = tall ? [rows, cols] : [cols, rows];
  const at = (i: number, j: number) => (tall ? i * cols + j : j * cols + i);
  const matrix = new Float64Array(m * n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) matrix[i * n + j] = array.data[at(i, j)];
  const q = orthonormalColumns(matrix, m, n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) array.data[at(i, j)] = q[i * n + j] * gain;
  return array;
}

/**
 * The parameters of `nn.Linear(inFeatures, outFeatures)` as PyTorch constructs them: weight, then bias, both
 * U(-1 / sqrt(in), 1 / sqrt(in)).
 */
export function linearParameters(
  inFeatures: number,
  outFeatures: number,
  generator: Generator,
): LinearParameters {
  checkNumber('linearParameters', 'inFeatures', inFeatures, { min: 0, whole: true });
  checkNumber('linearParameters', 'outFeatures', outFeatures, { min: 0, whole: true });
  checkGenerator('linearParameters', generator);
  const weight = ndarray(outFeatures, inFeatures);
  const bias = ndarray(outFeatures);
  // As PyTorch does it; the same bound written as 1 / sqrt(in) could be rounded otherwise.
  kaimingUniform_(weight, { a: Math.sqrt(5) }, generator);
  const bound = inFeatures > 0 ? 1 / Math.sqrt(inFeatures) : 0;
  uniform_(bias, -bound, bound, generator);
  return { weight, bias };
}

function xavierStd(array: NdArray, gain: number, name: string): number {
  checkNumber(name, 'gain', gain);
  const [fanIn, fanOut] = fans(array, name);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

function kaimingStd(array: NdArray, options: KaimingOptions, name: string): number {
  checkOptionNames(name, options, ['a', 'mode', 'nonlinearity']);
  const { a = 0, mode = 'fan_in', nonlinearity = 'leaky_relu' } = options;
  checkNumber(name, 'a', a);
  checkText(name, 'mode', mode, ['fan_in', 'fan_out']);
  checkText(name, 'nonlinearity', nonlinearity, NONLINEARITIES);
  const [fanIn, fanOut] = fans(array, name);
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === 'fan_in' ? fanIn : fanOut);
}

/** [fan_in, fan_out]: the second and first extent, each times the receptive field. */
function fans(array: NdArray, name: string): [number, number] {
  if (array.shape.length < 2) throw tooFewDimensions(array, name);
  const [out, into, ...field] = array.shape;
  const receptive = field.reduce((product, extent) => product * extent, 1);
  return [into * receptive, out * receptive];
}

function matrixOf({ shape }: NdArray, name: string): [number, number] {
  if (shape.length === 2) return [shape[0], shape[1]];
  throw new LockstepError(
    'bad-input',
    `${name}: an array of shape [${shape}] is no matrix; give one of two dimensions.`,
  );
}

function tooFewDimensions(array: NdArray, name: string): LockstepError {
  return new LockstepError(
    'bad-input',
    `${name}: an array of shape [${array.shape}] has no fan-in and fan-out; give one of two or more dimensions.`,
  );
}

function checkArray(name: string, array: unknown): void {
  const { shape, data } = (array ?? {}) as Partial<NdArray>;
  if (Array.isArray(shape) && data instanceof Float32Array) return;
  throw badArgument(
    name,
    'the first argument',
    array,
    'a tensor or an array fits, as layer.weight or ndarray(2, 3)',
  );
}

/** `second` is the argument after the array. In earlier versions that was the generator. */
function checkFill(name: string, array: unknown, generator: unknown, second: unknown): void {
  checkArray(name, array);
  if (isGenerator(second)) {
    throw badArgument(name, 'the second argument', second, 'the generator comes last, as in PyTorch');
  }
  checkGenerator(name, generator);
}
