/** RMSprop, as PyTorch computes it; the running means stay on the device. */
import { rmspropStep } from '../kernels/tensor/optimizer.js';
import { checkBoolean } from '../platform/arguments.js';
import type { Tensor } from '../tensor/tensor.js';
import { Optimizer, type ParamGroup, type ParamUpdate } from './optimizer.js';
import { checkSetting, isAbove0, type Setting } from './settings.js';

/** Settings of {@link RMSprop}. */
export interface RmspropSettings {
  /** Learning rate. Default 0.01. */
  lr: Setting;
  /** Decay of the running mean of the gradient's square. Default 0.99. */
  alpha: Setting;
  /** Added to the denominator. Default 1e-8. */
  eps: Setting;
  /** Added to the gradient, times the parameter. Default 0. */
  weightDecay: Setting;
  /** Share of the velocity that stays. Default 0: no velocity. */
  momentum: Setting;
  /** Take the gradient's variance instead of its square. Default false. */
  centered: boolean;
}

const DEFAULTS: RmspropSettings = {
  lr: 0.01,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
};

/**
 * Steps by the gradient over the root of its running mean square (Hinton 2012), as `torch.optim.RMSprop`.
 *
 * @example
 * const optimizer = new optim.RMSprop(model.parameters(), { lr: 1e-3, momentum: 0.9 });
 */
export class RMSprop extends Optimizer<RmspropSettings> {
  constructor(
    params: readonly Tensor[] | readonly ParamGroup<RmspropSettings>[],
    settings?: Partial<RmspropSettings>,
  ) {
    super(params, DEFAULTS, settings);
  }

  /** @internal */
  protected override get fromFirstStep() {
    return ['square_avg'];
  }

  protected override check({ lr, alpha, eps, weightDecay, momentum, centered }: RmspropSettings): void {
    const { name } = this.constructor;
    checkSetting(name, 'lr', lr, { min: 0 });
    checkSetting(name, 'alpha', alpha, { min: 0 });
    checkSetting(name, 'eps', eps, { min: 0 });
    checkSetting(name, 'weightDecay', weightDecay, { min: 0 });
    checkSetting(name, 'momentum', momentum, { min: 0 });
    checkBoolean(name, 'centered', centered);
  }

  protected override byModel({
    lr,
    alpha,
    eps,
    weightDecay,
    momentum,
  }: RmspropSettings): Record<string, Setting> {
    return { lr, alpha, eps, weightDecay, momentum };
  }

  protected override update(updates: readonly ParamUpdate<RmspropSettings>[]): void {
    for (const centered of [false, true]) {
      for (const withMomentum of [false, true]) {
        const same = updates.filter(
          ({ settings }) => settings.centered === centered && isAbove0(settings.momentum) === withMomentum,
        );
        if (same.length > 0) this.#step(same, centered, withMomentum);
      }
    }
  }

  #step(updates: readonly ParamUpdate<RmspropSettings>[], centered: boolean, withMomentum: boolean): void {
    this.makeState(updates, [
      'square_avg',
      ...(centered ? ['grad_avg'] : []),
      ...(withMomentum ? ['momentum_buffer'] : []),
    ]);
    rmspropStep(
      updates.map(({ parameter, gradient, state: { tensors }, settings }) => ({
        ...settings,
        parameter,
        gradient,
        squareAvg: tensors.square_avg,
        gradAvg: centered ? tensors.grad_avg : undefined,
        momentumBuffer: withMomentum ? tensors.momentum_buffer : undefined,
      })),
    );
  }
}
