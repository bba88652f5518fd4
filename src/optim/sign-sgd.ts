/** Descent by the gradient's signs. */
import { signStep } from '../kernels/tensor/optimizer.js';
import type { Tensor } from '../tensor/tensor.js';
import { Optimizer, type ParamGroup, type ParamUpdate } from './optimizer.js';
import { checkSetting, isAbove0, type Setting } from './settings.js';

/** Settings of {@link SignSGD}. */
export interface SignSgdSettings {
  /** Learning rate: how far each element moves. Default 1e-3. */
  lr: Setting;
  /** Share of the gradient's running mean that stays; its signs are taken then. Default 0: the gradient's own. */
  momentum: Setting;
  /** Taken off the parameter, times the learning rate. Default 0. */
  weightDecay: Setting;
}

const DEFAULTS: SignSgdSettings = { lr: 1e-3, momentum: 0, weightDecay: 0 };

/**
 * `p - lr * (sign(g) + weightDecay * p)`: signSGD (Bernstein et al. 2018); with momentum the sign is that of
 * `m = momentum * m + (1 - momentum) * g`, their Signum.
 *
 * @example
 * const optimizer = new optim.SignSGD(model.parameters(), { lr: 1e-3, momentum: 0.9 });
 */
export class SignSGD extends Optimizer<SignSgdSettings> {
  constructor(
    params: readonly Tensor[] | readonly ParamGroup<SignSgdSettings>[],
    settings?: Partial<SignSgdSettings>,
  ) {
    super(params, DEFAULTS, settings);
  }

  protected override check({ lr, momentum, weightDecay }: SignSgdSettings): void {
    const { name } = this.constructor;
    checkSetting(name, 'lr', lr, { min: 0 });
    checkSetting(name, 'momentum', momentum, { min: 0, below: 1 });
    checkSetting(name, 'weightDecay', weightDecay, { min: 0 });
  }

  protected override byModel({ lr, momentum, weightDecay }: SignSgdSettings): Record<string, Setting> {
    return { lr, momentum, weightDecay };
  }

  protected override update(updates: readonly ParamUpdate<SignSgdSettings>[]): void {
    for (const withMomentum of [false, true]) {
      const same = updates.filter(({ settings }) => isAbove0(settings.momentum) === withMomentum);
      if (same.length === 0) continue;
      if (withMomentum) this.makeState(same, ['momentum_buffer']);
      signStep(
        same.map(({ parameter, gradient, state, settings }) => ({
          ...settings,
          parameter,
          gradient,
          momentumBuffer: withMomentum ? state.tensors.momentum_buffer : undefined,
        })),
      );
    }
  }
}
