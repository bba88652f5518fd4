/** Picks the kernel variant that trains a shape on a device. */
import type { Device } from '../gpu/device.js';
import { LockstepError } from '../gpu/errors.js';
import { portableVariant } from '../kernels/portable.js';
import { shuffleVariant } from '../kernels/shuffle.js';
import type { KernelShape, KernelVariant } from '../kernels/training-kernel.js';

/** Fastest first; the last one runs anywhere. */
const VARIANTS: readonly KernelVariant[] = [shuffleVariant, portableVariant];

/** @throws LockstepError `unsupported` where the variant asked for by name cannot run, with the reason. */
export function chooseVariant(
  device: Device,
  shape: KernelShape,
  name: 'auto' | KernelVariant['name'],
): KernelVariant {
  if (name === 'auto')
    return VARIANTS.find((variant) => variant.refusal(device, shape) === undefined) ?? portableVariant;
  const variant = VARIANTS.find((candidate) => candidate.name === name);
  if (!variant) {
    const names = VARIANTS.map((candidate) => candidate.name).join(', ');
    throw new LockstepError('bad-input', `There is no kernel "${name}"; there are auto, ${names}.`);
  }
  const refusal = variant.refusal(device, shape);
  if (refusal) throw new LockstepError('unsupported', `The ${name} kernel cannot train this: ${refusal}`);
  return variant;
}
