/**
 * Launches kernels that pick slices or elements by index, and that add them back to where they came from
 * (shaders/tensor/index-select.wgsl.ts).
 */
import { INDEX_WORKGROUP, indexSelectShader } from '../../../shaders/tensor/index-select.wgsl.js';
import type { DeviceCheck } from '../../gpu/flag.js';
import { type DType, fromBits, wgslType } from '../../tensor/dtype.js';
import { numelOf, type Shape } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { gridOf } from '../grid.js';
import { dense } from './elementwise.js';
import { launch, Words } from './launch.js';

const indexCheck = (label: string, axis: number, extent: number, dtype: DType): DeviceCheck => ({
  key: `${label}|${axis}|${extent}|${dtype}`,
  tell: (bits) =>
    `${label}: an index is ${fromBits(dtype, bits)}; axis ${axis} has ${extent} elements` +
    `${extent > 0 ? ` (0 to ${extent - 1})` : ''}.`,
});

interface Picking {
  /** True: an index for each element (gather); false: one for each slice (indexSelect). */
  each: boolean;
  /** Adds back to where the elements came from. */
  backward: boolean;
}

function run(
  source: Tensor,
  indices: Tensor,
  shape: Shape,
  axis: number,
  { each, backward }: Picking,
): Tensor {
  const label = each ? 'gather' : 'indexSelect';
  const extent = backward ? shape[axis] : source.shape[axis];
  const count = each ? indices.shape[axis] : indices.numel;
  const output = Tensor.empty(source.device, shape, source.dtype);
  if (output.numel === 0) return output;
  const [from, by] = [dense(source), dense(indices)];
  const check = backward ? undefined : indexCheck(label, axis, extent, indices.dtype);
  const ticket = check ? source.device.flag.ticket(check) : 0;
  const inner = numelOf(shape.slice(axis + 1));
  const params = new Words()
    .u32(output.numel, extent, count, inner, from.offset, by.offset, ticket, 0)
    .done();
  const shader = { type: wgslType(source.dtype), indexType: wgslType(indices.dtype), each, backward };
  const grid = gridOf(Math.ceil(output.numel / INDEX_WORKGROUP));
  launch({
    label,
    key: `indexSelect|${Object.values(shader).join()}`,
    code: () => indexSelectShader(shader),
    tensors: [from, by, output],
    check,
    params,
    grid,
    options: shader,
    flops: () => (backward && source.dtype === 'f32' ? source.numel : 0),
    bytes: () => 4 * (indices.numel + output.numel + (backward ? source.numel : output.numel)),
  });
  from.dispose();
  by.dispose();
  return output;
}

/** The slices of `source` along `axis` at the places that `indices` names, whole numbers [count]. */
export function indexSelect(source: Tensor, axis: number, indices: Tensor): Tensor {
  const shape = source.shape.map((extent, i) => (i === axis ? indices.numel : extent));
  return run(source, indices, shape, axis, { each: false, backward: false });
}

/** Zeros of `shape`, to which the slices of `source` are added along `axis`, at the places that `indices` names. */
export function indexAdd(source: Tensor, axis: number, indices: Tensor, shape: Shape): Tensor {
  return run(source, indices, shape, axis, { each: false, backward: true });
}

/**
 * The elements of `source` at the places that the indices name along `axis`; on the other axes each keeps its place.
 */
export function gather(source: Tensor, axis: number, indices: Tensor): Tensor {
  return run(source, indices, indices.shape, axis, { each: true, backward: false });
}

/** Zeros of `shape`, to which the elements of `source` are added along `axis`, at the places that `indices` names. */
export function scatterAdd(source: Tensor, axis: number, indices: Tensor, shape: Shape): Tensor {
  return run(source, indices, shape, axis, { each: true, backward: true });
}
