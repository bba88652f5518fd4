/**
 * Training and test sets: calls `makeDataset` and judges what it returned (the parity protocol's list of bad input). An
 * error names the strategy, the function and the value, before any training.
 */
import { Generator } from '../random/generator.js';
import { type BinaryDataset, BitMatrix } from '../tensor/bits.js';
import { describe, extentsOf, packMatrix, packVector } from '../tensor/pack-bits.js';
import { parity } from './parity.js';
import type { Secret } from './secrets.js';
import { badStrategy, callStrategy, type Strategy } from './strategy.js';
import type { Task } from './task.js';

/** `task.testSetSize` uniform rows with their parity labels; the same for every strategy. */
export function makeTestSet(secret: Secret, task: Task, seed: number): BinaryDataset {
  const x = BitMatrix.random(task.testSetSize, task.nFeatures, new Generator(seed));
  return { x, y: parity(x, secret).words };
}

/** The strategy's dataset for one secret, validated and packed. */
export function makeTrainingSet(strategy: Strategy, secret: Secret, task: Task, seed: number): BinaryDataset {
  const output: unknown = callStrategy(strategy, 'makeDataset', () =>
    strategy.makeDataset(secret, task, seed),
  );
  const fail = (problem: string) => badStrategy(strategy, 'makeDataset', problem);
  const [x, y] = pairOf(output, fail);
  checkExamplesShape(x, task, fail);
  const examples = packMatrix(x, fail);
  const labels = extentsOf(y)[0];
  if (labels !== undefined && labels !== examples.rows) {
    throw fail(`y has ${labels} labels for ${examples.rows} rows of x; give one label a row.`);
  }
  return { x: examples, y: packVector(y, fail).words };
}

type Fail = (problem: string) => Error;

function pairOf(output: unknown, fail: Fail): [x: unknown, y: unknown] {
  if (Array.isArray(output) && output.length === 2) return [output[0], output[1]];
  if (typeof output === 'object' && output !== null && 'x' in output && 'y' in output)
    return [output.x, output.y];
  throw fail(`returned ${describe(output)}; it must return a pair [x, y] or an object { x, y }.`);
}

/** What can be told before anything is packed: dimensions, number of rows, width. */
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
