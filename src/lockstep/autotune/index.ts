/**
 * Picks the kernel variant that trains a shape on a device: by the adapter's properties and, if several are left, by
 * timing them once and remembering the winner.
 */
import type { Device } from '../../gpu/device.js';
import type { KernelName, KernelShape, KernelVariant } from '../../kernels/train/training-kernel.js';
import { recall, remember, winnerKey } from './cache.js';
import { candidates, variantNamed } from './candidates.js';
import { timeKernel } from './time.js';

/**
 * The variant that trains `runs` runs of a shape.
 *
 * @throws LockstepError `bad-input` for an unknown name; `unsupported` if the variant with that name cannot run, with
 *   the reason and a variant that can.
 */
export async function chooseVariant(
  device: Device,
  shape: KernelShape,
  name: 'auto' | KernelName,
  runs: number,
): Promise<KernelVariant> {
  if (name !== 'auto') return variantNamed(name, device, shape, runs);
  const guesses = candidates(device, shape, runs);
  return guesses.length > 1 ? fastest(device, guesses, shape, runs) : guesses[0];
}

/** The winner that is remembered, or else that of a timing now. */
export async function fastest(
  device: Device,
  guesses: readonly KernelVariant[],
  shape: KernelShape,
  runs: number,
  time = timeKernel,
): Promise<KernelVariant> {
  const key = winnerKey(device.info, shape, runs);
  const before = await recall(key);
  const remembered = guesses.find(({ name }) => name === before);
  if (remembered) return remembered;
  let best = guesses[0];
  let least = Infinity;
  for (const guess of guesses) {
    const ms = await time(device, guess, shape, runs);
    if (ms < least) [best, least] = [guess, ms];
  }
  await remember(key, best.name);
  return best;
}
