/** Losses for classification as PyTorch defines them: cross-entropy of logits, and of log-probabilities. */

import { elementwise } from '../../kernels/tensor/elementwise.js';
import { checkNumber } from '../../platform/arguments.js';
import { checkTensor } from '../../tensor/check-tensor.js';
import { arange } from '../../tensor/create.js';
import { type DType, fromBits, holds } from '../../tensor/dtype.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { scope } from '../../tensor/scope.js';
import { sameShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { badOperands, checkFloats } from './check.js';
import { add, cast, div, mul, ne, neg, where } from './elementwise.js';
import { checkLossOptions, type LossOptions, reduced } from './loss.js';
import { sum } from './reduce.js';
import { reshape } from './shape.js';
import { logSoftmax } from './softmax.js';

/** Options of {@link nll}. */
export interface NllOptions extends LossOptions {
  /** Rows with this class number are ignored, in the mean too. Default -100. */
  ignoreIndex?: number;
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends NllOptions {
  /** The share of each target that is spread evenly over all classes (Szegedy et al. 2016), 0 to 1. Default 0. */
  labelSmoothing?: number;
}

/** True where a row has the class: [batch, classes] from class numbers [batch, 1]. Refuses other numbers but `ignored`. */
function isClass(name: string, target: Tensor, classes: number, ignored: number): Tensor {
  if (isOverModels(target)) return overModels(() => isClass(name, target.whole(), classes, ignored));
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
      key: `${name}|${dtype}|${classes}|${ignored}`,
      refuses: `u32(a) >= u32(classes)${canBeIgnored ? ' && a != ignored' : ''}`,
      bits: 'bitcast<u32>(a)',
      tell: (bits) => `${name}: ${classMessage(dtype, bits, classes, ignored)}`,
    },
  });
}

const classMessage = (dtype: DType, bits: number, classes: number, ignored: number): string =>
  `a class is ${fromBits(dtype, bits)}; the logits have ${classes} classes ` +
  `(0 to ${classes - 1}${holds(dtype, ignored) ? `, or ignoreIndex ${ignored}` : ''}).`;

/**
 * The losses of rows with class numbers. Rows of the class `ignoreIndex` have loss 0 and no gradient. The mean is over the
 * other rows; NaN where there are none.
 */
function ofClasses(name: string, logs: Tensor, target: Tensor, options: CrossEntropyOptions): Tensor {
  const [batch, classes] = logs.shape;
  const { ignoreIndex: ignored = -100, labelSmoothing = 0, reduction = 'mean' } = options;
  const isOfRow = isClass(name, reshape(target, [batch, 1]), classes, ignored);
  let losses = neg(sum(where(isOfRow, logs, 0), 1));
  if (labelSmoothing > 0) {
    losses = add(mul(losses, 1 - labelSmoothing), mul(sum(logs, 1), -labelSmoothing / classes));
  }
  if (!holds(target.dtype, ignored)) return reduced(name, losses, options);
  const counts = ne(target, ignored);
  // Without smoothing, rows that have none of the classes have no loss already.
  const hasLoss = labelSmoothing > 0 || (ignored >= 0 && ignored < classes);
  const kept = hasLoss ? where(counts, losses, 0) : losses;
  if (reduction === 'mean') return div(sum(kept), sum(cast(counts, 'f32')));
  return reduced(name, kept, options);
}

/** The losses of rows with class probabilities. The mean is over all rows. */
function ofProbabilities(logs: Tensor, target: Tensor, options: CrossEntropyOptions): Tensor {
  const { labelSmoothing = 0 } = options;
  const smooth =
    labelSmoothing > 0 ? add(mul(target, 1 - labelSmoothing), labelSmoothing / logs.shape[1]) : target;
  return reduced('crossEntropy', neg(sum(mul(logs, smooth), 1)), options);
}

function checkIgnored(name: string, x: Tensor, target: Tensor, ignoreIndex: number | undefined): void {
  if (ignoreIndex === undefined || (target.dtype !== 'f32' && Number.isInteger(ignoreIndex))) return;
  const fits = `ignoreIndex is ${ignoreIndex}; it has to be a whole number, beside class numbers`;
  throw badOperands(name, [x, target], fits);
}

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
  checkLossOptions('crossEntropy', options, ['ignoreIndex', 'labelSmoothing']);
  checkFloats('crossEntropy', [logits]);
  checkTensor('crossEntropy', 'the target', target);
  const { ignoreIndex, labelSmoothing = 0 } = options;
  checkNumber('crossEntropy', 'labelSmoothing', labelSmoothing, { min: 0, max: 1 });
  const [batch] = logits.shape;
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
  checkIgnored('crossEntropy', logits, target, ignoreIndex);
  return scope(() => {
    const logs = logSoftmax(logits);
    if (target.dtype === 'f32') return ofProbabilities(logs, target, options);
    return ofClasses('crossEntropy', logs, target, options);
  });
}

/**
 * The negative log-probability of the target's class: {@link crossEntropy} after a {@link logSoftmax}.
 *
 * @param logProbabilities f32 [batch, classes].
 * @param target Class numbers, i32 or u32 [batch].
 * @throws LockstepError `bad-input` for a class number outside of the classes, from the next read.
 * @example
 * const loss = nll(logSoftmax(model(x)), y);
 */
export function nll(logProbabilities: Tensor, target: Tensor, options: NllOptions = {}): Tensor {
  checkLossOptions('nll', options, ['ignoreIndex']);
  checkFloats('nll', [logProbabilities]);
  checkTensor('nll', 'the target', target);
  const [batch] = logProbabilities.shape;
  const ofWhole = target.dtype === 'i32' || target.dtype === 'u32';
  if (logProbabilities.shape.length !== 2 || !ofWhole || !sameShape(target.shape, [batch])) {
    const fits = 'log-probabilities [batch, classes] with classes [batch], i32 or u32, fit';
    throw badOperands('nll', [logProbabilities, target], fits);
  }
  checkIgnored('nll', logProbabilities, target, options.ignoreIndex);
  return scope(() => ofClasses('nll', logProbabilities, target, options));
}
