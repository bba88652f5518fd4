/** Operations by index: `gather` picks elements, `oneHot` makes rows of class numbers. For whole rows: `indexSelect`, in shape.ts. */

import { elementwise } from '../../kernels/tensor/elementwise.js';
import { checkNumber } from '../../platform/arguments.js';
import { checkTensor } from '../../tensor/check-tensor.js';
import { arange } from '../../tensor/create.js';
import { fromBits } from '../../tensor/dtype.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { scope } from '../../tensor/scope.js';
import { normalizeAxis } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { unsqueeze } from './axes.js';
import { badOperands } from './check.js';
import { spread } from './lift.js';
import { pick, slice } from './shape.js';

/**
 * Picks elements by their indices along one axis; along the others, each index stays at its place: `torch.gather`. Any dtype.
 *
 * @param indices i32 or u32, with as many axes as x; along the other axes it may be shorter than x.
 * @throws LockstepError `bad-input` for an index outside of the axis, from the next read: only the device sees it.
 * @example
 * const ofTheTarget = squeeze(gather(logProbabilities, 1, unsqueeze(y, 1)), 1); // [batch]
 */
export function gather(x: Tensor, axis: number, indices: Tensor): Tensor {
  checkTensor('gather', 'the argument', x);
  checkTensor('gather', 'the indices', indices);
  const along = normalizeAxis('gather', axis, x.shape.length);
  const fits =
    (indices.dtype === 'i32' || indices.dtype === 'u32') &&
    indices.shape.length === x.shape.length &&
    indices.shape.every((extent, at) => at === along || extent <= x.shape[at]);
  if (!fits) {
    const what = `the indices are i32 or u32, of as many axes, and no larger but along axis ${along}`;
    throw badOperands('gather', [x, indices], what);
  }
  if (isOverModels(x) || isOverModels(indices)) {
    return overModels(() => gather(spread(x), along + 1, spread(indices)));
  }
  return scope(() => {
    let within = x;
    indices.shape.forEach((extent, at) => {
      if (at !== along && extent < x.shape[at]) within = slice(within, at, 0, extent);
    });
    return pick(within, along, indices);
  });
}

/**
 * Turns each class number into a row of zeros with a single 1, along a new last axis: `torch.nn.functional.one_hot`. i32.
 *
 * @param indices i32 or u32, of any shape.
 * @throws LockstepError `bad-input` for a number that is none of the classes, from the next read: only the device sees it.
 * @example
 * const targets = cast(oneHot(y, 10), 'f32'); // [batch, 10]
 */
export function oneHot(indices: Tensor, classes: number): Tensor {
  checkTensor('oneHot', 'the argument', indices);
  checkNumber('oneHot', 'the number of classes', classes, { min: 1, max: 2 ** 31 - 1, whole: true });
  const { dtype, device } = indices;
  if (dtype !== 'i32' && dtype !== 'u32')
    throw badOperands('oneHot', [indices], 'class numbers are i32 or u32');
  if (isOverModels(indices)) return overModels(() => oneHot(indices.whole(), classes));
  return scope(() =>
    elementwise({
      label: 'oneHot',
      expression: 'select(0i, 1i, a == b)',
      operands: { a: unsqueeze(indices.detach(), -1), b: arange(0, classes, 1, { dtype, device }), classes },
      scalarDtype: dtype,
      dtype: 'i32',
      check: {
        key: `oneHot|${dtype}|${classes}`,
        refuses: 'u32(a) >= u32(classes)',
        bits: 'bitcast<u32>(a)',
        tell: (bits) =>
          `oneHot: a class is ${fromBits(dtype, bits)}; there are ${classes} classes (0 to ${classes - 1}).`,
      },
    }),
  );
}
