/**
 * Makes training and test sets. It calls `makeDataset` and checks what it returns, by the parity protocol's list of bad input.
 * Errors come before any training, and name the strategy, the function and the value.
 */
import { checkList, checkNumber, checkObject } from '../platform/arguments.js';
import { showKind } from '../platform/options.js';
import { Generator } from '../random/generator.js';
import { type BinaryDataset, BitMatrix, BitVector } from '../tensor/bits.js';
import { describe, extentsOf, packMatrix, packVector } from '../tensor/pack-bits.js';
import { parity } from '../tensor/parity.js';
import type { Secret } from './secrets.js';
import type { Strategy } from './strategy.js';
import { askStrategy, checkReturnedKeys, type Fail, lentSecret, lentTask } from './strategy-call.js';
import { checkTask, type Task } from './task.js';

/** `task.testSetSize` uniform rows with their parity labels; the same for every strategy. */
export function makeTestSet(secret: Secret, task: Task, seed: number): BinaryDataset {
  checkTask('makeTestSet', task, ['testSetSize', 'nFeatures']);
  const x = BitMatrix.random(task.testSetSize, task.nFeatures, new Generator(seed));
  return { x, y: parity(x, secret) };
}

/**
 * The strategy's dataset for one secret, checked and packed. The bits are a copy that the strategy cannot change later.
 */
export function makeTrainingSet(strategy: Strategy, secret: Secret, task: Task, seed: number): BinaryDataset {
  checkObject('makeTrainingSet', 'the strategy', strategy, 'an object of defineStrategy fits');
  checkTask('makeTrainingSet', task, ['nFeatures', 'maxTrainExamples']);
  checkNumber('makeTrainingSet', 'the seed', seed, { whole: true });
  checkList('makeTrainingSet', 'the secret', secret, 'a list of columns fits, as [0, 3]');
  const call = () => strategy.makeDataset(lentSecret(secret), lentTask(task), seed);
  return askStrategy(strategy, 'makeDataset', call, (returned, fail) => {
    const [x, y] = pairOf(returned, fail);
    return judgeDataset(ownBits('x', x, fail), ownBits('y', y, fail), task, fail);
  });
}

/** Checks and packs examples and labels in any of their forms. Packed ones are not copied. */
export function judgeDataset(x: unknown, y: unknown, task: Task, fail: Fail): BinaryDataset {
  checkExamplesShape(x, task, fail);
  const examples = packMatrix(x, { fail });
  // Checked once more after packing: an object may give another length each time it is asked.
  checkExamplesShape(examples, task, fail);
  checkLabelCount(extentsOf(y)[0], examples, fail);
  const labels = packVector(y, { fail });
  checkLabelCount(labels.length, examples, fail);
  return { x: examples, y: labels };
}

/**
 * Copies packed bits before they are checked: the strategy may reuse them for its next secret, change them later, or share
 * their memory with a thread of its own. Other values are returned as they are, as packing copies them.
 */
function ownBits(what: string, value: unknown, fail: Fail): unknown {
  const { words, rows, cols, length } = (value ?? {}) as Record<string, unknown>;
  if (!(ArrayBuffer.isView(words) && words instanceof Uint32Array)) return value;
  // Memory that was transferred to another thread is empty here: too few words for any rows.
  const own = words.length === 0 ? new Uint32Array() : new Uint32Array(words);
  const whole = (name: string, extent: unknown) => {
    if (Number.isSafeInteger(extent) && (extent as number) >= 0) return extent as number;
    throw fail(`${what}.${name} is ${showKind(extent)}; it must be a whole number.`);
  };
  if (rows === undefined) return new BitVector(whole('length', length), own);
  return new BitMatrix(whole('rows', rows), whole('cols', cols), own);
}

function pairOf(returned: unknown, fail: Fail): [x: unknown, y: unknown] {
  if (Array.isArray(returned) && returned.length === 2) return [returned[0], returned[1]];
  if (typeof returned === 'object' && returned !== null && 'x' in returned && 'y' in returned) {
    checkReturnedKeys('returned an', returned, ['x', 'y'], fail);
    return [returned.x, returned.y];
  }
  throw fail(`returned ${describe(returned)}; it must return a pair [x, y] or an object { x, y }.`);
}

function checkLabelCount(labels: number | undefined, { rows }: BitMatrix, fail: Fail): void {
  if (labels === undefined || labels === rows) return;
  throw fail(`y has ${labels} labels for ${rows} rows of x; give one label a row.`);
}

/** Checks what is known before packing: dimensions, number of rows, width. */
function checkExamplesShape(x: unknown, task: Task, fail: Fail): void {
  const extents = extentsOf(x);
  if (extents.length !== 2) {
    throw fail(`x is ${describe(x)}; it must be two-dimensional, [examples, ${task.nFeatures}].`);
  }
  const [rows, cols] = extents;
  if (rows === 0) throw fail('x has no rows; give at least one example.');
  if (rows > task.maxTrainExamples) {
    throw fail(`x has ${rows} rows; the limit is ${task.maxTrainExamples} (maxTrainExamples).`);
  }
  if (cols !== task.nFeatures) {
    throw fail(`x has rows of ${cols} values; the task has ${task.nFeatures} features.`);
  }
}
