/**
 * Launches reductions over axes (shaders/tensor/reduce.wgsl.ts): an invocation for each output of short ones, a
 * workgroup for each output of long ones, and two passes where a few outputs reduce many elements each.
 */
import {
  REDUCE_WORKGROUP,
  type ReduceKind,
  type ReduceShaderOptions,
  reduceShader,
} from '../../../shaders/tensor/reduce.wgsl.js';
import { wgslType } from '../../tensor/dtype.js';
import {
  broadcastAxes,
  collapse,
  contiguousStrides,
  numelOf,
  reducedShape,
  type Shape,
} from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { gridOf } from '../grid.js';
import { launch, Words } from './launch.js';

/** Reductions up to `SHORT` take an invocation for each output; with `MANY_OUTPUTS` or more, up to `SHORT_FOR_MANY`. */
const SHORT = 32;
const SHORT_FOR_MANY = 256;
const MANY_OUTPUTS = 64;
/** With fewer outputs than this, reductions longer than `CHUNK` are cut into chunks, a workgroup for each. */
const FEW_OUTPUTS = 64;
const CHUNK = 16384;

/** Which shader variant runs; `auto` chooses by size. */
export type ReduceVariant = 'auto' | 'invocation' | 'workgroup';

/**
 * Reduces over `axes` (counted from the front, ascending). `argmax` gives the first of equal extremes, as an i32
 * index into the reduced axes in row-major order. A NaN is both the largest and the smallest. Sums of f32 are
 * multiplied by `scale`.
 */
export function reduce(
  kind: ReduceKind,
  input: Tensor,
  axes: Shape,
  keepdim: boolean,
  scale = 1,
  variant: ReduceVariant = 'auto',
): Tensor {
  const shape = reducedShape(input.shape, axes, keepdim);
  const dtype = kind === 'argmax' ? 'i32' : input.dtype;
  const outputs = numelOf(shape);
  const pick = (list: Shape, reduced: boolean) => list.filter((_, axis) => axes.includes(axis) === reduced);
  const kept = collapse(pick(input.shape, false), [pick(input.strides, false)]);
  const reduced = collapse(pick(input.shape, true), [pick(input.strides, true)]);
  const length = numelOf(reduced.shape);
  const short = length <= SHORT || (length <= SHORT_FOR_MANY && outputs >= MANY_OUTPUTS);
  const group = variant === 'auto' ? !short : variant === 'workgroup';
  // Each chunk has a workgroup in z, of which there can be 65,535.
  const chunk = Math.max(CHUNK, Math.ceil(length / 65_535));
  const chunks =
    group && kind !== 'argmax' && outputs < FEW_OUTPUTS ? Math.max(1, Math.ceil(length / chunk)) : 1;
  const target = Tensor.empty(input.device, chunks === 1 ? shape : [outputs, chunks], dtype);
  if (outputs === 0) return target;
  const shader: ReduceShaderOptions = {
    kind,
    type: wgslType(input.dtype),
    keptRank: kept.shape.length,
    reducedRank: reduced.shape.length,
    group,
  };
  const params = new Words()
    .u32(outputs, length, chunks === 1 ? length : chunk, input.offset)
    .f32(chunks === 1 ? scale : 1)
    .u32(...kept.shape, ...kept.strides[0], ...reduced.shape, ...reduced.strides[0])
    .done();
  const [x, y] = gridOf(group ? outputs : Math.ceil(outputs / REDUCE_WORKGROUP));
  launch({
    label: kind,
    key: `reduce|${Object.values(shader).join()}`,
    code: () => reduceShader(shader),
    tensors: [input, target],
    params,
    grid: [x, y, chunks],
    options: { ...shader },
    // All but one of the elements of a result are added to another; sums are scaled.
    flops: () => (shader.type === 'f32' ? input.numel - (kind === 'sum' ? 0 : target.numel) : 0),
  });
  if (chunks === 1) return target;

  const joined = reduce(kind, target, [1], false, scale);
  const output = joined.view(shape, contiguousStrides(shape));
  target.dispose();
  joined.dispose();
  return output;
}

/**
 * Sums a gradient down to the shape of an operand that was broadcast: a new tensor, on the same memory if there is
 * nothing to sum.
 */
export function sumTo(gradient: Tensor, shape: Shape): Tensor {
  const added = gradient.shape.length - shape.length;
  const axes = broadcastAxes(gradient.shape, shape);
  if (axes.length === 0) return gradient.detach();
  const summed = reduce('sum', gradient, axes, true);
  const output = summed.view(shape, summed.strides.slice(added));
  summed.dispose();
  return output;
}
