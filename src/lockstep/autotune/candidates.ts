/**
 * Lists the kernel variants that are worth trying for a shape on a device, the best guess first. It is a pure function of the
 * adapter's properties. time.ts times the candidates, and cache.ts remembers the winner.
 */

import { portableVariant } from '../../kernels/train/portable.js';
import { subgroupVariant } from '../../kernels/train/subgroup.js';
import { batchedVariant } from '../../kernels/train/tiles-batched.js';
import { f16Variant } from '../../kernels/train/tiles-f16.js';
import { persistentVariant } from '../../kernels/train/tiles-persistent.js';
import {
  type AdapterFacts,
  KERNEL_NAMES,
  type KernelName,
  type KernelShape,
  type KernelVariant,
} from '../../kernels/train/training-kernel.js';
import { LockstepError } from '../../platform/errors.js';

const VARIANTS: Record<KernelName, KernelVariant> = {
  subgroup: subgroupVariant,
  'tiles-persistent': persistentVariant,
  'tiles-batched': batchedVariant,
  'tiles-f16': f16Variant,
  portable: portableVariant,
};

/**
 * From this many runs on, a workgroup for each run is the better guess. A GPU has 20 to 150 cores, and WebGPU does
 * not say how many.
 */
const MANY_RUNS = 48;

/** With fewer multiply-adds in a step than this, padding a tile on a CPU driver takes longer than plain loops do. */
const FEW_PRODUCTS = 2 ** 17;

/**
 * The variants that could be the fastest, the best guess first; never empty. If there are several, all give the same
 * bits: the choice may depend on the number of runs, and a run's numbers must not.
 */
export function candidates(adapter: AdapterFacts, shape: KernelShape, runs: number): KernelVariant[] {
  const fits = (variant: KernelVariant) => variant.refusal(adapter, shape) === undefined;
  if (adapter.info.isCpu) {
    // There a load costs more than an addition, and a shuffle of eight lanes costs next to nothing.
    if (fits(subgroupVariant)) return [subgroupVariant];
    const small = shape.features * shape.hidden * shape.batch < FEW_PRODUCTS;
    return small || !fits(batchedVariant) ? [portableVariant] : [batchedVariant];
  }
  // On a GPU a shuffle is a quarter as fast as a multiply-add, and a table of 32 entries replaces five of those: no
  // gain. The subgroup kernel trains there only if it is named.
  const guesses =
    runs >= MANY_RUNS ? [persistentVariant, batchedVariant] : [batchedVariant, persistentVariant];
  const fitting = guesses.filter(fits);
  return fitting.length > 0 ? fitting : [portableVariant];
}

/**
 * The variant with this name.
 *
 * @throws LockstepError `bad-input` for an unknown name; `unsupported` if it cannot train the shape here, with the
 *   reason and a variant that can.
 */
export function variantNamed(
  name: string,
  adapter: AdapterFacts,
  shape: KernelShape,
  runs: number,
): KernelVariant {
  if (!Object.hasOwn(VARIANTS, name)) {
    throw new LockstepError(
      'bad-input',
      `There is no kernel "${name}"; there are ${['auto', ...KERNEL_NAMES].join(', ')}.`,
    );
  }
  const variant = VARIANTS[name as KernelName];
  const refusal = variant.refusal(adapter, shape);
  if (refusal === undefined) return variant;
  const [other] = candidates(adapter, shape, runs);
  throw new LockstepError(
    'unsupported',
    `The ${name} kernel cannot train this: ${refusal} The ${other.name} kernel can.`,
  );
}
