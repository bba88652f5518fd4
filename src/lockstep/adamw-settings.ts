/** Checks the settings of AdamW that a caller gives to a two-layer network of bits, and fills in PyTorch's defaults. */
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { isNumber, isObject, shown } from './options.js';
import type { AdamWSettings } from './types.js';

/** PyTorch's defaults. */
export const ADAMW_DEFAULTS: Required<AdamWSettings> = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0.01,
};
/** Smaller values are not normal float32 numbers, and a device may treat them as 0. */
const SMALLEST_EPS = 1.2e-38;

/**
 * @param where With what errors begin, as `trainLockstep: run 0`.
 * @throws LockstepError `bad-input` naming the setting, its value and what fits.
 */
export function checkOptimizer(where: string, given: AdamWSettings = {}): Required<AdamWSettings> {
  const refuse = (what: string): never => {
    throw new LockstepError('bad-input', `${where}: ${what}.`);
  };
  if (!isObject(given)) refuse(`optimizer is ${shown(given)}; it must be { lr, betas, eps, weightDecay }`);
  for (const [other, hint] of Object.entries({
    beta1: 'betas: [b1, b2]',
    beta2: 'betas: [b1, b2]',
    wd: 'weightDecay',
  })) {
    if (other in given) refuse(`optimizer: unknown option ${other}; write ${hint}`);
  }
  checkOptionNames(`${where}: optimizer`, given, Object.keys(ADAMW_DEFAULTS));
  const {
    lr = ADAMW_DEFAULTS.lr,
    betas = ADAMW_DEFAULTS.betas,
    eps = ADAMW_DEFAULTS.eps,
    weightDecay = ADAMW_DEFAULTS.weightDecay,
  } = given;
  if (!(isNumber(lr) && lr > 0)) refuse(`optimizer.lr is ${shown(lr)}; it must be a finite number above 0`);
  if (!(isNumber(weightDecay) && weightDecay >= 0))
    refuse(`optimizer.weightDecay is ${shown(weightDecay)}; it must be a finite number of 0 or more`);
  if (!Array.isArray(betas) || betas.length !== 2)
    refuse(`optimizer.betas is ${shown(betas)}; it must be two numbers, [0.9, 0.999] by default`);
  betas.forEach((beta: unknown, i) => {
    if (isNumber(beta) && beta >= 0 && beta < 1) return;
    refuse(`optimizer.betas[${i}] is ${shown(beta)}; it must be in [0, 1)`);
  });
  // A unit that no sample activates has a gradient of 0: with eps 0 its step would be 0 / 0.
  if (!(isNumber(eps) && eps >= SMALLEST_EPS))
    refuse(`optimizer.eps is ${shown(eps)}; it must be a finite number of at least ${SMALLEST_EPS}`);
  return { lr, betas: [betas[0], betas[1]], eps, weightDecay };
}
