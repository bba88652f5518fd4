/** Clips gradients by their common norm, between `backward()` and an optimizer's step. */

import { stack } from '../autograd/ops/axes.js';
import { add, clamp, div, mul } from '../autograd/ops/elementwise.js';
import { copy_ } from '../autograd/ops/in-place.js';
import { norm } from '../autograd/ops/statistics.js';
import { noGrad } from '../autograd/record.js';
import { badArgument, checkNumber } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { checkTensorList } from '../tensor/check-tensor.js';
import { tensor } from '../tensor/create.js';
import { scope } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';

/** Options of {@link clipGradNorm_}. */
export interface ClipOptions {
  /** The order of the norm: 2, 1, Infinity, or any above 0. Default 2. */
  normType?: number;
}

/**
 * Scales the gradients of all parameters by one factor, so that their common norm is at most `maxNorm`, as
 * `torch.nn.utils.clip_grad_norm_`. Nothing is read back from the device.
 *
 * @param parameters A tensor or a list of tensors. Those without a gradient are ignored.
 * @returns The norm before, a scalar on the device; 0 where there are no gradients.
 * @example
 * loss.backward();
 * const length = nn.clipGradNorm_(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm_(
  parameters: readonly Tensor[] | Tensor,
  maxNorm: number,
  options: ClipOptions = {},
): Tensor {
  const list = parameters instanceof Tensor ? [parameters] : parameters;
  checkTensorList('clipGradNorm_', 'parameters', list);
  checkNumber('clipGradNorm_', 'maxNorm', maxNorm, { min: 0 });
  checkOptionNames('clipGradNorm_', options, ['normType']);
  const { normType: p = 2 } = options;
  if (!(typeof p === 'number' && p > 0)) {
    throw badArgument('clipGradNorm_', 'normType', p, 'a number above 0 or Infinity fits');
  }
  const gradients = list.flatMap(({ grad }) => (grad ? [grad] : []));
  if (gradients.length === 0) return tensor(0, { device: list[0]?.device });
  return noGrad(() =>
    scope(() => {
      const total = norm(stack(gradients.map((each) => norm(each, undefined, { p }))), undefined, { p });
      // With PyTorch's denominator, gradients whose norm is exactly maxNorm are scaled a little, too.
      const factor = clamp(div(maxNorm, add(total, 1e-6)), 0, 1);
      for (const gradient of gradients) copy_(gradient, mul(gradient, factor));
      return total;
    }),
  );
}
