/** The seeds of the parity protocol: one function for each row of its table. */
import { checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';

/** Top-level seeds beyond this would lose digits when multiplied by 2,000,000. */
const MAX_SEED = 2 ** 32 - 1;

/** Throws unless `seed` is a whole number of 0 to 2^32 - 1. */
export function validateSeed(seed: number): void {
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
    const shown = typeof seed === 'number' ? seed : showKind(seed);
    throw new LockstepError(
      'bad-input',
      `The seed is ${shown}; it must be a whole number of 0 to ${MAX_SEED}.`,
    );
  }
}

/** Throws unless the seeds below can be computed from `seed` and the indices, which count from 0. */
export function checkPlace(where: string, seed: number, indices: Record<string, number>): void {
  validateSeed(seed);
  for (const [name, index] of Object.entries(indices))
    checkNumber(where, name, index, { min: 0, whole: true });
}

/** The seed of Python's `random.Random` that draws the secrets. */
export function secretsSeed(seed: number): number {
  return seed + 17;
}

/** The seed of a secret's training set. */
export function trainingSetSeed(seed: number, secretIndex: number): number {
  return seed * 10_000 + secretIndex;
}

/** The seed of a secret's test set. */
export function testSetSeed(seed: number, secretIndex: number): number {
  return seed * 20_000 + secretIndex;
}

/** The seed of a run's initial weights. */
export function weightsSeed(seed: number, secretIndex: number, orderIndex: number): number {
  return seed * 1_000_000 + secretIndex * 1000 + orderIndex;
}

/** The seed of a run's epoch order. */
export function orderSeed(seed: number, secretIndex: number, orderIndex: number): number {
  return seed * 2_000_000 + secretIndex * 1000 + orderIndex;
}
