/**
 * Losses as PyTorch defines them, composed of the operations beside this file. Predictions come first, targets second.
 */
import { elementwise } from '../../kernels/tensor/elementwise.js';
import { checkText } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { checkTensor } from '../../tensor/check-tensor.js';
import { arange } from '../../tensor/create.js';
import { type DType, fromBits, holds } from '../../tensor/dtype.js';
import { scope } from '../../tensor/scope.js';
import { sameShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { badOperands, checkFloats } from './check.js';
import { cast, div, lossElement, mul, ne, neg, where } from './elementwise.js';
import { mean, sum } from './reduce.js';
import { reshape } from './shape.js';
import { logSoftmax } from './softmax.js';

/** What becomes of the losses of the elements. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Options of losses. */
export interface LossOptions {
  /** Default `mean`. */
  reduction?: Reduction;
}

/** Throws for options of other names, and for a reduction that there is not, before anything is computed. */
function checkLossOptions(name: string, options: LossOptions, others: readonly string[] = []): void {
  checkOptionNames(name, options, ['reduction', ...others]);
  checkText(name, 'the reduction', options.reduction ?? 'mean', ['mean', 'sum', 'none']);
}

function reduced(name: string, losses: Tensor, { reduction = 'mean' }: LossOptions): Tensor {
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
 * `-(y * max(ln p, -100) + (1 - y) * max(ln(1 - p), -100))`, the clamps as in `torch.nn.BCELoss`. The gradient's
 * denominator is at least 1e-12, also as there; none goes to the targets. The loss of NaN is NaN.
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
  return scope(() => reduced('bceLoss', lossElement('bceElement', p, y), options));
}

/** Binary cross-entropy of logits: `max(z, 0) - z y + ln(1 + exp(-|z|))`, without overflow. f32 of one shape. */
export function bceWithLogits(z: Tensor, y: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions('bceWithLogits', options);
  checkPair('bceWithLogits', z, y);
  return scope(() => reduced('bceWithLogits', lossElement('bceWithLogitsElement', z, y), options));
}

/** Squared error: `(prediction - target)^2`. f32 of one shape. */
export function mse(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions('mse', options);
  checkPair('mse', prediction, target);
  return scope(() => reduced('mse', lossElement('squaredError', prediction, target), options));
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends LossOptions {
  /** The class number of rows that count nothing, in the mean either. Default -100. */
  ignoreIndex?: number;
}

/**
 * Rows of the class `ignored` count 0, without gradient, and the mean is over the others: NaN if there are none.
 *
 * @param losses A row's loss, 0 where the target is none of the classes.
 */
function reducedWithout(
  ignored: number,
  classes: number,
  target: Tensor,
  losses: Tensor,
  options: LossOptions,
): Tensor {
  const { reduction = 'mean' } = options;
  if (!holds(target.dtype, ignored)) return reduced('crossEntropy', losses, options);
  const counts = ne(target, ignored);
  const isOfClasses = ignored >= 0 && ignored < classes;
  const kept = isOfClasses ? where(counts, losses, 0) : losses;
  if (reduction === 'mean') return div(sum(kept), sum(cast(counts, 'f32')));
  return reduced('crossEntropy', kept, options);
}

/** Whether a row's class [batch, 1] is each of the classes: [batch, classes]. Refuses what is none, nor `ignored`. */
function isClass(target: Tensor, classes: number, ignored: number): Tensor {
  const { dtype, device } = target;
  const numbers = arange(0, classes, 1, { dtype, device });
  const canBeIgnored = holds(dtype, ignored);
  return elementwise({
    label: 'is class',
    expression: 'select(0u, 1u, a == b)',
    operands: { a: target, b: numbers, classes, ...(canBeIgnored && { ignored }) },
    scalarDtype: dtype,
    dtype: 'bool',
    check: {
      key: `crossEntropy|${dtype}|${classes}|${ignored}`,
      refuses: `u32(a) >= u32(classes)${canBeIgnored ? ' && a != ignored' : ''}`,
      bits: 'bitcast<u32>(a)',
      tell: (bits) => classMessage(dtype, bits, classes, ignored),
    },
  });
}

const classMessage = (dtype: DType, bits: number, classes: number, ignored: number): string =>
  `crossEntropy: a class is ${fromBits(dtype, bits)}; the logits have ${classes} classes ` +
  `(0 to ${classes - 1}${holds(dtype, ignored) ? `, or ignoreIndex ${ignored}` : ''}).`;

/**
 * Cross-entropy of logits [batch, classes] and targets: class numbers (i32 or u32, [batch]) or probabilities (f32,
 * [batch, classes]). The mean is over the rows whose class is not `ignoreIndex`, NaN when there are none, as
 * PyTorch's.
 *
 * @param options `ignoreIndex` is for class numbers only.
 * @throws LockstepError `bad-input` for a class number outside of the classes, from the next read (`data()`, `item()`,
 * `sync()`): only the device sees it.
 * @example
 * const loss = crossEntropy(model(x), tensor([0, 2, -100], { dtype: 'i32' })); // of the first two
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkLossOptions('crossEntropy', options, ['ignoreIndex']);
  checkFloats('crossEntropy', [logits]);
  checkTensor('crossEntropy', 'the target', target);
  const [batch, classes] = logits.shape;
  const fits =
    logits.shape.length === 2 &&
    (target.dtype === 'f32' ? sameShape(target.shape, logits.shape) : sameShape(target.shape, [batch]));
  if (!fits || target.dtype === 'bool') {
    throw badOperands(
      'crossEntropy',
      [logits, target],
      'logits [batch, classes] with classes [batch], i32 or u32, or with probabilities [batch, classes] fit',
    );
  }
  const { ignoreIndex } = options;
  if (ignoreIndex !== undefined && (target.dtype === 'f32' || !Number.isInteger(ignoreIndex))) {
    throw badOperands(
      'crossEntropy',
      [logits, target],
      `ignoreIndex is ${ignoreIndex}; it has to be a whole number, beside class numbers`,
    );
  }
  return scope(() => {
    const logs = logSoftmax(logits);
    if (target.dtype === 'f32') return reduced('crossEntropy', neg(sum(mul(logs, target), 1)), options);
    const ignored = ignoreIndex ?? -100;
    const isOfRow = isClass(reshape(target, [batch, 1]), classes, ignored);
    const losses = neg(sum(where(isOfRow, logs, 0), 1));
    return reducedWithout(ignored, classes, target, losses, options);
  });
}
