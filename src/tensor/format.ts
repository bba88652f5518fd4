/** Formats a tensor for printing: one line about it and, if they have been read, its values, with long axes shortened. */
import type { DType, HostArray } from './dtype.js';
import { contiguousStrides, type Shape, showShape } from './shape.js';

/** How many elements are shown at each end of an axis that is longer than twice this. */
const EDGE = 3;

function formatNumber(value: number, dtype: DType): string {
  if (dtype === 'bool') return value ? 'true' : 'false';
  if (dtype !== 'f32' || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e6 ? String(Number(value.toFixed(4))) : value.toExponential(4);
}

function formatAxis(data: HostArray, dtype: DType, shape: Shape, axis: number, offset: number): string {
  if (axis === shape.length) return formatNumber(data[offset], dtype);
  const stride = contiguousStrides(shape)[axis];
  const extent = shape[axis];
  const shown: string[] = [];
  for (let i = 0; i < extent; i++) {
    if (extent > 2 * EDGE && i === EDGE) {
      shown.push('…');
      i = extent - EDGE;
    }
    shown.push(formatAxis(data, dtype, shape, axis + 1, offset + i * stride));
  }
  const between = axis === shape.length - 1 ? ', ' : `,\n${' '.repeat(axis + 1)}`;
  return `[${shown.join(between)}]`;
}

/** A line about a tensor, and its row-major values where they are known. */
export function formatTensor(shape: Shape, dtype: DType, notes: readonly string[], data?: HostArray): string {
  const head = `Tensor ${showShape(shape)} ${[dtype, ...notes].join(', ')}`;
  return data ? `${head}\n${formatAxis(data, dtype, shape, 0, 0)}` : head;
}
