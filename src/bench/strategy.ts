/**
 * Defines what a strategy is: the three functions that a contestant writes, their types, and the check that an object or a
 * file has them. strategy-call.ts calls them; dataset.ts and prepare.ts check what they return.
 */

import type { LinearParameters } from '../nn/host-init.js';
import { checkText } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames, nearest, showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import { thrownText } from '../platform/thrown.js';
import type { Generator } from '../random/generator.js';
import type { Examples, Labels } from '../tensor/pack-bits.js';
import type { Secret } from './secrets.js';
import type { Task } from './task.js';

/**
 * The network as PyTorch constructs it. Both layers already have `nn.Linear`'s default weights, the first numbers that
 * `generator` drew. `initModel` overwrites the arrays in place.
 */
export interface Model {
  /** Weight [W, N], bias [W]. */
  hidden: LinearParameters;
  /** Weight [1, W], bias [1]. */
  output: LinearParameters;
  /** Seeded for this run. Draw only from it, or the run cannot be reproduced. */
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

/** What `makeDataset` returns: `{ x, y }` or `[x, y]`. */
export type Dataset = { x: Examples; y: Labels } | readonly [x: Examples, y: Labels];

/** A strategy: three functions and a name. See {@link defineStrategy} for an example. */
export interface Strategy {
  /** Shown and written to files. Up to 100 bytes of UTF-8 without control characters. */
  name: string;
  /** One line for `bench --list`. */
  description?: string;
  /** Published figures, for `bench --list`. */
  published?: string;
  /**
   * Overwrites the initial weights in place. It does not get the secret. In a strategy from a file, it runs in another thread
   * than `makeDataset` and cannot see its variables.
   */
  initModel(model: Model, task: Task): void;
  /**
   * Makes the training set of one secret. Called once for each secret. Draw from `new Generator(seed)`. `secret` and `task` are
   * frozen copies, and the result is copied, too.
   */
  makeDataset(secret: Secret, task: Task, seed: number): Dataset;
  getOptimizerConfig(task: Task): OptimizerConfig;
}

/**
 * Checks a strategy, and gives an object literal the types of its functions' arguments.
 *
 * @throws LockstepError `bad-input` that names a missing function or an unknown key.
 * @example
 * export default defineStrategy({
 *   name: 'ten-thousand',
 *   initModel(model) {
 *     init.kaimingNormal_(model.hidden.weight, { nonlinearity: 'relu' }, model.generator);
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
  if (typeof strategy !== 'object' || strategy === null) throw notAStrategy('defineStrategy', strategy);
  checkOptionNames('defineStrategy', strategy, KEYS);
  return checkStrategy(strategy, 'defineStrategy');
}

const FUNCTIONS = ['initModel', 'makeDataset', 'getOptimizerConfig'] as const;
const KEYS = ['name', 'description', 'published', ...FUNCTIONS];

/** The longest name in bytes of UTF-8: with configuration, seed and ending it has to fit into a file name of 255. */
const MOST_NAME_BYTES = 100;

/** The folder of a strategy's file, in which the places of its errors lie. */
const folders = new WeakMap<Strategy, string>();

export const folderOf = (strategy: Strategy): string | undefined => folders.get(strategy);

/**
 * The strategy in a loaded module: its default export, or its three functions exported by name.
 *
 * @param module The result of importing the file.
 * @param where The file, for messages. A strategy without a name is named after it.
 */
export function strategyOfModule(module: unknown, where: string): Strategy {
  checkText('strategyOfModule', 'the name of the file', where);
  let found: Strategy;
  try {
    found = readModule(module, where);
  } catch (cause) {
    if (cause instanceof LockstepError) throw cause;
    const message = `${where}: the strategy that it exports cannot be read: ${thrownText(cause)}.`;
    throw new LockstepError('bad-input', message, { cause });
  }
  folders.set(found, where.replace(/[^\\/]*$/, ''));
  return found;
}

function readModule(module: unknown, where: string): Strategy {
  const exports = (module ?? {}) as Record<string, unknown>;
  const found = (exports.default ?? exports) as Partial<Strategy>;
  if (typeof found !== 'object' || typeof (found as { then?: unknown }).then === 'function')
    throw notAStrategy(where, found);
  const strategy = {
    name: found.name ?? nameOfFile(where),
    description: found.description,
    published: found.published,
    initModel: bound(found, 'initModel', where),
    makeDataset: bound(found, 'makeDataset', where),
    getOptimizerConfig: bound(found, 'getOptimizerConfig', where),
  };
  return checkStrategy(strategy, where);
}

/** The file's name without its ending, shortened to what a strategy's name may be. */
function nameOfFile(path: string): string {
  const stem = path.replace(/^.*[\\/]/, '').replace(/\.\w+$/, '');
  const characters = [...printable(stem, MOST_NAME_BYTES)];
  while (bytesOf(characters.join('')) > MOST_NAME_BYTES) characters.pop();
  return characters.join('') || 'strategy';
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

function notAStrategy(where: string, found: unknown): LockstepError {
  const isClass = typeof found === 'function' && /^class\b/.test(Function.prototype.toString.call(found));
  const kind = isClass ? 'a class (export an instance: new …)' : showKind(found);
  return new LockstepError(
    'bad-input',
    `${where}: the strategy is ${kind}; it must be an object with ${FUNCTIONS.join(', ')}.`,
  );
}

/** The method, bound to its object. */
function bound<K extends (typeof FUNCTIONS)[number]>(
  owner: Partial<Strategy>,
  name: K,
  where: string,
): Strategy[K] {
  const method = owner[name];
  if (typeof method === 'function') return method.bind(owner) as Strategy[K];
  const meant = Object.keys(owner).find((key) => nearest(key, [name]) && !KEYS.includes(key));
  if (meant === undefined || method !== undefined) return method as unknown as Strategy[K];
  throw new LockstepError(
    'bad-input',
    `${where}: the strategy has no function ${name}, but ${printable(meant)}; did you mean ${name}?`,
  );
}

/** @throws LockstepError `bad-input` for a value that is not an object, or that lacks a name or a function. */
export function checkStrategy(strategy: Strategy, where: string): Strategy {
  if (typeof strategy !== 'object' || strategy === null) throw notAStrategy(where, strategy);
  checkName(strategy.name, where);
  for (const name of FUNCTIONS) {
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

/** @throws LockstepError `bad-input` for a name that cannot be shown or written into files. */
export function checkName(name: unknown, where: string): asserts name is string {
  const refuse = (problem: string) => new LockstepError('bad-input', `${where}: ${problem}`);
  if (typeof name !== 'string' || name.trim() === '')
    throw refuse(`the strategy has no name (it is ${showKind(name)}); give it a non-empty string as name.`);
  const shown = printable(name, MOST_NAME_BYTES);
  const bytes = bytesOf(name);
  if (bytes > MOST_NAME_BYTES)
    throw refuse(`the strategy's name, '${shown}', has ${bytes} bytes; it may have ${MOST_NAME_BYTES}.`);
  if (shown !== name)
    throw refuse(`the strategy's name, '${shown}', has a control character; it must be plain text.`);
}
