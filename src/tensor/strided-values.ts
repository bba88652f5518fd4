/** The values of a tensor on the host, in other forms: strided ones made dense, dense ones as nested lists. */
import { type DType, type HostArray, hostArray } from './dtype.js';
import { numelOf, type Shape } from './shape.js';

/** Nested lists of numbers (booleans for dtype bool), as deep as the tensor has axes. */
export type NestedArray = number | boolean | NestedArray[];

/** A row-major copy of the elements that begin at `start` and lie `strides` apart. */
export function gathered(
  memory: HostArray,
  dtype: DType,
  shape: Shape,
  strides: Shape,
  start: number,
): HostArray {
  const values = hostArray(dtype, numelOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  let at = start;
  for (let i = 0; i < values.length; i++) {
    values[i] = memory[at];
    for (let axis = index.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return values;
}

/** Row-major elements as nested lists; a single value where there are no axes. */
export function nested(data: HostArray, shape: Shape, dtype: DType): NestedArray {
  const nest = (axis: number, at: number): NestedArray => {
    if (axis === shape.length) return dtype === 'bool' ? data[at] !== 0 : data[at];
    const stride = numelOf(shape.slice(axis + 1));
    return Array.from({ length: shape[axis] }, (_, i) => nest(axis + 1, at + i * stride));
  };
  return nest(0, 0);
}
