/** Adam and AdamW as PyTorch computes them. The running means stay on the device. */
import { adamStep } from '../kernels/tensor/optimizer.js';
import { badArgument, checkBoolean } from '../platform/arguments.js';
import type { Tensor } from '../tensor/tensor.js';
import { Optimizer, type ParamGroup, type ParamUpdate } from './optimizer.js';
import { checkSetting, type Setting } from './settings.js';

/** Settings of {@link Adam} and {@link AdamW}. */
export interface AdamSettings {
  /** Learning rate. Default 1e-3. */
  lr: Setting;
  /** Decay of the running means of the gradient and of its square. Default [0.9, 0.999]. */
  betas: readonly [Setting, Setting];
  /** Added to the denominator. Default 1e-8. */
  eps: Setting;
  /** Default 0 for Adam, 0.01 for AdamW. */
  weightDecay: Setting;
  /** The largest second moment so far in the denominator (Reddi et al. 2018). Default false. */
  amsgrad: boolean;
}

const DEFAULTS: AdamSettings = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
};

abstract class AdamBase extends Optimizer<AdamSettings> {
  protected abstract readonly decoupled: boolean;

  /** @internal */
  protected override get formerNames() {
    return { mean: 'exp_avg', square: 'exp_avg_sq' };
  }

  /** @internal */
  protected override get fromFirstStep() {
    return ['exp_avg', 'exp_avg_sq'];
  }

  protected override check({ lr, betas, eps, weightDecay, amsgrad }: AdamSettings): void {
    const { name } = this.constructor;
    checkSetting(name, 'lr', lr, { min: 0 });
    if (!Array.isArray(betas) || betas.length !== 2) {
      throw badArgument(name, 'betas', betas, 'two numbers fit, as [0.9, 0.999]');
    }
    checkSetting(name, 'betas[0]', betas[0], { min: 0, below: 1 });
    checkSetting(name, 'betas[1]', betas[1], { min: 0, below: 1 });
    checkSetting(name, 'eps', eps, { min: 0 });
    checkSetting(name, 'weightDecay', weightDecay, { min: 0 });
    checkBoolean(name, 'amsgrad', amsgrad);
  }

  protected override byModel({ lr, betas, eps, weightDecay }: AdamSettings): Record<string, Setting> {
    return { lr, 'betas[0]': betas[0], 'betas[1]': betas[1], eps, weightDecay };
  }

  protected override update(updates: readonly ParamUpdate<AdamSettings>[]): void {
    for (const amsgrad of [false, true]) {
      const same = updates.filter(({ settings }) => settings.amsgrad === amsgrad);
      this.makeState(same, ['exp_avg', 'exp_avg_sq', ...(amsgrad ? ['max_exp_avg_sq'] : [])]);
      const steps = same.map(({ parameter, gradient, state, settings }) => {
        const { lr, betas, eps, weightDecay } = settings;
        const { exp_avg: expAvg, exp_avg_sq: expAvgSq, max_exp_avg_sq } = state.tensors;
        const maxExpAvgSq = amsgrad ? max_exp_avg_sq : undefined;
        const rule = { lr, betas, eps, weightDecay, step: state.step };
        return { parameter, gradient, expAvg, expAvgSq, maxExpAvgSq, ...rule };
      });
      if (steps.length > 0) adamStep(steps, { decoupled: this.decoupled });
    }
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
