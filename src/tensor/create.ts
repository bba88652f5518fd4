/**
 * Tensors from values: nested lists, typed arrays, constants, ranges, random numbers, and buffers that are on the
 * device already. Random numbers are drawn on the host, as PyTorch's CPU generator draws them.
 */
import { defaultDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { LockstepError } from '../platform/errors.js';
import { Generator } from '../random/generator.js';
import { BYTES_PER_ELEMENT, checkDtype, type DType, type HostArray, holds, hostArray } from './dtype.js';
import { checkShape, numelOf, type Shape, showShape } from './shape.js';
import { Storage } from './storage.js';
import { type NestedArray, Tensor } from './tensor.js';

/** Where and how a tensor is made. */
export interface TensorOptions {
  /** Default: the first device opened that is still open. */
  device?: Device;
  /** Default f32, or what the values are. */
  dtype?: DType;
  /** Compute gradients by this tensor. Default false. */
  requiresGrad?: boolean;
}

/** Options of the random constructors. */
export interface RandomOptions extends Omit<TensorOptions, 'dtype'> {
  /** The source of the numbers. Default: one of the whole program, seeded by {@link manualSeed}. */
  generator?: Generator;
}

let defaultGenerator = new Generator(0);

/** Seeds the generator that random constructors and layers use when none is given, as `torch.manual_seed` does. */
export function manualSeed(seed: number): void {
  defaultGenerator = new Generator(seed);
}

/** The generator for who was given none. @internal */
export const generatorOr = (generator?: Generator): Generator => generator ?? defaultGenerator;

/** A tensor with these row-major elements. @internal */
export function upload(data: HostArray, shape: Shape, dtype: DType, options: TensorOptions = {}): Tensor {
  const device = options.device ?? defaultDevice();
  const result = Tensor.empty(device, shape, dtype);
  if (data.length > 0) device.commands.write(result.storage.buffer, 0, data);
  if (options.requiresGrad) result.requiresGrad = true;
  return result;
}

function shapeOf(values: NestedArray): number[] {
  const shape: number[] = [];
  for (let inner = values; Array.isArray(inner); inner = inner[0]) shape.push(inner.length);
  return shape;
}

function flatten(values: NestedArray, shape: Shape): (number | boolean)[] {
  const flat: (number | boolean)[] = [];
  const visit = (inner: NestedArray, axis: number, path: string): void => {
    if (Array.isArray(inner)) {
      if (inner.length !== shape[axis]) {
        const expected = axis < shape.length ? `${shape[axis]} elements` : 'a number';
        throw new LockstepError(
          'bad-input',
          `tensor: ${path} has ${inner.length} elements, not ${expected}.`,
        );
      }
      inner.forEach((value, i) => {
        visit(value, axis + 1, `${path}[${i}]`);
      });
    } else {
      if (axis !== shape.length || (typeof inner !== 'number' && typeof inner !== 'boolean')) {
        throw new LockstepError(
          'bad-input',
          `tensor: ${path} is ${String(inner)}, where a list of ${shape[axis]} was expected.`,
        );
      }
      flat.push(inner);
    }
  };
  visit(values, 0, 'values');
  return flat;
}

function toHost(values: ArrayLike<number | boolean>, dtype: DType): HostArray {
  const data = hostArray(dtype, values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    data[i] = dtype === 'bool' ? Number(value !== 0) : value;
    if (!holds(dtype, value)) {
      throw new LockstepError('bad-input', `tensor: element ${i} is ${values[i]}, which is no ${dtype}.`);
    }
  }
  return data;
}

const dtypeOfTyped = (values: ArrayBufferView): DType => {
  if (values instanceof Float32Array || values instanceof Float64Array) return 'f32';
  return values instanceof Uint32Array || values instanceof Uint8Array || values instanceof Uint16Array
    ? 'u32'
    : 'i32';
};

/** Typed arrays that tensors are made from. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

/**
 * A tensor from a number, nested lists, or a typed array (with `shape`, default one axis). Floats become f32, signed
 * and unsigned typed arrays i32 and u32, booleans bool, unless `dtype` says otherwise.
 *
 * @throws LockstepError `bad-input` for ragged lists and for values that the dtype cannot hold.
 * @example
 * const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
 * const w = tensor(new Float32Array(6), { shape: [2, 3], requiresGrad: true });
 */
export function tensor(
  values: NestedArray | TypedArray,
  options: TensorOptions & { shape?: Shape } = {},
): Tensor {
  const typed = ArrayBuffer.isView(values);
  const natural = typed ? [values.length] : shapeOf(values);
  const shape = options.shape ?? natural;
  checkShape('tensor', shape);
  const flat = typed ? values : flatten(values, natural);
  if (numelOf(shape) !== flat.length) {
    throw new LockstepError(
      'bad-input',
      `tensor: ${flat.length} values do not fill the shape ${showShape(shape)}.`,
    );
  }
  const isBool = !typed && flat.length > 0 && typeof flat[0] === 'boolean';
  const dtype = options.dtype ?? (typed ? dtypeOfTyped(values) : isBool ? 'bool' : 'f32');
  checkDtype('tensor', dtype);
  return upload(toHost(flat, dtype), shape, dtype, options);
}

/** A tensor filled with one value. Example: `full([2, 3], 0.5)`. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  checkShape('full', shape);
  const dtype = options.dtype ?? 'f32';
  checkDtype('full', dtype);
  const [element] = toHost([value], dtype);
  return upload(hostArray(dtype, numelOf(shape)).fill(element), shape, dtype, options);
}

/** A tensor of zeros. Example: `zeros([2, 3], { dtype: 'i32' })`. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 0, options);
}

/** A tensor of ones. Example: `ones([2, 3])`. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 1, options);
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
  const count = Math.ceil((end - start) / step);
  if (!(Number.isFinite(count) && count >= 0)) {
    throw new LockstepError('bad-input', `arange: from ${start} to ${end} by ${step} never ends.`);
  }
  const dtype = options.dtype ?? ([start, end, step].every(Number.isInteger) ? 'i32' : 'f32');
  checkDtype('arange', dtype);
  const values = Array.from({ length: count }, (_, i) => start + i * step);
  return upload(toHost(values, dtype), [count], dtype, options);
}

/** The identity matrix, [n, n]. Example: `eye(3)`. */
export function eye(n: number, options: TensorOptions = {}): Tensor {
  checkShape('eye', [n]);
  const dtype = options.dtype ?? 'f32';
  checkDtype('eye', dtype);
  const data = hostArray(dtype, n * n);
  for (let i = 0; i < n; i++) data[i * (n + 1)] = 1;
  return upload(data, [n, n], dtype, options);
}

/** Uniform numbers of [0, 1), the ones that `torch.rand` draws. Example: `rand([2, 3], { generator })`. */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  checkShape('rand', shape);
  const data = new Float32Array(numelOf(shape));
  generatorOr(options.generator).uniform(data);
  return upload(data, shape, 'f32', options);
}

/** Normal numbers, mean 0 and variance 1, the ones that `torch.randn` draws (within 2e-6). */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  checkShape('randn', shape);
  const data = new Float32Array(numelOf(shape));
  generatorOr(options.generator).normal(data);
  return upload(data, shape, 'f32', options);
}

/** Whole numbers of [low, high), dtype i32, the ones that `torch.randint` draws. Example: `randint(0, 10, [32])`. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  checkShape('randint', shape);
  const data = new Int32Array(numelOf(shape));
  generatorOr(options.generator).randintFill(data, low, high);
  return upload(data, shape, 'i32', options);
}

/** The numbers 0 to n - 1 in random order, dtype i32, as `torch.randperm` orders them. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  return upload(Int32Array.from(generatorOr(options.generator).randperm(n)), [n], 'i32', options);
}

/**
 * A tensor over a buffer of the caller's (usage STORAGE and COPY_SRC), dense from its start. The buffer stays the
 * caller's: disposing the tensor leaves it alive, and it has to outlive the tensor.
 *
 * @throws LockstepError `bad-input` when the buffer is too small.
 */
export function fromBuffer(
  buffer: GPUBuffer,
  shape: Shape,
  options: Omit<TensorOptions, 'requiresGrad'> = {},
): Tensor {
  checkShape('fromBuffer', shape);
  const { device = defaultDevice(), dtype = 'f32' } = options;
  checkDtype('fromBuffer', dtype);
  const bytes = numelOf(shape) * BYTES_PER_ELEMENT;
  if (buffer.size < bytes) {
    throw new LockstepError(
      'bad-input',
      `fromBuffer: the shape ${showShape(shape)} takes ${bytes} bytes; the buffer has ${buffer.size}.`,
    );
  }
  return new Tensor(new Storage(device, bytes, { buffer, release: () => {} }), dtype, shape);
}

/** Copies a tensor's elements, dense and row-major, into a buffer of the caller's (usage COPY_DST). */
export function copyToBuffer(source: Tensor, target: GPUBuffer, targetOffset = 0): void {
  if (!source.contiguous) {
    throw new LockstepError(
      'bad-input',
      'copyToBuffer: the tensor is a strided view; pass contiguous(tensor).',
    );
  }
  const { buffer, device } = source.storage;
  const bytes = source.numel * BYTES_PER_ELEMENT;
  device.commands.copy(buffer, source.offset * BYTES_PER_ELEMENT, target, targetOffset, bytes);
  device.commands.flush();
}
