/**
 * Converts values of the host into a tensor's elements: it flattens nested lists, and converts lists and typed arrays of any
 * kind to a dtype. Each value is kept exactly (rounded in a float32), or refused with its value and place.
 */
import { checkAlive, type TypedArrayName, typedArrayName } from '../platform/bytes.js';
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';
import { type DType, type HostArray, holds, hostArray } from './dtype.js';
import type { Shape } from './shape.js';
import type { NestedArray } from './strided-values.js';

/** A `Float16Array`, which some runtimes and older TypeScript libs lack. */
interface Float16Values extends ArrayBufferView {
  readonly [Symbol.toStringTag]: 'Float16Array';
  readonly length: number;
  readonly [index: number]: number;
}

/** Typed arrays that tensors are made from; a Node Buffer is a Uint8Array. */
export type TypedArray =
  | Float16Values
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Flat values, with the shape and the dtype that follow from them. */
interface Values {
  readonly flat: ArrayLike<unknown>;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Deeper lists are refused. A list that contains itself would have no end. */
const MOST_AXES = 64;

const TYPED_DTYPES: Record<TypedArrayName, DType> = {
  Float64Array: 'f32',
  Float32Array: 'f32',
  Float16Array: 'f32',
  BigInt64Array: 'i32',
  Int32Array: 'i32',
  Int16Array: 'i32',
  Int8Array: 'i32',
  BigUint64Array: 'u32',
  Uint32Array: 'u32',
  Uint16Array: 'u32',
  Uint8Array: 'u32',
  Uint8ClampedArray: 'u32',
};

/** Kinds of arrays whose elements all fit the dtype. */
const FREELY: Record<DType, readonly TypedArrayName[]> = {
  f32: ['Float32Array', 'Float16Array', 'Int16Array', 'Uint16Array', 'Int8Array', 'Uint8Array'],
  i32: ['Int32Array', 'Int16Array', 'Uint16Array', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray'],
  u32: ['Uint32Array', 'Uint16Array', 'Uint8Array', 'Uint8ClampedArray'],
  bool: [],
};

const refuse = (message: string): LockstepError => new LockstepError('bad-input', message);

/** What is in a typed array, a nested list, a number or a boolean. */
export function valuesOf(where: string, values: unknown): Values {
  const typed = typedArrayName(values);
  if (typed) {
    checkAlive(where, values as ArrayBufferView);
    const flat = values as TypedArray;
    return { flat, shape: [flat.length], dtype: TYPED_DTYPES[typed] };
  }
  const shape = shapeOf(where, values);
  const flat = flatten(where, values, shape);
  const isBool = flat.length > 0 && flat.every((value) => typeof value === 'boolean');
  return { flat, shape, dtype: isBool ? 'bool' : 'f32' };
}

function shapeOf(where: string, values: unknown): number[] {
  const shape: number[] = [];
  for (let inner = values; Array.isArray(inner); inner = inner[0]) {
    shape.push(inner.length);
    if (shape.length > MOST_AXES) {
      throw refuse(`${where}: the values are lists in lists, more than ${MOST_AXES} deep.`);
    }
  }
  return shape;
}

function flatten(where: string, values: unknown, shape: Shape): (number | boolean)[] {
  const flat: (number | boolean)[] = [];
  // Where it is: a text is made of this only for an error, as there may be many millions of values.
  const place: number[] = [];
  const visit = (inner: unknown, axis: number): void => {
    if (axis < shape.length) {
      checkList(where, inner, shape[axis], place.slice(0, axis));
      // Not forEach: it passes over holes.
      for (let i = 0; i < inner.length; i++) {
        place[axis] = i;
        visit(inner[i], axis + 1);
      }
    } else if (typeof inner === 'number' || typeof inner === 'boolean') flat.push(inner);
    else throw wrongElement(where, inner, pathOf(place));
  };
  visit(values, 0);
  return flat;
}

const pathOf = (place: readonly number[]): string => `values${place.map((i) => `[${i}]`).join('')}`;

function checkList(
  where: string,
  value: unknown,
  length: number,
  place: readonly number[],
): asserts value is NestedArray[] {
  if (!Array.isArray(value)) {
    throw refuse(`${where}: ${pathOf(place)} is ${showKind(value)}, where a list of ${length} was expected.`);
  }
  if (value.length !== length) {
    throw refuse(
      `${where}: ${pathOf(place)} has ${value.length} elements, not ${length} elements, as its neighbours have.`,
    );
  }
}

function wrongElement(where: string, value: unknown, path: string): LockstepError {
  if (Array.isArray(value)) {
    return refuse(`${where}: ${path} has ${value.length} elements, where its neighbours are numbers.`);
  }
  const hint = typedArrayName(value)
    ? '; of a typed array, give the array itself and its shape'
    : typeof value === 'bigint'
      ? '; Number(value) converts'
      : value instanceof ArrayBuffer || value instanceof DataView
        ? '; give a typed array over it, as new Float32Array(buffer)'
        : '';
  return refuse(`${where}: ${path} is ${showKind(value)}, where a number or boolean was expected${hint}.`);
}

/**
 * Values as the elements of a dtype, in memory of their own.
 *
 * @throws LockstepError `bad-input` for a value that the dtype cannot hold: a fraction or NaN as i32, -1 as u32, 1e39 as
 * f32 (it would become infinity), or a BigInt beyond float64.
 */
export function hostValues(where: string, values: ArrayLike<unknown>, dtype: DType): HostArray {
  const data = hostArray(dtype, values.length);
  const typed = typedArrayName(values);
  if (typed && FREELY[dtype].includes(typed)) {
    data.set(values as ArrayLike<number>);
    return data;
  }
  for (let i = 0; i < data.length; i++) {
    const value = numberOf(values[i]);
    if (!fits(dtype, value)) throw refuse(misfit(where, i, values[i], dtype));
    data[i] = dtype === 'bool' ? Number(value !== 0) : value;
  }
  return data;
}

/** The value as a number; undefined where a float64 cannot hold it. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  const number = typeof value === 'bigint' ? Number(value) : undefined;
  return Number.isSafeInteger(number) ? number : undefined;
}

function fits(dtype: DType, value: number | undefined): value is number {
  if (value === undefined) return false;
  const overflows = dtype === 'f32' && Number.isFinite(value) && !Number.isFinite(Math.fround(value));
  return holds(dtype, value) && !overflows;
}

function misfit(where: string, i: number, value: unknown, dtype: DType): string {
  const isNumber = typeof value === 'number';
  const why =
    dtype === 'f32' && isNumber
      ? 'beyond the largest f32, 3.4028235e38; write Infinity for infinity'
      : `no ${dtype}`;
  return `${where}: element ${i} is ${isNumber ? value : showKind(value)}, which is ${why}.`;
}
