/**
 * The losses of a network in lockstep: how each is described, what targets it takes, its number on the device, and
 * its rule in float64 for one example. The same functions in WGSL are in shaders/network/losses.wgsl.ts.
 */
import { badArgument, checkNumber, checkText } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';

/** The class that PyTorch ignores if none is named. */
const IGNORED = -100;

/** Losses that take no number. */
export type PlainLoss = 'bce' | 'bceWithLogits' | 'crossEntropy' | 'mse' | 'l1' | 'huber' | 'hinge';

/** A loss, averaged over the batch as PyTorch's `reduction='mean'` does: a name, or a name with its number. */
export type LossDescription =
  | PlainLoss
  /** Examples of the class `ignoreIndex`, default -100, do not count. */
  | { type: 'crossEntropy'; ignoreIndex?: number }
  /** `F.huber_loss`: a parabola up to `delta`, a line beyond; default 1. */
  | { type: 'huber'; delta?: number };

/** A loss as it is computed. */
export interface Loss {
  readonly type: PlainLoss;
  /** delta of `huber`, the class that `crossEntropy` ignores, else 0. */
  readonly parameter: number;
}

/** What the targets are: a class number for each example, or a number for each output. */
type TargetKind = 'class' | 'number';

interface Rule {
  /** Its number in WGSL. */
  readonly code: number;
  readonly targets: TargetKind;
  /** Whether a prediction can be right or wrong, so that there is an accuracy. */
  readonly hasAccuracy: boolean;
}

export const LOSSES: Readonly<Record<PlainLoss, Rule>> = {
  bce: { code: 0, targets: 'number', hasAccuracy: true },
  bceWithLogits: { code: 1, targets: 'number', hasAccuracy: true },
  mse: { code: 2, targets: 'number', hasAccuracy: false },
  l1: { code: 3, targets: 'number', hasAccuracy: false },
  huber: { code: 4, targets: 'number', hasAccuracy: false },
  hinge: { code: 5, targets: 'number', hasAccuracy: true },
  crossEntropy: { code: 6, targets: 'class', hasAccuracy: true },
};

/**
 * The loss of one output and its derivative, not yet averaged.
 *
 * `hinge` is max(0, 1 - y z). It takes targets of -1 and 1; 0 counts as -1. Its slope is 0 where y z is at least 1,
 * as in PyTorch.
 */
export function elementLoss(
  { type, parameter }: Loss,
  z: number,
  y: number,
): { loss: number; slope: number } {
  const e = z - y;
  switch (type) {
    case 'bce':
      return {
        loss: -(y * Math.max(Math.log(z), -100) + (1 - y) * Math.max(Math.log1p(-z), -100)),
        slope: e / Math.max(z * (1 - z), 1e-12),
      };
    case 'bceWithLogits':
      return {
        loss: (z > 0 ? 1 - y : -y) * z + Math.log1p(Math.exp(-Math.abs(z))),
        slope: 1 / (1 + Math.exp(-z)) - y,
      };
    case 'mse':
      return { loss: e * e, slope: 2 * e };
    case 'l1':
      return { loss: Math.abs(e), slope: Math.sign(e) };
    case 'huber':
      return Math.abs(e) < parameter
        ? { loss: (e * e) / 2, slope: e }
        : { loss: parameter * (Math.abs(e) - parameter / 2), slope: parameter * Math.sign(e) };
    case 'hinge': {
      const sign = y > 0 ? 1 : -1;
      return { loss: Math.max(0, 1 - sign * z), slope: 1 - sign * z > 0 ? -sign : 0 };
    }
    case 'crossEntropy':
      throw new Error('crossEntropy is of a row of outputs; see rowLoss');
  }
}

/** The cross-entropy of a row of logits and its derivatives, not yet averaged. */
export function rowLoss(logits: ArrayLike<number>, target: number): { loss: number; slopes: number[] } {
  const row = Array.from(logits);
  const most = Math.max(...row);
  const powers = row.map((z) => Math.exp(z - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return {
    loss: Math.log(sum) + most - row[target],
    slopes: powers.map((p, k) => p / sum - (k === target ? 1 : 0)),
  };
}

/**
 * The loss that a description means.
 *
 * @param where The run that has it; the error begins with it.
 * @throws LockstepError `bad-input` for an unknown name, and for a number that does not fit.
 * @example lossOf('run 0', { type: 'huber', delta: 0.5 }); // { type: 'huber', parameter: 0.5 }
 */
export function lossOf(where: string, description: LossDescription): Loss {
  const names = Object.keys(LOSSES);
  if (typeof description === 'string') {
    checkText(where, 'the loss', description, names);
    return {
      type: description,
      parameter: description === 'huber' ? 1 : description === 'crossEntropy' ? IGNORED : 0,
    };
  }
  const type = (description as { type?: unknown } | null | undefined)?.type;
  if (typeof type !== 'string') {
    throw badArgument(where, 'the loss', description, `${names.join(', ')} fit`);
  }
  checkText(where, 'the loss', type, names);
  if (type === 'huber') {
    checkOptionNames(`${where}: huber`, description, ['type', 'delta']);
    const { delta = 1 } = description as { delta?: number };
    checkNumber(`${where}: huber`, 'delta', delta, { min: Number.MIN_VALUE });
    return { type, parameter: delta };
  }
  if (type === 'crossEntropy') {
    checkOptionNames(`${where}: crossEntropy`, description, ['type', 'ignoreIndex']);
    const { ignoreIndex = IGNORED } = description as { ignoreIndex?: number };
    checkNumber(`${where}: crossEntropy`, 'ignoreIndex', ignoreIndex, {
      min: -(2 ** 24),
      max: 2 ** 24,
      whole: true,
    });
    return { type, parameter: ignoreIndex };
  }
  checkOptionNames(`${where}: ${type}`, description, ['type']);
  return { type: type as PlainLoss, parameter: 0 };
}
