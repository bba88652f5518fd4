/** The differentiable softmax and its logarithm. */

import * as kernels from '../../kernels/tensor/softmax.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { scope } from '../../tensor/scope.js';
import { normalizeAxis, type Shape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { checkFloats } from './check.js';

/** The tensor with `axis` and the last axis swapped; a view. */
function swapped(x: Tensor, axis: number): Tensor {
  const last = x.shape.length - 1;
  const swap = (list: Shape) => list.map((_, i) => list[i === axis ? last : i === last ? axis : i]);
  return x.view(swap(x.shape), swap(x.strides));
}

function along(name: string, x: Tensor, axis: number, log: boolean): Tensor {
  checkFloats(name, [x]);
  const at = normalizeAxis(name, axis, x.shape.length);
  if (isOverModels(x)) return overModels(() => along(name, x.whole(), at + 1, log));
  const result = scope(() => swapped(kernels.softmax(swapped(x, at), log), at));
  return record(name, [x], result, [result], (g, [y]) => [
    swapped(kernels.softmaxGradient(swapped(y, at), swapped(g, at), log), at),
  ]);
}

/** `exp(x) / sum(exp(x))` along an axis, default the last. f32. Example: `softmax(logits)`. */
export const softmax = (x: Tensor, axis = -1): Tensor => along('softmax', x, axis, false);

/** The logarithm of {@link softmax}, computed directly, so that small probabilities keep their digits. f32. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => along('logSoftmax', x, axis, true);
