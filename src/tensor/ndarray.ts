import { checkNumber } from '../platform/arguments.js';
import { allocated } from '../platform/host-memory.js';

/**
 * A dense row-major float32 array on the host: shape and data, no operations. What init functions fill and what
 * weights are handed over in. It is not a Tensor: nothing here touches a GPU.
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
