/**
 * From a strategy, a task and a seed to what the trainer takes: data a secret, weights and seeds a run, optimizer
 * settings. Small pure functions, made to be called in a worker thread: everything they return survives
 * `postMessage`, and `transferList` names the buffers to hand over without a copy.
 */
import type { AdamWSettings, MlpWeights } from '../lockstep/types.js';
import { linearParameters } from '../nn/init.js';
import { Generator } from '../random/generator.js';
import { type BinaryDataset, BitMatrix, positiveRate } from '../tensor/bits.js';
import type { NdArray } from '../tensor/ndarray.js';
import { makeTestSet, makeTrainingSet } from './dataset.js';
import type { Secret } from './secrets.js';
import { orderSeed, testSetSeed, trainingSetSeed, weightsSeed } from './seeds.js';
import { badStrategy, callStrategy, type Model, type OptimizerConfig, type Strategy } from './strategy.js';
import type { Task } from './task.js';

/** What all runs of one secret share. */
export interface PreparedSecret {
  secretIndex: number;
  secret: Secret;
  dataset: BinaryDataset;
  testSet: BinaryDataset;
  /** Share of the training examples with label 1. */
  positiveRate: number;
}

/** What is one run's own. */
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
 * @throws LockstepError `bad-input` on what the strategy returned.
 */
export function prepareSecret(
  strategy: Strategy,
  task: Task,
  seed: number,
  secretIndex: number,
  secret: Secret,
): PreparedSecret {
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
  const weights = makeWeights(strategy, task, weightsSeed(seed, secretIndex, orderIndex));
  return { secretIndex, orderIndex, weights, orderSeed: orderSeed(seed, secretIndex, orderIndex) };
}

/** The strategy's optimizer settings, validated. */
export function prepareOptimizer(strategy: Strategy, task: Task): AdamWSettings {
  const config = callStrategy(strategy, 'getOptimizerConfig', () => strategy.getOptimizerConfig(task));
  const rules: Record<keyof OptimizerConfig, [rule: string, holds: (value: number) => boolean]> = {
    lr: ['a finite number above 0', (value) => value > 0],
    wd: ['a finite number of 0 or more', (value) => value >= 0],
    beta1: ['between 0 and 1, both excluded', (value) => value > 0 && value < 1],
    beta2: ['between 0 and 1, both excluded', (value) => value > 0 && value < 1],
  };
  for (const [key, [rule, holds]] of Object.entries(rules)) {
    const value: unknown = config?.[key as keyof OptimizerConfig];
    if (value === undefined) {
      throw badStrategy(
        strategy,
        'getOptimizerConfig',
        `${key} is missing; return { lr, wd, beta1, beta2 }.`,
      );
    }
    if (typeof value !== 'number' || !Number.isFinite(value) || !holds(value)) {
      const shown = typeof value === 'string' ? `'${value}'` : String(value);
      throw badStrategy(strategy, 'getOptimizerConfig', `${key} is ${shown}; it must be ${rule}.`);
    }
  }
  return { lr: config.lr, weightDecay: config.wd, beta1: config.beta1, beta2: config.beta2 };
}

/** Initial weights: the layers as PyTorch constructs them, then the strategy's `initModel` on the same generator. */
export function makeWeights(strategy: Strategy, task: Task, seed: number): MlpWeights {
  const generator = new Generator(seed);
  const hidden = linearParameters(task.nFeatures, task.hiddenWidth, generator);
  const output = linearParameters(task.hiddenWidth, 1, generator);
  const model: Model = { hidden, output, generator };
  const returned: unknown = callStrategy(strategy, 'initModel', () => strategy.initModel(model, task));
  if (returned !== undefined && returned !== model) {
    throw badStrategy(
      strategy,
      'initModel',
      'returned a value; it must write its weights into the model it is given.',
    );
  }
  const [w, n] = [task.hiddenWidth, task.nFeatures];
  return {
    w1: checkedWeights(strategy, 'hidden.weight', model.hidden?.weight, [w, n]),
    b1: checkedWeights(strategy, 'hidden.bias', model.hidden?.bias, [w]),
    w2: checkedWeights(strategy, 'output.weight', model.output?.weight, [1, w]),
    b2: checkedWeights(strategy, 'output.bias', model.output?.bias, [1]),
  };
}

function checkedWeights(
  strategy: Strategy,
  what: string,
  array: NdArray | undefined,
  shape: number[],
): Float32Array {
  const data = array?.data;
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const sameShape =
    array?.shape?.length === shape.length && shape.every((extent, i) => array.shape[i] === extent);
  if (!sameShape || !(data instanceof Float32Array) || data.length !== elements) {
    const found =
      data instanceof Float32Array ? `shape [${array?.shape}] with ${data.length} values` : typeof data;
    throw badStrategy(
      strategy,
      'initModel',
      `left model.${what} with ${found}; it must be a Float32Array of shape [${shape}]. Overwrite the array in place.`,
    );
  }
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw badStrategy(
      strategy,
      'initModel',
      `left model.${what}.data[${bad}] as ${data[bad]}; every weight must be a finite number.`,
    );
  }
  return data;
}

/** The buffers of a prepared value, each once, for `postMessage(value, transferList(value))`. */
export function transferList(prepared: PreparedSecret | PreparedRun): ArrayBuffer[] {
  const arrays =
    'weights' in prepared
      ? Object.values(prepared.weights)
      : [prepared.dataset, prepared.testSet].flatMap((data) => [data.x.words, data.y]);
  return [...new Set(arrays.map((array) => array.buffer as ArrayBuffer))];
}

/** A dataset that came through `postMessage`, which drops classes, as a dataset again. Copies nothing. */
export function reviveDataset(data: BinaryDataset): BinaryDataset {
  return { x: new BitMatrix(data.x.rows, data.x.cols, data.x.words), y: data.y };
}
