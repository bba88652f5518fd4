/** The built-in strategies, in the order of `bench --list`. */
import { LockstepError } from '../../platform/errors.js';
import { printable } from '../../platform/printable.js';
import type { Strategy } from '../strategy.js';
import { antitheticAnchors } from './antithetic-anchors.js';
import { cubeAndSkew } from './cube-and-skew.js';
import { cubeMostlyZero } from './cube-mostly-zero.js';
import { exhaustiveCoverage } from './exhaustive-coverage.js';
import { featureIsolation, featureIsolationWd1 } from './feature-isolation.js';
import { multiEpoch, noWeightDecay, standard, starter } from './uniform-rows.js';

/**
 * The first seven draw what the PyTorch reference draws. The last three follow a description.
 */
export const strategies: readonly Strategy[] = [
  featureIsolation,
  featureIsolationWd1,
  exhaustiveCoverage,
  standard,
  multiEpoch,
  noWeightDecay,
  starter,
  cubeMostlyZero,
  cubeAndSkew,
  antitheticAnchors,
];

/** The built-in strategy of that name. Throws `bad-input` with the list of names where there is none. */
export function strategyNamed(name: string): Strategy {
  const found = strategies.find((strategy) => strategy.name === name);
  if (found === undefined) {
    const names = strategies.map((strategy) => strategy.name).join(', ');
    throw new LockstepError(
      'bad-input',
      `Unknown strategy '${printable(name)}'; built in are ${names}. A file needs its ending (.ts, .js or .mjs).`,
    );
  }
  return found;
}
