/** Clips gradients by their common norm, between `backward()` and an optimizer's step. */

import { stack } from '../autograd/ops/axes.js';
import { add, clamp, div, mul } from '../autograd/ops/elementwise.js';
import { copy_ } from '../autograd/ops/in-place.js';
import { reshape } from '../autograd/ops/shape.js';
import { norm } from '../autograd/ops/statistics.js';
import { noGrad } from '../autograd/record.js';
import { badArgument, checkBoolean, checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { checkTensorList } from '../tensor/check-tensor.js';
import { tensor } from '../tensor/create.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

/** Options of {@link clipGradNorm_}. */
export interface ClipOptions {
  /** The order of the norm: 2, 1, Infinity, or any above 0. Default 2. */
  normType?: number;
  /** Whether each of the models of {@link stack} is clipped by the norm of its own gradients. Default false. */
  byModel?: boolean;
}

/**
 * Scales the gradients of all parameters by one factor, so that their common norm is at most `maxNorm`, as
 * `torch.nn.utils.clip_grad_norm_`. Nothing is read back from the device.
 *
 * @param parameters A tensor or a list of tensors. Those without a gradient are ignored.
 * @param maxNorm 0 or more; with Infinity nothing is clipped, and the norm alone is computed.
 * @returns The norm before, on the device: a scalar, 0 where there are no gradients; with `byModel` one for each model.
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
  if (maxNorm !== Infinity) checkNumber('clipGradNorm_', 'maxNorm', maxNorm, { min: 0 });
  checkOptionNames('clipGradNorm_', options, ['normType', 'byModel']);
  const { normType: p = 2, byModel = false } = options;
  checkBoolean('clipGradNorm_', 'byModel', byModel);
  if (!(typeof p === 'number' && p > 0)) {
    throw badArgument('clipGradNorm_', 'normType', p, 'a number above 0 or Infinity fits');
  }
  const gradients = list.flatMap(({ grad }) => (grad ? [grad] : []));
  if (gradients.length === 0) return tensor(0, { device: list[0]?.device });
  const models = byModel ? modelsOf(gradients) : [];
  return noGrad(() =>
    scope(() => {
      const lengths = gradients.map((each) => {
        const inside = each.numel / (models[0] ?? 1);
        return norm(reshape(each, [...models, inside]), -1, { p });
      });
      const total = norm(stack(lengths), 0, { p });
      // With PyTorch's denominator, gradients whose norm is exactly maxNorm are scaled a little, too.
      const factor = clamp(div(maxNorm, add(total, 1e-6)), 0, 1);
      for (const gradient of gradients) {
        const ones = gradient.shape.slice(models.length).map(() => 1);
        copy_(gradient, mul(gradient, reshape(factor, [...models, ...ones])));
      }
      return total;
    }),
  );
}

/** How many models there are, by the first axis of all gradients. */
function modelsOf(gradients: readonly Tensor[]): [models: number] {
  const [models] = gradients[0].shape;
  const other = gradients.find(({ shape }) => shape[0] !== models || models === 0);
  if (models !== undefined && !other) return [models];
  const shown = showShape((other ?? gradients[0]).shape);
  throw new LockstepError(
    'bad-input',
    `clipGradNorm_: by model, the first axis of all gradients is over the models; one is ${shown}.`,
  );
}
