/**
 * Prepares what the trainer needs from a strategy, a task and a seed: the data of each secret, the weights and seeds of each
 * run, and the optimizer settings. These are pure functions that call the strategy in this thread. They return copies, so
 * that the strategy cannot change them later.
 */
import type { AdamWSettings, MlpWeights } from '../lockstep/types.js';
import { linearParameters } from '../nn/host-init.js';
import { checkObject } from '../platform/arguments.js';
import { showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import { Generator } from '../random/generator.js';
import { type BinaryDataset, positiveRate } from '../tensor/bits.js';
import type { NdArray } from '../tensor/ndarray.js';
import { makeTestSet, makeTrainingSet } from './dataset.js';
import type { Secret } from './secrets.js';
import { checkPlace, orderSeed, testSetSeed, trainingSetSeed, weightsSeed } from './seeds.js';
import type { Model, OptimizerConfig, Strategy } from './strategy.js';
import { askStrategy, checkReturnedKeys, type Fail, lentTask } from './strategy-call.js';
import { checkTask, type Task } from './task.js';

/** What all runs of one secret share. */
export interface PreparedSecret {
  secretIndex: number;
  secret: Secret;
  dataset: BinaryDataset;
  testSet: BinaryDataset;
  /** Share of the training examples with label 1. */
  positiveRate: number;
}

/** What each run has for itself. */
export interface PreparedRun {
  secretIndex: number;
  orderIndex: number;
  weights: MlpWeights;
  orderSeed: number;
}

/**
 * The data of one secret.
 *
 * @param seed The evaluation's top-level seed.
 * @param secret `sampleSecrets(task, seed)[secretIndex]`.
 * @throws LockstepError `bad-input` where the strategy returned something else.
 */
export function prepareSecret(
  strategy: Strategy,
  task: Task,
  seed: number,
  secretIndex: number,
  secret: Secret,
): PreparedSecret {
  checkPlace('prepareSecret', seed, { secretIndex });
  const dataset = makeTrainingSet(strategy, secret, task, trainingSetSeed(seed, secretIndex));
  const testSet = makeTestSet(secret, task, testSetSeed(seed, secretIndex));
  return { secretIndex, secret, dataset, testSet, positiveRate: positiveRate(dataset) };
}

/** The weights and the order seed of run (secretIndex, orderIndex). */
export function prepareRun(
  strategy: Strategy,
  task: Task,
  seed: number,
  secretIndex: number,
  orderIndex: number,
): PreparedRun {
  checkPlace('prepareRun', seed, { secretIndex, orderIndex });
  const weights = makeWeights(strategy, task, weightsSeed(seed, secretIndex, orderIndex));
  return { secretIndex, orderIndex, weights, orderSeed: orderSeed(seed, secretIndex, orderIndex) };
}

const STRATEGY = 'an object of defineStrategy fits';

/** Hints for settings with other names. */
const MEANT: Readonly<Record<string, string>> = {
  weight_decay: 'did you mean wd?',
  weightDecay: 'did you mean wd?',
  learning_rate: 'did you mean lr?',
  learningRate: 'did you mean lr?',
  betas: 'give beta1 and beta2.',
  eps: 'it is fixed at 1e-8.',
};

const RULES: Record<keyof OptimizerConfig, [rule: string, holds: (value: number) => boolean]> = {
  lr: ['a finite number above 0', (value) => value > 0],
  wd: ['a finite number of 0 or more', (value) => value >= 0],
  beta1: ['between 0 and 1, both excluded', (value) => value > 0 && value < 1],
  beta2: ['between 0 and 1, both excluded', (value) => value > 0 && value < 1],
};

/** The strategy's optimizer settings, validated. */
export function prepareOptimizer(strategy: Strategy, task: Task): AdamWSettings {
  checkObject('prepareOptimizer', 'the strategy', strategy, STRATEGY);
  checkTask('prepareOptimizer', task, []);
  const call = () => strategy.getOptimizerConfig(lentTask(task));
  return askStrategy(strategy, 'getOptimizerConfig', call, optimizerOf);
}

/** Checks and copies optimizer settings. Each is read once, as a getter may give another value each time. */
export function optimizerOf(returned: unknown, fail: Fail): AdamWSettings {
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned))
    throw fail(`returned ${showKind(returned)}; it must return { lr, wd, beta1, beta2 }.`);
  checkReturnedKeys('returned an', returned, Object.keys(RULES), fail, MEANT);
  const settings = Object.entries(RULES).map(([key, [rule, holds]]) => {
    const value: unknown = (returned as Record<string, unknown>)[key];
    if (value === undefined) throw fail(`${key} is missing; return { lr, wd, beta1, beta2 }.`);
    if (typeof value !== 'number' || !Number.isFinite(value) || !holds(value)) {
      const shown = typeof value === 'number' ? value : showKind(value);
      throw fail(`${key} is ${shown}; it must be ${rule}.`);
    }
    return value;
  });
  const [lr, weightDecay, beta1, beta2] = settings;
  return { lr, weightDecay, betas: [beta1, beta2] };
}

/**
 * Initial weights: the layers as PyTorch constructs them, then the strategy's `initModel` on the same generator. The
 * arrays are copies of what the strategy left in the model.
 */
export function makeWeights(strategy: Strategy, task: Task, seed: number): MlpWeights {
  checkObject('prepareRun', 'the strategy', strategy, STRATEGY);
  checkTask('prepareRun', task, ['nFeatures', 'hiddenWidth']);
  const generator = new Generator(seed);
  const hidden = linearParameters(task.nFeatures, task.hiddenWidth, generator);
  const output = linearParameters(task.hiddenWidth, 1, generator);
  const model: Model = { hidden, output, generator };
  return askStrategy(
    strategy,
    'initModel',
    () => strategy.initModel(model, lentTask(task)),
    (returned, fail) => {
      if (returned !== undefined && returned !== model)
        throw fail('returned a value; it must write its weights into the model it is given.');
      return weightsOf(model, task, fail);
    },
  );
}

function weightsOf(model: Model, { hiddenWidth: w, nFeatures: n }: Task, fail: Fail): MlpWeights {
  checkReturnedKeys('set on the model an', model, ['hidden', 'output', 'generator'], fail);
  for (const layer of ['hidden', 'output'] as const) {
    if (typeof model[layer] === 'object' && model[layer] !== null)
      checkReturnedKeys(`set on model.${layer} an`, model[layer], ['weight', 'bias'], fail);
  }
  const array = (what: string, found: NdArray | undefined, shape: number[]) =>
    ownArray(what, found, shape, fail);
  return {
    w1: array('hidden.weight', model.hidden?.weight, [w, n]),
    b1: array('hidden.bias', model.hidden?.bias, [w]),
    w2: array('output.weight', model.output?.weight, [1, w]),
    b2: array('output.bias', model.output?.bias, [1]),
  };
}

/** A checked copy of a weight array of the model, as the strategy may keep the array and change it later. */
function ownArray(what: string, array: NdArray | undefined, shape: number[], fail: Fail): Float32Array {
  const data: unknown = array?.data;
  const isFloats = ArrayBuffer.isView(data) && data instanceof Float32Array;
  const own = isFloats ? new Float32Array(data) : new Float32Array();
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const given = array?.shape;
  const sameShape = given?.length === shape.length && shape.every((extent, i) => given[i] === extent);
  if (!isFloats || !sameShape || own.length !== elements) {
    const found = isFloats ? `shape [${printable(given)}] with ${own.length} values` : typeof data;
    throw fail(
      `left model.${what} with ${found}; it must be a Float32Array of shape [${shape}]. Overwrite the array in place.`,
    );
  }
  checkFinite(what, own, fail);
  return own;
}

/** Throws `fail`'s error for the first weight that is not finite. */
export function checkFinite(what: string, weights: Float32Array, fail: Fail): void {
  const bad = weights.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  throw fail(`left model.${what}.data[${bad}] as ${weights[bad]}; every weight must be a finite number.`);
}
