/**
 * The element types of tensors, on the host and in WGSL. Every element takes four bytes. A bool is a u32 of 0 or 1, as WGSL
 * has no bool in storage buffers.
 */

import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';

export type DType = 'f32' | 'i32' | 'u32' | 'bool';

/** The typed array that holds a dtype's elements on the host. */
export type HostArray = Float32Array | Int32Array | Uint32Array;

export const BYTES_PER_ELEMENT = 4;

const DTYPES: readonly unknown[] = ['f32', 'i32', 'u32', 'bool'] satisfies DType[];

/** Throws for an unknown dtype. Callers in JavaScript have no compiler that would. */
export function checkDtype(where: string, dtype: DType): void {
  if (DTYPES.includes(dtype)) return;
  throw new LockstepError(
    'bad-input',
    `${where}: there is no dtype ${printable(dtype)}; ${DTYPES.join(', ')} fit.`,
  );
}

/** Whether the dtype can hold a number. An f32 rounds it; a bool takes any number but 0 as true. */
export const holds = (dtype: DType, value: number): boolean =>
  dtype === 'i32' ? (value | 0) === value : dtype !== 'u32' || value >>> 0 === value;

/** The WGSL type of an element in storage. */
export const wgslType = (dtype: DType): 'f32' | 'i32' | 'u32' => (dtype === 'bool' ? 'u32' : dtype);

/** A typed array over bytes, or zeros for a count. */
export function hostArray(dtype: DType, source: ArrayBuffer | number): HostArray {
  const Type = dtype === 'f32' ? Float32Array : dtype === 'i32' ? Int32Array : Uint32Array;
  return typeof source === 'number' ? new Type(source) : new Type(source);
}

/** The bits of a number as an element of a dtype. */
export function scalarBits(dtype: DType, value: number): number {
  const word = hostArray(dtype, 1);
  word[0] = dtype === 'bool' ? Number(value !== 0) : value;
  return new Uint32Array(word.buffer)[0];
}

/** The number that the bits of an element stand for. */
export const fromBits = (dtype: DType, bits: number): number =>
  hostArray(dtype, Uint32Array.of(bits).buffer)[0];
