/**
 * What a strategy is: the three functions a contestant writes, their types, and the check that an object or a loaded
 * file has them. Calling them and judging what they return is the work of dataset.ts and prepare.ts.
 */

import type { LinearParameters } from '../nn/init.js';
import { LockstepError } from '../platform/errors.js';
import type { Generator } from '../random/generator.js';
import type { BitMatrix, BitVector } from '../tensor/bits.js';
import type { Secret } from './secrets.js';
import type { Task } from './task.js';

/**
 * The network as PyTorch constructs it: both layers already hold `nn.Linear`'s default weights, drawn from
 * `generator`, which goes on from there. `initModel` overwrites the arrays in place.
 */
export interface Model {
  /** Weight [W, N], bias [W]. */
  hidden: LinearParameters;
  /** Weight [1, W], bias [1]. */
  output: LinearParameters;
  /** Seeded for this run. Drawing from anything else makes a run irreproducible. */
  generator: Generator;
}

/** AdamW's settings (eps is fixed at 1e-8). */
export interface OptimizerConfig {
  /** Learning rate, above 0. */
  lr: number;
  /** Decoupled weight decay, 0 or more. */
  wd: number;
  /** Decay of the first moment, between 0 and 1. */
  beta1: number;
  /** Decay of the second moment, between 0 and 1. */
  beta2: number;
}

type Numbers = ArrayLike<number>;

/** Examples [examples, N], all 0 or 1: packed bits, rows of numbers, or flat row-major data with its shape. */
export type Examples = BitMatrix | ArrayLike<Numbers> | { data: Numbers; shape: readonly number[] };

/** Labels [examples] or [examples, 1], all 0 or 1: packed bits, numbers, rows of one number, or data with a shape. */
export type Labels = BitVector | Numbers | ArrayLike<Numbers> | { data: Numbers; shape: readonly number[] };

/** What `makeDataset` returns: `{ x, y }` or `[x, y]`. */
export type Dataset = { x: Examples; y: Labels } | readonly [x: Examples, y: Labels];

/** Three choices, and a name for them. See {@link defineStrategy} for an example. */
export interface Strategy {
  name: string;
  /** One line for `bench --list`. */
  description?: string;
  /** Published figures, for `bench --list`. */
  published?: string;
  /** Overwrites the initial weights in place. It does not see the secret. */
  initModel(model: Model, task: Task): void;
  /** Makes the training set of one secret; called once a secret. Draw from `new Generator(seed)`. */
  makeDataset(secret: Secret, task: Task, seed: number): Dataset;
  getOptimizerConfig(task: Task): OptimizerConfig;
}

/**
 * Checks a strategy and gives it its types.
 *
 * @throws LockstepError `bad-input` that names the function that is missing.
 * @example
 * export default defineStrategy({
 *   name: 'ten-thousand',
 *   initModel(model) {
 *     init.kaimingNormal_(model.hidden.weight, model.generator, { nonlinearity: 'relu' });
 *     init.zeros_(model.hidden.bias);
 *   },
 *   makeDataset(secret, task, seed) {
 *     const x = BitMatrix.random(10_000, task.nFeatures, new Generator(seed));
 *     return { x, y: parity(x, secret) };
 *   },
 *   getOptimizerConfig: () => ({ lr: 1e-3, wd: 1e-2, beta1: 0.9, beta2: 0.999 }),
 * });
 */
export function defineStrategy(strategy: Strategy): Strategy {
  return checkStrategy(strategy, 'defineStrategy');
}

/**
 * The strategy in a loaded module: its default export, or its three functions exported by name.
 *
 * @param module What `import()` of the file gave.
 * @param where The file, for messages; it also names a strategy that has no name of its own.
 */
export function strategyOfModule(module: unknown, where: string): Strategy {
  const exports = (module ?? {}) as Record<string, unknown>;
  const found = (exports.default ?? exports) as Partial<Strategy>;
  return checkStrategy(
    {
      name: found.name ?? where.replace(/^.*[\\/]/, '').replace(/\.\w+$/, ''),
      description: found.description,
      published: found.published,
      initModel: bound(found, 'initModel'),
      makeDataset: bound(found, 'makeDataset'),
      getOptimizerConfig: bound(found, 'getOptimizerConfig'),
    },
    where,
  );
}

/** The method, still a method of the object it came from. */
function bound<K extends 'initModel' | 'makeDataset' | 'getOptimizerConfig'>(
  owner: Partial<Strategy>,
  name: K,
): Strategy[K] {
  const method = owner[name];
  return (typeof method === 'function' ? method.bind(owner) : method) as Strategy[K];
}

function checkStrategy(strategy: Strategy, where: string): Strategy {
  if (typeof strategy?.name !== 'string' || strategy.name === '') {
    throw new LockstepError(
      'bad-input',
      `${where}: the strategy has no name; give it a non-empty string as name.`,
    );
  }
  for (const name of ['initModel', 'makeDataset', 'getOptimizerConfig'] as const) {
    if (typeof strategy[name] !== 'function') {
      throw new LockstepError(
        'bad-input',
        `${where}: strategy '${strategy.name}' has no function ${name} (it is ${typeof strategy[name]}); ` +
          'a strategy needs initModel, makeDataset and getOptimizerConfig.',
      );
    }
  }
  return strategy;
}

/**
 * Calls one of a strategy's functions. An exception becomes an error that names the strategy and the function, and so
 * does a promise: the three functions are synchronous.
 */
export function callStrategy<T>(strategy: Strategy, name: keyof Strategy, call: () => T): T {
  let result: T;
  try {
    result = call();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw badStrategy(strategy, name, `threw: ${message}`, { cause });
  }
  if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
    throw badStrategy(
      strategy,
      name,
      'returned a promise; it must return its result itself, not asynchronously.',
    );
  }
  return result;
}

/** A `bad-input` error that begins with the strategy and its function. */
export function badStrategy(
  strategy: Pick<Strategy, 'name'>,
  name: keyof Strategy,
  problem: string,
  options?: ErrorOptions,
): LockstepError {
  return new LockstepError('bad-input', `Strategy '${strategy.name}', ${name}: ${problem}`, options);
}
