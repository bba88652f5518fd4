/** Launches running sums along an axis (shaders/tensor/cumsum.wgsl.ts). */
import { CUMSUM_WORKGROUP, cumsumShader } from '../../../shaders/tensor/cumsum.wgsl.js';
import { wgslType } from '../../tensor/dtype.js';
import { numelOf } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { gridOf } from '../grid.js';
import { dense } from './elementwise.js';
import { launch, Words } from './launch.js';

/** For each element the sum of those up to it along `axis`; with `backward`, the sum of those from it on. */
export function runningSum(input: Tensor, axis: number, backward: boolean): Tensor {
  const { shape, dtype } = input;
  const output = Tensor.empty(input.device, shape, dtype);
  if (output.numel === 0) return output;
  const source = dense(input);
  const length = shape[axis];
  const lines = output.numel / length;
  const shader = { type: wgslType(dtype), backward };
  launch({
    label: 'cumsum',
    key: `cumsum|${Object.values(shader).join()}`,
    code: () => cumsumShader(shader),
    tensors: [source, output],
    params: new Words().u32(lines, length, numelOf(shape.slice(axis + 1)), source.offset).done(),
    grid: gridOf(Math.ceil(lines / CUMSUM_WORKGROUP)),
    options: shader,
    flops: () => (dtype === 'f32' ? output.numel : 0),
  });
  source.dispose();
  return output;
}
