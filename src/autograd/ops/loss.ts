/**
 * Losses of single elements as PyTorch defines them. Predictions come first, targets second. Losses for classification are
 * in cross-entropy.ts.
 */
import type { Operand } from '../../kernels/tensor/elementwise.js';
import { checkNumber, checkText } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { scope } from '../../tensor/scope.js';
import { broadcastShapes, sameShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { badOperands, checkFloats, checkOperands } from './check.js';
import { div, type LossElement, lossElement } from './elementwise.js';
import { mean, sum } from './reduce.js';

/** How the losses of the elements are combined. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Options of losses. */
export interface LossOptions {
  /** Default `mean`. */
  reduction?: Reduction;
}

/** Throws for unknown options and reductions, before anything is computed. @internal */
export function checkLossOptions(name: string, options: LossOptions, others: readonly string[] = []): void {
  checkOptionNames(name, options, ['reduction', ...others]);
  checkText(name, 'the reduction', options.reduction ?? 'mean', ['mean', 'sum', 'none']);
}

/** Combines the losses of the elements. @internal */
export function reduced(name: string, losses: Tensor, { reduction = 'mean' }: LossOptions): Tensor {
  switch (reduction) {
    case 'none':
      return losses;
    case 'sum':
      return sum(losses);
    case 'mean':
      return mean(losses);
    default:
      throw new LockstepError(
        'bad-input',
        `${name}: the reduction is ${String(reduction)}; mean, sum and none fit.`,
      );
  }
}

function checkPair(name: string, prediction: Tensor, target: Tensor): void {
  checkFloats(name, [prediction, target]);
  if (!sameShape(prediction.shape, target.shape)) {
    throw badOperands(name, [prediction, target], 'prediction and target have to have the same shape');
  }
}

/**
 * Binary cross-entropy of probabilities `p` and targets `y` in 0 to 1, both f32 of one shape:
 * `-(y * max(ln p, -100) + (1 - y) * max(ln(1 - p), -100))`. The logarithms are bounded, and the gradient's denominator is at
 * least 1e-12, as in `torch.nn.BCELoss`. Targets get no gradient. The loss of NaN is NaN.
 *
 * @throws LockstepError `bad-input` for a probability below 0 or above 1, from the next read: only the device sees it.
 * @example
 * const loss = bceLoss(sigmoid(logits), y);
 */
export function bceLoss(p: Tensor, y: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions('bceLoss', options);
  checkPair('bceLoss', p, y);
  if (y.requiresGrad)
    throw badOperands('bceLoss', [p, y], 'no gradient goes to the targets: pass y.detach()');
  return scope(() => reduced('bceLoss', lossElement('bceElement', [p, y]), options));
}

/** Options of {@link bceWithLogits}. */
export interface BceWithLogitsOptions extends LossOptions {
  /** The weight of the positive targets: a number, or a tensor that broadcasts to the logits. Default 1. */
  posWeight?: Operand;
}

/**
 * Binary cross-entropy of logits: `max(z, 0) - z y + ln(1 + exp(-|z|))`, without overflow. f32 of one shape.
 *
 * @example
 * const loss = bceWithLogits(model(x), y, { posWeight: 10 }); // where a tenth of the targets is positive
 */
export function bceWithLogits(z: Tensor, y: Tensor, options: BceWithLogitsOptions = {}): Tensor {
  checkLossOptions('bceWithLogits', options, ['posWeight']);
  checkPair('bceWithLogits', z, y);
  const { posWeight } = options;
  if (posWeight === undefined) {
    return scope(() => reduced('bceWithLogits', lossElement('bceWithLogitsElement', [z, y]), options));
  }
  checkWeight(z, posWeight);
  return scope(() => reduced('bceWithLogits', lossElement('weightedBceElement', [z, y, posWeight]), options));
}

function checkWeight(z: Tensor, weight: Operand): void {
  checkOperands('bceWithLogits, posWeight', [z, weight], ['f32']);
  if (typeof weight === 'number') {
    checkNumber('bceWithLogits', 'posWeight', weight, { min: 0 });
  } else if (
    weight.requiresGrad ||
    !sameShape(broadcastShapes('posWeight', z.shape, weight.shape), z.shape)
  ) {
    const fits = 'posWeight requires no gradient and broadcasts to the logits';
    throw badOperands('bceWithLogits', [z, weight], fits);
  }
}

/**
 * Squared error: `(prediction - target)^2`. f32 of one shape.
 *
 * @example
 * const loss = mse(model(x), y, { reduction: 'sum' });
 */
export function mse(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return elementLoss('mse', 'squaredError', prediction, target, options);
}

/** Absolute error: `|prediction - target|`. f32 of one shape. Example: `l1(model(x), y)`. */
export function l1(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return elementLoss('l1', 'absoluteError', prediction, target, options);
}

/** The hinge: `max(0, 1 - z y)`, for targets of -1 and 1. f32 of one shape. Example: `hinge(model(x), y)`. */
export function hinge(z: Tensor, y: Tensor, options: LossOptions = {}): Tensor {
  return elementLoss('hinge', 'hingeElement', z, y, options);
}

/** Options of {@link huber}. */
export interface HuberOptions extends LossOptions {
  /** The distance at which the square ends and the line begins. Default 1. */
  delta?: number;
}

/**
 * Half the squared error up to a distance of `delta`, `delta (|prediction - target| - delta / 2)` beyond (Huber 1964). f32 of
 * one shape.
 *
 * @example
 * const loss = huber(model(x), y, { delta: 0.5 });
 */
export function huber(prediction: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  checkLossOptions('huber', options, ['delta']);
  const { delta = 1, ...others } = options;
  checkNumber('huber', 'delta', delta, { min: Number.MIN_VALUE });
  return elementLoss('huber', 'huberElement', prediction, target, others, delta);
}

/** Options of {@link smoothL1}. */
export interface SmoothL1Options extends LossOptions {
  /** The distance at which the square ends; 0 makes it {@link l1}. Default 1. */
  beta?: number;
}

/** {@link huber} of delta `beta`, divided by it: beyond, its slope is 1. f32 of one shape. Example: `smoothL1(p, y)`. */
export function smoothL1(prediction: Tensor, target: Tensor, options: SmoothL1Options = {}): Tensor {
  checkLossOptions('smoothL1', options, ['beta']);
  const { beta = 1, ...others } = options;
  checkNumber('smoothL1', 'beta', beta, { min: 0 });
  if (beta === 0) return elementLoss('smoothL1', 'absoluteError', prediction, target, others);
  return scope(() => div(elementLoss('smoothL1', 'huberElement', prediction, target, others, beta), beta));
}

function elementLoss(
  name: string,
  element: LossElement,
  prediction: Tensor,
  target: Tensor,
  options: LossOptions,
  s = 0,
): Tensor {
  checkLossOptions(name, options);
  checkPair(name, prediction, target);
  return scope(() => reduced(name, lossElement(element, [prediction, target], s), options));
}
