import { checkNumber } from '../platform/arguments.js';
import { allocated } from '../platform/host-memory.js';

/**
 * A dense row-major float32 array on the host: a shape and data, without operations. Init functions fill it, and strategies
 * hand over weights in it. It is not a Tensor and needs no device.
 */
export interface NdArray {
  readonly shape: readonly number[];
  /** Row-major elements; its length is the product of `shape`. */
  readonly data: Float32Array;
}

/** A zero-filled {@link NdArray}. */
export function ndarray(...shape: number[]): NdArray {
  shape.forEach((extent, axis) => {
    checkNumber('ndarray', `the extent ${axis}`, extent, { min: 0, whole: true });
  });
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const what = `${elements} elements, of shape [${shape.join(', ')}],`;
  return { shape, data: allocated('ndarray', what, () => new Float32Array(elements)) };
}
