/**
 * Functions that make tensors: from nested lists, typed arrays, constants, ranges and random numbers, and over buffers that
 * are on the device already. Random numbers are drawn on the host, as PyTorch's CPU generator draws them.
 */
import { defaultDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { BufferUsage } from '../gpu/usage.js';
import { checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { allocated } from '../platform/host-memory.js';
import { showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import { checkGenerator, checkPermutationLength, Generator } from '../random/generator.js';
import { checkTensor } from './check-tensor.js';
import { BYTES_PER_ELEMENT, checkDtype, type DType, type HostArray, hostArray } from './dtype.js';
import { hostValues, type TypedArray, valuesOf } from './host-values.js';
import { checkRandomOptions, checkTensorOptions, type RandomOptions, type TensorOptions } from './options.js';
import { checkShape, numelOf, type Shape, showShape } from './shape.js';
import { Storage } from './storage.js';
import type { NestedArray } from './strided-values.js';
import { Tensor } from './tensor.js';

let defaultGenerator = new Generator(0);

/** Seeds the generator that random constructors and layers use when none is given, as `torch.manual_seed` does. */
export function manualSeed(seed: number): void {
  checkNumber('manualSeed', 'the seed', seed, { whole: true });
  defaultGenerator = new Generator(seed);
}

/** Calls `make` with a generator of this seed in place of the program's, which stays where it was. @internal */
export function withSeed<T>(seed: number, make: () => T): T {
  const kept = defaultGenerator;
  defaultGenerator = new Generator(seed);
  try {
    return make();
  } finally {
    defaultGenerator = kept;
  }
}

/** The generator that was given, else the program's. @internal */
export function generatorOr(where: string, generator?: Generator): Generator {
  if (generator === undefined) return defaultGenerator;
  checkGenerator(where, generator);
  return generator;
}

/** A tensor with these row-major elements. @internal */
export function upload(data: HostArray, shape: Shape, dtype: DType, options: TensorOptions = {}): Tensor {
  const device = options.device ?? defaultDevice();
  const result = Tensor.empty(device, shape, dtype);
  if (data.length > 0) device.commands.write(result.storage.buffer, 0, data);
  if (options.requiresGrad) result.requiresGrad = true;
  return result;
}

/** Zeros on the host for a tensor of this shape. Throws where the device has no room for it. */
function zerosOnHost(where: string, dtype: DType, shape: Shape, device?: Device): HostArray {
  checkShape(where, shape);
  checkDtype(where, dtype);
  checkRoom(where, shape, device);
  const elements = numelOf(shape);
  return allocated(where, `${elements} elements, of shape ${showShape(shape)},`, () =>
    hostArray(dtype, elements),
  );
}

/** Throws for a tensor that does not fit one of the device's buffers, before random numbers are drawn for it. */
function checkRoom(where: string, shape: Shape, device = defaultDevice()): void {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  const bytes = numelOf(shape) * BYTES_PER_ELEMENT;
  if (bytes > most) {
    throw new LockstepError(
      'unsupported',
      `${where}: the shape ${showShape(shape)} takes ${bytes} bytes; this device has room for ${most} in one tensor.`,
    );
  }
}

/**
 * A tensor from a number, nested lists, or a typed array (with `shape`, default one axis). Floats become f32, signed
 * and unsigned typed arrays i32 and u32, lists of booleans only bool, unless `dtype` says otherwise. Typed arrays give
 * their elements, not their bits: of a file's Buffer each byte is a number, of `new Float32Array(buffer)` each float32.
 * BigInts are accepted up to 2^53.
 *
 * @throws LockstepError `bad-input` for ragged lists, for lists with holes, and for values that the dtype cannot hold:
 * fractions and NaN as i32 and u32, whole numbers out of range, finite numbers beyond float32's.
 * @example
 * const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
 * const w = tensor(new Float32Array(6), { shape: [2, 3], requiresGrad: true });
 */
export function tensor(
  values: NestedArray | TypedArray,
  options: TensorOptions & { shape?: Shape } = {},
): Tensor {
  checkTensorOptions('tensor', options, ['requiresGrad', 'shape']);
  const { flat, shape: natural, dtype: own } = valuesOf('tensor', values);
  const { shape = natural, dtype = own } = options;
  checkShape('tensor', shape);
  if (numelOf(shape) !== flat.length) {
    throw new LockstepError(
      'bad-input',
      `tensor: ${flat.length} values do not fill the shape ${showShape(shape)}.`,
    );
  }
  checkRoom('tensor', shape, options.device);
  return upload(hostValues('tensor', flat, dtype), shape, dtype, options);
}

/** A tensor filled with one value, dtype f32 or, for true and false, bool. Example: `full([2, 3], 0.5)`. */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  return filled('full', shape, value, options);
}

function filled(where: string, shape: Shape, value: number | boolean, options: TensorOptions): Tensor {
  checkShape(where, shape);
  checkTensorOptions(where, options);
  const { dtype = typeof value === 'boolean' ? 'bool' : 'f32', device } = options;
  const data = zerosOnHost(where, dtype, shape, device);
  const [element] = hostValues(where, [value], dtype);
  return upload(data.fill(element), shape, dtype, options);
}

/** A tensor of zeros. Example: `zeros([2, 3], { dtype: 'i32' })`. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled('zeros', shape, 0, options);
}

/** A tensor of ones. Example: `ones([2, 3])`. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled('ones', shape, 1, options);
}

/**
 * The numbers from `start` up to but not including `end`, `step` apart: `torch.arange`. With one argument, from 0.
 * Default dtype i32 for whole numbers, else f32.
 *
 * @example
 * arange(5);         // 0 1 2 3 4
 * arange(0, 1, 0.25); // 0 0.25 0.5 0.75
 */
export function arange(end: number, options?: TensorOptions): Tensor;
export function arange(start: number, end: number, step?: number, options?: TensorOptions): Tensor;
export function arange(
  first: number,
  second?: number | TensorOptions,
  step = 1,
  last: TensorOptions = {},
): Tensor {
  const [start, end] = typeof second === 'number' ? [first, second] : [0, first];
  const options = typeof second === 'object' ? second : last;
  checkNumber('arange', typeof second === 'number' ? 'the start' : 'the end', first);
  if (typeof second !== 'object' && second !== undefined) checkNumber('arange', 'the end', second);
  checkNumber('arange', 'the step', step);
  checkTensorOptions('arange', options);
  const count = Math.ceil((end - start) / step);
  if (!(Number.isFinite(count) && count >= 0)) {
    throw new LockstepError('bad-input', `arange: from ${start} to ${end} by ${step} never ends.`);
  }
  const dtype = options.dtype ?? ([start, end, step].every(Number.isInteger) ? 'i32' : 'f32');
  checkShape('arange', [count]);
  checkRoom('arange', [count], options.device);
  const values = allocated('arange', `${count} numbers`, () =>
    Array.from({ length: count }, (_, i) => start + i * step),
  );
  return upload(hostValues('arange', values, dtype), [count], dtype, options);
}

/** The identity matrix, [n, n]. Example: `eye(3)`. */
export function eye(n: number, options: TensorOptions = {}): Tensor {
  checkNumber('eye', 'the size', n, { min: 0, whole: true });
  checkTensorOptions('eye', options);
  const { dtype = 'f32', device } = options;
  const data = zerosOnHost('eye', dtype, [n, n], device);
  for (let i = 0; i < n; i++) data[i * (n + 1)] = 1;
  return upload(data, [n, n], dtype, options);
}

/** Uniform numbers of [0, 1), the ones that `torch.rand` draws. Example: `rand([2, 3], { generator })`. */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  checkRandomOptions('rand', options);
  const data = zerosOnHost('rand', 'f32', shape, options.device) as Float32Array;
  generatorOr('rand', options.generator).uniform(data);
  return upload(data, shape, 'f32', options);
}

/** Normal numbers, mean 0 and variance 1, the ones that `torch.randn` draws (within 2e-6). */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  checkRandomOptions('randn', options);
  const data = zerosOnHost('randn', 'f32', shape, options.device) as Float32Array;
  generatorOr('randn', options.generator).normal(data);
  return upload(data, shape, 'f32', options);
}

/**
 * Whole numbers of [low, high), dtype i32, the ones that `torch.randint` draws. Example: `randint(0, 10, [32])`.
 *
 * @throws LockstepError `bad-input` where low is not below high, or the range is not within i32.
 */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  checkRandomOptions('randint', options);
  const data = zerosOnHost('randint', 'i32', shape, options.device) as Int32Array;
  generatorOr('randint', options.generator).randintFill(data, low, high);
  return upload(data, shape, 'i32', options);
}

/** The numbers 0 to n - 1 in random order, dtype i32, as `torch.randperm` orders them. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  checkRandomOptions('randperm', options);
  checkPermutationLength(n);
  checkRoom('randperm', [n], options.device);
  const order = generatorOr('randperm', options.generator).randperm(n);
  return upload(Int32Array.from(order), [n], 'i32', options);
}

/**
 * A tensor over a buffer of the caller's (usage STORAGE and COPY_SRC), dense from its start. The buffer stays the
 * caller's: disposing the tensor leaves it alive, and it has to outlive the tensor.
 *
 * @throws LockstepError `bad-input` when the buffer is too small, or made for other uses.
 */
export function fromBuffer(
  buffer: GPUBuffer,
  shape: Shape,
  options: Omit<TensorOptions, 'requiresGrad'> = {},
): Tensor {
  checkShape('fromBuffer', shape);
  checkTensorOptions('fromBuffer', options, []);
  const { device = defaultDevice(), dtype = 'f32' } = options;
  checkBuffer('fromBuffer', buffer, BufferUsage.STORAGE | BufferUsage.COPY_SRC, 'STORAGE and COPY_SRC');
  const bytes = numelOf(shape) * BYTES_PER_ELEMENT;
  if (buffer.size < bytes) {
    throw new LockstepError(
      'bad-input',
      `fromBuffer: the shape ${showShape(shape)} takes ${bytes} bytes; the buffer has ${buffer.size}.`,
    );
  }
  return new Tensor(new Storage(device, bytes, { buffer, release: () => {} }), dtype, shape);
}

/**
 * Copies a tensor's elements, dense and row-major, into a buffer of the caller's (usage COPY_DST).
 *
 * @param targetOffset Where to begin in the buffer, in bytes; a multiple of 4. Default 0.
 * @throws LockstepError `bad-input` where they do not fit, and for strided views.
 */
export function copyToBuffer(source: Tensor, target: GPUBuffer, targetOffset = 0): void {
  checkTensor('copyToBuffer', 'the source', source);
  if (!source.contiguous) {
    throw new LockstepError(
      'bad-input',
      'copyToBuffer: the tensor is a strided view; pass contiguous(tensor).',
    );
  }
  const { buffer, device } = source.storage;
  const bytes = source.numel * BYTES_PER_ELEMENT;
  checkBuffer('copyToBuffer', target, BufferUsage.COPY_DST, 'COPY_DST');
  const isAligned = Number.isSafeInteger(targetOffset) && targetOffset >= 0 && targetOffset % 4 === 0;
  if (!isAligned || targetOffset + bytes > target.size) {
    throw new LockstepError(
      'bad-input',
      `copyToBuffer: ${bytes} bytes from offset ${printable(targetOffset)} do not fit a buffer of ${target.size}; the ` +
        'offset is a multiple of 4.',
    );
  }
  device.commands.copy(buffer, source.offset * BYTES_PER_ELEMENT, target, targetOffset, bytes);
  device.commands.flush();
}

/** Refuses a wrong buffer at once; the device would refuse it later, in another call. */
function checkBuffer(where: string, buffer: GPUBuffer, usage: number, names: string): void {
  if (typeof buffer?.size !== 'number' || typeof buffer.usage !== 'number') {
    throw new LockstepError('bad-input', `${where}: got ${showKind(buffer)}; give a GPUBuffer.`);
  }
  if ((buffer.usage & usage) === usage) return;
  throw new LockstepError(
    'bad-input',
    `${where}: the buffer's usage is ${buffer.usage}; it has to contain ${names}.`,
  );
}
