/** Argument checks that operations share. Each error names the operation, its operands, and what would fit. */

import type { Operand } from '../../kernels/tensor/elementwise.js';
import { LockstepError } from '../../platform/errors.js';
import { checkTensor, noTensor } from '../../tensor/check-tensor.js';
import { type DType, holds } from '../../tensor/dtype.js';
import { showShape } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';

const show = (operand: Operand): string =>
  operand instanceof Tensor ? `${operand.dtype} ${showShape(operand.shape)}` : String(operand);

/** The operands as errors list them: `f32 [2, 3] and 1`. */
const showOperands = (operands: readonly Operand[]): string => operands.map(show).join(' and ');

export function badOperands(name: string, operands: readonly Operand[], fits: string): LockstepError {
  return new LockstepError('bad-input', `${name}: got ${showOperands(operands)}; ${fits}.`);
}

/** Throws unless all operands are tensors or numbers, one of them a tensor, with one dtype that is allowed. */
export function checkOperands(name: string, operands: readonly Operand[], allowed: readonly DType[]): DType {
  for (const operand of operands) {
    if (!(operand instanceof Tensor) && typeof operand !== 'number') {
      throw noTensor(
        name,
        operands.length === 1 ? 'the argument' : `operand ${operands.indexOf(operand)}`,
        operand,
      );
    }
  }
  const dtypes = operands.flatMap((operand) => (operand instanceof Tensor ? [operand.dtype] : []));
  const [dtype] = dtypes;
  if (!dtype) throw badOperands(name, operands, 'at least one has to be a tensor');
  if (dtypes.some((other) => other !== dtype)) {
    throw badOperands(name, operands, 'their dtypes have to be the same: cast(tensor, dtype) converts');
  }
  if (!allowed.includes(dtype)) {
    throw badOperands(name, operands, `it takes ${allowed.join(', ')}: cast(tensor, dtype) converts`);
  }
  const other = operands.find((operand) => typeof operand === 'number' && !holds(dtype, operand));
  if (other !== undefined) {
    throw badOperands(name, operands, `${other} is no ${dtype}: cast(tensor, 'f32') converts`);
  }
  return dtype;
}

/** Throws unless all are f32 tensors. */
export function checkFloats(name: string, tensors: readonly Tensor[]): void {
  tensors.forEach((tensor, i) => {
    checkTensor(name, tensors.length === 1 ? 'the argument' : `operand ${i}`, tensor);
    checkOperands(name, [tensor], ['f32']);
  });
}
