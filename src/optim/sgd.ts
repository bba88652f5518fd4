/** Stochastic gradient descent, as PyTorch computes it. */

import { sgdStep } from '../kernels/tensor/optimizer.js';
import { checkBoolean } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { Optimizer, type ParamGroup, type ParamUpdate } from './optimizer.js';
import { checkSetting, isAbove0, mapSetting, type Setting } from './settings.js';

/** Settings of {@link SGD}. */
export interface SgdSettings {
  /** Learning rate. Default 1e-3. */
  lr: Setting;
  /** The factor of the old velocity in each step. Default 0: no velocity. */
  momentum: Setting;
  /** The velocity gets the gradient times `1 - dampening`. Default 0. */
  dampening: Setting;
  /** Added to the gradient, times the parameter. Default 0. */
  weightDecay: Setting;
  /** Step along the velocity as it will be (Nesterov). Needs momentum and no dampening. Default false. */
  nesterov: boolean;
}

const DEFAULTS: SgdSettings = { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false };

/**
 * Gradient descent with momentum, as `torch.optim.SGD`.
 *
 * @example
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true });
 */
export class SGD extends Optimizer<SgdSettings> {
  constructor(
    params: readonly Tensor[] | readonly ParamGroup<SgdSettings>[],
    settings?: Partial<SgdSettings>,
  ) {
    super(params, DEFAULTS, settings);
  }

  /** @internal */
  protected override get formerNames() {
    return { velocity: 'momentum_buffer' };
  }

  protected override check({ lr, momentum, dampening, weightDecay, nesterov }: SgdSettings): void {
    const { name } = this.constructor;
    checkSetting(name, 'lr', lr, { min: 0 });
    checkSetting(name, 'momentum', momentum, { min: 0 });
    checkSetting(name, 'dampening', dampening, {});
    checkSetting(name, 'weightDecay', weightDecay, { min: 0 });
    checkBoolean(name, 'nesterov', nesterov);
    if (
      nesterov &&
      [mapSetting([momentum, dampening], (m, d) => Number(m <= 0 || d !== 0))].flat().includes(1)
    ) {
      throw new LockstepError('bad-input', `${name}: Nesterov momentum needs a momentum and no dampening.`);
    }
  }

  protected override byModel({ lr, momentum, dampening, weightDecay }: SgdSettings): Record<string, Setting> {
    return { lr, momentum, dampening, weightDecay };
  }

  protected override update(updates: readonly ParamUpdate<SgdSettings>[]): void {
    // A velocity begins in the first step with momentum, which may be set later than in the first step.
    const begins = updates.filter(({ state }) => !Object.hasOwn(state.tensors, 'momentum_buffer'));
    this.makeState(
      updates.filter(({ settings }) => isAbove0(settings.momentum)),
      ['momentum_buffer'],
    );
    for (const nesterov of [false, true]) {
      for (const withMomentum of [false, true]) {
        const same = updates.filter(
          ({ settings }) => settings.nesterov === nesterov && isAbove0(settings.momentum) === withMomentum,
        );
        const steps = same.map((update) => ({
          ...update.settings,
          parameter: update.parameter,
          gradient: update.gradient,
          momentumBuffer: withMomentum ? update.state.tensors.momentum_buffer : undefined,
          first: begins.includes(update),
        }));
        if (steps.length > 0) sgdStep(steps, { nesterov });
      }
    }
  }
}
