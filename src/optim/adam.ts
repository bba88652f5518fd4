/** Adam and AdamW as PyTorch computes them. The running means stay on the device. */
import { adamStep } from '../kernels/tensor/optimizer.js';
import { badArgument, checkNumber } from '../platform/arguments.js';
import type { Tensor } from '../tensor/tensor.js';
import { Optimizer, type ParamGroup, type ParamUpdate } from './optimizer.js';

/** Settings of {@link Adam} and {@link AdamW}. */
export interface AdamSettings {
  /** Learning rate. Default 1e-3. */
  lr: number;
  /** Decay of the running means of the gradient and of its square. Default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps: number;
  /** Default 0 for Adam, 0.01 for AdamW. */
  weightDecay: number;
}

const DEFAULTS: AdamSettings = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 };

abstract class AdamBase extends Optimizer<AdamSettings> {
  protected abstract readonly decoupled: boolean;

  /** @internal */
  protected override get formerNames() {
    return { mean: 'exp_avg', square: 'exp_avg_sq' };
  }

  protected override check({ lr, betas, eps, weightDecay }: AdamSettings): void {
    const { name } = this.constructor;
    checkNumber(name, 'lr', lr, { min: 0 });
    if (!Array.isArray(betas) || betas.length !== 2) {
      throw badArgument(name, 'betas', betas, 'two numbers fit, as [0.9, 0.999]');
    }
    checkNumber(name, 'betas[0]', betas[0], { min: 0, below: 1 });
    checkNumber(name, 'betas[1]', betas[1], { min: 0, below: 1 });
    checkNumber(name, 'eps', eps, { min: 0 });
    checkNumber(name, 'weightDecay', weightDecay, { min: 0 });
  }

  protected override update(updates: readonly ParamUpdate<AdamSettings>[]): void {
    this.makeState(updates, ['exp_avg', 'exp_avg_sq']);
    const steps = updates.map(({ parameter, gradient, state, settings }) => {
      const { lr, betas, eps, weightDecay } = settings;
      const { exp_avg: expAvg, exp_avg_sq: expAvgSq } = state.tensors;
      return { parameter, gradient, expAvg, expAvgSq, lr, betas, eps, weightDecay, step: state.step };
    });
    adamStep(steps, { decoupled: this.decoupled });
  }
}

/**
 * Adam (Kingma and Ba 2015). Weight decay is added to the gradient, as in `torch.optim.Adam`.
 *
 * @example
 * const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
 */
export class Adam extends AdamBase {
  protected override readonly decoupled = false;

  constructor(
    params: readonly Tensor[] | readonly ParamGroup<AdamSettings>[],
    settings?: Partial<AdamSettings>,
  ) {
    super(params, DEFAULTS, settings);
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), as `torch.optim.AdamW`: the parameter is multiplied
 * by `1 - lr * weightDecay` before the step.
 *
 * @example
 * const optimizer = new optim.AdamW([
 *   { params: [layer.weight] },
 *   { params: [layer.bias!], weightDecay: 0 },
 * ], { lr: 0.05 });
 */
export class AdamW extends AdamBase {
  protected override readonly decoupled = true;

  constructor(
    params: readonly Tensor[] | readonly ParamGroup<AdamSettings>[],
    settings?: Partial<AdamSettings>,
  ) {
    super(params, { ...DEFAULTS, weightDecay: 0.01 }, settings);
  }
}
