/** Launches softmax and log-softmax along the last axis, and their gradients (shaders/tensor/softmax.wgsl.ts). */
import { softmaxShader } from '../../../shaders/tensor/softmax.wgsl.js';
import { Tensor } from '../../tensor/tensor.js';
import { gridOf } from '../grid.js';
import { dense } from './elementwise.js';
import { launch, Words } from './launch.js';

function overRows(label: string, log: boolean, backward: boolean, inputs: readonly Tensor[]): Tensor {
  const [{ shape, device }] = inputs;
  const output = Tensor.empty(device, shape, 'f32');
  if (output.numel === 0) return output;
  const columns = shape[shape.length - 1];
  const rows = output.numel / columns;
  const rowsOf = inputs.map(dense);
  const params = new Words().u32(rows, columns, rowsOf[0].offset, rowsOf[1]?.offset ?? 0).done();
  launch({
    label,
    key: `softmax|${log}|${backward}`,
    code: () => softmaxShader({ log, backward }),
    tensors: [...rowsOf, output],
    params,
    grid: gridOf(rows),
    options: { log, backward },
    // Forward: the maximum; difference, exponential and sum; three more an element. Backward: a sum (of products),
    // then two (log: three) an element.
    flops: () => rows * (backward ? 4 * columns - 1 : 7 * columns - 2),
  });
  for (const input of rowsOf) input.dispose();
  return output;
}

/** `exp(x) / sum(exp(x))` along the last axis, or its logarithm. */
export function softmax(x: Tensor, log: boolean): Tensor {
  return overRows(log ? 'logSoftmax' : 'softmax', log, false, [x]);
}

/** The gradient by x, from the result y and the gradient by y. */
export function softmaxGradient(y: Tensor, gradient: Tensor, log: boolean): Tensor {
  const label = `${log ? 'logSoftmax' : 'softmax'} gradient`;
  return overRows(label, log, true, [y, gradient]);
}
