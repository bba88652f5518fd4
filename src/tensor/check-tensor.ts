/** Refuses arguments that are not tensors. The error says what to do about a promise, a number or an array. */
import { badArgument } from '../platform/arguments.js';
import type { LockstepError } from '../platform/errors.js';
import { Tensor } from './tensor.js';

function remedy(value: unknown): string {
  if (value instanceof Promise)
    return 'await it first; data() and item() give promises of numbers, not tensors';
  if (typeof value === 'number' || Array.isArray(value) || ArrayBuffer.isView(value)) {
    return 'make a tensor of it first, as tensor([1, 2])';
  }
  return 'a tensor fits';
}

/** The error about an argument that is not a tensor. */
export const noTensor = (where: string, what: string, value: unknown): LockstepError =>
  badArgument(where, what, value, remedy(value));

/** Throws unless `value` is a tensor. */
export function checkTensor(where: string, what: string, value: unknown): asserts value is Tensor {
  if (!(value instanceof Tensor)) throw noTensor(where, what, value);
}

/** Throws unless `value` is a list of tensors. */
export function checkTensorList(where: string, what: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw badArgument(where, what, value, 'a list of tensors fits, as [a, b]');
  }
  value.forEach((each, i) => {
    checkTensor(where, `${what}[${i}]`, each);
  });
}
