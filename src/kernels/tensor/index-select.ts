/** Launches picking rows by index, and adding rows back to where they came from (shaders/tensor/index-select.wgsl.ts). */
import { INDEX_WORKGROUP, indexSelectShader } from '../../../shaders/tensor/index-select.wgsl.js';
import type { DeviceCheck } from '../../gpu/flag.js';
import { type DType, fromBits, wgslType } from '../../tensor/dtype.js';
import { numelOf, type Shape } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { dense } from './elementwise.js';
import { gridOf, launch, Words } from './launch.js';

const indexCheck = (axis: number, extent: number, dtype: DType): DeviceCheck => ({
  key: `indexSelect|${axis}|${extent}|${dtype}`,
  tell: (bits) =>
    `indexSelect: an index is ${fromBits(dtype, bits)}; axis ${axis} has ${extent} elements` +
    `${extent > 0 ? ` (0 to ${extent - 1})` : ''}.`,
});

function run(
  source: Tensor,
  indices: Tensor,
  shape: Shape,
  axis: number,
  extent: number,
  backward: boolean,
): Tensor {
  const output = Tensor.empty(source.device, shape, source.dtype);
  if (output.numel === 0) return output;
  const [from, by] = [dense(source), dense(indices)];
  const check = backward ? undefined : indexCheck(axis, extent, indices.dtype);
  const ticket = check ? source.device.flag.ticket(check) : 0;
  const inner = numelOf(shape.slice(axis + 1));
  const params = new Words()
    .u32(output.numel, extent, indices.numel, inner, from.offset, by.offset, ticket, 0)
    .done();
  const shader = { type: wgslType(source.dtype), indexType: wgslType(indices.dtype), backward };
  const grid = gridOf(Math.ceil(output.numel / INDEX_WORKGROUP));
  launch({
    label: 'indexSelect',
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

/** The slices of `source` along `axis` that the whole numbers `indices` [count] name. */
export function indexSelect(source: Tensor, axis: number, indices: Tensor): Tensor {
  const shape = source.shape.map((extent, i) => (i === axis ? indices.numel : extent));
  return run(source, indices, shape, axis, source.shape[axis], false);
}

/** Zeros of `shape`, to whose slices along `axis` those of `source` are added, at the places that `indices` names. */
export function indexAdd(source: Tensor, axis: number, indices: Tensor, shape: Shape): Tensor {
  return run(source, indices, shape, axis, shape[axis], true);
}
