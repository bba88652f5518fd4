/**
 * The optimizers of a network in lockstep: their settings with PyTorch's defaults, and the numbers of one step,
 * computed in float64 as PyTorch does. shaders/network/optimizers.wgsl.ts applies them to each parameter; `update`
 * below does the same in float64.
 */
import { badArgument, checkBoolean, checkList, checkNumber, checkText } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';

/**
 * Settings of an optimizer, by their names in `torch.optim`. Each run has its own.
 *
 * - `adamw` (default), `adam`: lr 1e-3, betas [0.9, 0.999], eps 1e-8, weightDecay 0.01 for AdamW and 0 for Adam.
 *   AdamW shrinks the weights (Loshchilov and Hutter 2019), Adam adds the decay to the gradient.
 * - `sgd`: lr 1e-3, momentum 0, dampening 0, nesterov false, weightDecay 0.
 * - `signSgd` (Bernstein et al. 2018): lr 1e-3, momentum 0 (of the gradient before its sign is taken), weightDecay 0,
 *   which shrinks the weights.
 */
export type OptimizerDescription =
  | {
      type?: 'adamw' | 'adam';
      lr?: number;
      betas?: readonly [number, number];
      eps?: number;
      weightDecay?: number;
    }
  | {
      type: 'sgd';
      lr?: number;
      momentum?: number;
      dampening?: number;
      nesterov?: boolean;
      weightDecay?: number;
    }
  | { type: 'signSgd'; lr?: number; momentum?: number; weightDecay?: number };

type OptimizerType = 'adamw' | 'adam' | 'sgd' | 'signSgd';

/** An optimizer's complete settings; those that its type does not have are 0. */
export interface OptimizerSettings {
  readonly type: OptimizerType;
  readonly lr: number;
  /** Decay of the first moment; for SGD the momentum. */
  readonly beta1: number;
  /** Share of the gradient in the first moment: 1 - beta1, 1 - dampening. */
  readonly gradientShare: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

interface Kind {
  /** Its number in WGSL. */
  readonly code: number;
  readonly options: readonly string[];
}

export const OPTIMIZERS: Readonly<Record<OptimizerType, Kind>> = {
  adamw: { code: 0, options: ['lr', 'betas', 'eps', 'weightDecay'] },
  adam: { code: 1, options: ['lr', 'betas', 'eps', 'weightDecay'] },
  sgd: { code: 2, options: ['lr', 'momentum', 'dampening', 'nesterov', 'weightDecay'] },
  signSgd: { code: 3, options: ['lr', 'momentum', 'weightDecay'] },
};

interface Given {
  lr?: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  momentum?: number;
  dampening?: number;
  nesterov?: boolean;
}

/**
 * Checks settings and fills in the defaults.
 *
 * @param where The run that has them; the error begins with it.
 * @throws LockstepError `bad-input` naming the setting, its value and what fits.
 * @example optimizerOf('run 0', { type: 'sgd', lr: 0.1, momentum: 0.9 }).beta1; // 0.9
 */
export function optimizerOf(where: string, description: OptimizerDescription = {}): OptimizerSettings {
  const names = Object.keys(OPTIMIZERS);
  if (typeof description !== 'object' || description === null) {
    throw badArgument(where, 'the optimizer', description, "{ type: 'adamw', lr: 1e-3 } fits");
  }
  const { type = 'adamw' } = description;
  checkText(`${where}: optimizer`, 'the type', type, names);
  const here = `${where}: ${type}`;
  checkOptionNames(here, description, ['type', ...OPTIMIZERS[type].options]);
  const {
    lr = 1e-3,
    betas,
    eps = 1e-8,
    weightDecay,
    momentum = 0,
    dampening = 0,
    nesterov = false,
  } = description as Given;
  checkNumber(here, 'lr', lr, { min: 0 });
  const decay = weightDecay ?? (type === 'adamw' ? 0.01 : 0);
  checkNumber(here, 'weightDecay', decay, { min: 0 });
  if (type === 'adamw' || type === 'adam') {
    const [beta1, beta2] = checkedBetas(here, betas);
    checkNumber(here, 'eps', eps, { min: 0 });
    return { type, lr, beta1, gradientShare: 1 - beta1, beta2, eps, weightDecay: decay, nesterov: false };
  }
  checkNumber(here, 'momentum', momentum, { min: 0 });
  if (type === 'signSgd') {
    const share = 1 - momentum;
    return {
      type,
      lr,
      beta1: momentum,
      gradientShare: share,
      beta2: 0,
      eps: 0,
      weightDecay: decay,
      nesterov: false,
    };
  }
  checkNumber(here, 'dampening', dampening);
  checkBoolean(here, 'nesterov', nesterov);
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw badArgument(here, 'nesterov', nesterov, 'it needs a momentum above 0 and no dampening');
  }
  const gradientShare = 1 - dampening;
  return { type, lr, beta1: momentum, gradientShare, beta2: 0, eps: 0, weightDecay: decay, nesterov };
}

function checkedBetas(where: string, betas: unknown = [0.9, 0.999]): [number, number] {
  checkList(where, 'betas', betas, 'two numbers of [0, 1) fit');
  const list = betas as unknown[];
  if (list.length !== 2) throw badArgument(where, 'the number of betas', list.length, '2 fit');
  list.forEach((beta, k) => {
    checkNumber(where, `betas[${k}]`, beta, { min: 0, below: 1 });
  });
  return list as [number, number];
}

/** Moments that an optimizer keeps of each parameter: 0, 1 or 2. */
export function momentsOf({ type, beta1 }: OptimizerSettings): number {
  if (type === 'adamw' || type === 'adam') return 2;
  return beta1 === 0 ? 0 : 1;
}

/** What has to stay the same while a run trains, in words. */
export const showMoments = (settings: OptimizerSettings): string =>
  `${settings.type} with ${momentsOf(settings)} moments`;

/** The numbers of one step that are the same for all parameters. */
export interface StepNumbers {
  /** Factor of the weight before the step: 1 - lr x weight decay where the decay is decoupled, else 1. */
  shrink: number;
  /** lr; for Adam lr / (1 - beta1^t). */
  stepSize: number;
  /** For Adam 1 / sqrt(1 - beta2^t), else 1. */
  invRootCorrection2: number;
  /** Of the settings. */
  beta1: number;
  gradientShare: number;
}

/** The settings with another momentum, or decay of the first moment. */
export const withMomentum = (settings: OptimizerSettings, beta1: number): OptimizerSettings => ({
  ...settings,
  beta1,
  gradientShare: settings.type === 'sgd' ? settings.gradientShare : 1 - beta1,
});

/** The numbers of step `t`, counted from 1, at a learning rate. */
export function stepNumbers(settings: OptimizerSettings, lr: number, t: number): StepNumbers {
  const { type, beta1, gradientShare, beta2, weightDecay } = settings;
  const adaptive = type === 'adamw' || type === 'adam';
  return {
    shrink: type === 'adamw' || type === 'signSgd' ? 1 - lr * weightDecay : 1,
    stepSize: adaptive ? lr / (1 - beta1 ** t) : lr,
    invRootCorrection2: adaptive ? 1 / Math.sqrt(1 - beta2 ** t) : 1,
    beta1,
    gradientShare,
  };
}

/** One parameter with its moments. */
export interface Parameter {
  value: number;
  first: number;
  second: number;
}

/** A step of one parameter in float64, in the order in which `torch.optim` computes it. */
export function update(
  { value, first, second }: Parameter,
  gradient: number,
  settings: OptimizerSettings,
  { shrink, stepSize, invRootCorrection2 }: Pick<StepNumbers, 'shrink' | 'stepSize' | 'invRootCorrection2'>,
  isFirst: boolean,
): Parameter {
  const { type, beta1, gradientShare, beta2, eps, weightDecay, nesterov } = settings;
  const g = type === 'adam' || type === 'sgd' ? gradient + weightDecay * value : gradient;
  const start = value * shrink;
  if (type === 'adamw' || type === 'adam') {
    const m = beta1 * first + gradientShare * g;
    const v = beta2 * second + (1 - beta2) * g * g;
    return { value: start - (stepSize * m) / (Math.sqrt(v) * invRootCorrection2 + eps), first: m, second: v };
  }
  if (type === 'signSgd') {
    const m = beta1 * first + gradientShare * g;
    return { value: start - stepSize * Math.sign(m), first: m, second };
  }
  if (beta1 === 0) return { value: start - stepSize * g, first, second };
  const buffer = isFirst ? g : beta1 * first + gradientShare * g;
  return { value: start - stepSize * (nesterov ? g + beta1 * buffer : buffer), first: buffer, second };
}
