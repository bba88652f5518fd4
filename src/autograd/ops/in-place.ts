/**
 * Changes tensors in place: new values in the same memory. It is not differentiable; a backward pass that needs the old values
 * refuses to run.
 */

import { elementwise } from '../../kernels/tensor/elementwise.js';
import { LockstepError } from '../../platform/errors.js';
import { checkTensor } from '../../tensor/check-tensor.js';
import { BYTES_PER_ELEMENT } from '../../tensor/dtype.js';
import { hostValues, type TypedArray, valuesOf } from '../../tensor/host-values.js';
import { refuseModels } from '../../tensor/over-models.js';
import { sameShape, showShape } from '../../tensor/shape.js';
import type { NestedArray } from '../../tensor/strided-values.js';
import { Tensor } from '../../tensor/tensor.js';
import { isRecording, noGrad } from '../record.js';
import { badOperands } from './check.js';

/**
 * Overwrites the values of a tensor: `target.copy_(source)` in PyTorch. Change parameters inside of {@link noGrad}.
 *
 * @param source A tensor of the same shape and dtype, or as many row-major elements: a typed array of any kind or a list,
 * converted as `tensor(values, { dtype })` converts them.
 * @example
 * noGrad(() => copy_(model.weight, new Float32Array(6)));
 */
export function copy_(target: Tensor, source: Tensor | TypedArray | NestedArray): Tensor {
  checkTensor('copy_', 'the target', target);
  refuseModels('copy_', [target, source]);
  if (target.node) {
    throw new LockstepError(
      'bad-input',
      'copy_: the result of an operation cannot be changed in place; copy it first.',
    );
  }
  if (target.requiresGrad && isRecording()) {
    throw new LockstepError(
      'bad-input',
      'copy_: a leaf tensor that requires grad is being used in an in-place operation; do it in noGrad(() => …).',
    );
  }
  if (target.shape.some((extent, axis) => extent > 1 && target.strides[axis] === 0)) {
    throw badOperands(
      'copy_',
      [target],
      'several of its elements share one place in memory: clone() it first',
    );
  }
  if (source instanceof Tensor) fromTensor(target, source);
  else fromHost(target, source);
  target.storage.version++;
  return target;
}

function fromTensor(target: Tensor, source: Tensor): void {
  if (!sameShape(target.shape, source.shape) || target.dtype !== source.dtype) {
    throw badOperands('copy_', [target, source], 'shapes and dtypes have to be the same');
  }
  // A kernel cannot read and write the same buffer, so a source that shares the memory is copied first.
  const values =
    target.storage.buffer === source.storage.buffer ? noGrad(() => source.clone()) : source.detach();
  elementwise({ label: 'copy_', expression: 'a', operands: { a: values }, into: target });
  values.dispose();
}

function fromHost(target: Tensor, source: TypedArray | NestedArray): void {
  const { flat, shape } = valuesOf('copy_', source);
  if (flat.length !== target.numel || !target.contiguous) {
    throw badOperands('copy_', [target, flat.length], 'a dense tensor takes as many elements as it has');
  }
  if (shape.length !== 1 && !sameShape(shape, target.shape)) {
    throw badOperands('copy_', [target], `nested lists ${showShape(shape)} have to have its shape`);
  }
  const data = hostValues('copy_', flat, target.dtype);
  const { buffer, device } = target.storage;
  if (data.length > 0) device.commands.write(buffer, target.offset * BYTES_PER_ELEMENT, data);
}
