/**
 * Built-in samplers: sparse parities, truth tables, Gaussian blobs and two moons, made on the device. This file
 * checks their options and makes parameters of them; the WGSL, one text for all of them, is in
 * shaders/network/samplers.wgsl.ts.
 */
import { BIT_FLAGS, builtInSamplers, SAMPLER_KINDS } from '../../shaders/network/samplers.wgsl.js';
import { badArgument, checkBoolean, checkList, checkNumber, checkObject } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { checkColumns } from './columns.js';
import type { Sampler } from './sampler.js';

const MOST_INPUTS = 4096;
const MOST_TABLE_BITS = 20;
/** Of float32. */
const LARGEST = 3.4028234e38;

/** How bits and labels are encoded. */
interface BitOptions {
  /** Bits are -1 and 1. Default false: 0 and 1. */
  signs?: boolean;
  /** Labels are -1 and 1. Default false: 0 and 1, which is what `hinge`, `bce` and `crossEntropy` take. */
  signTargets?: boolean;
}

/** Options of {@link parity}. */
export interface ParityOptions extends BitOptions {
  /** Bits of an example, each 0 or 1 with equal probability. */
  inputs: number;
  /** Which bits count, from 0 on: the label is 1 if an odd number of these is 1. */
  secret: readonly number[];
  /** Share of the labels that is flipped. Default 0. */
  noise?: number;
}

/** Options of {@link parities}. */
export interface ParitiesOptions extends BitOptions {
  /** Uniform bits of an example, without the task code. */
  bits: number;
  /** The bits that count, for each task. */
  secrets: readonly (readonly number[])[];
  /**
   * Task k (from 1) comes up in proportion to k ** -exponent. Default 1.4, which is alpha = 0.4 of Michaud et al.;
   * with 0 all tasks are equally frequent.
   */
  exponent?: number;
  /** Only this task comes up, a number from 0: to look at tasks one by one, as the `groups` of an evaluation. */
  task?: number;
  /** Share of the labels that is flipped. Default 0. */
  noise?: number;
}

/** Options of {@link table}. */
export interface TableOptions {
  /** Bits of an example, 1 to 20. */
  inputs: number;
  /**
   * 2 ** inputs numbers. The target at k is that of the bits that form the number k, where input 0 is the lowest bit.
   */
  values: ArrayLike<number>;
  /** Bits are -1 and 1. Default false: 0 and 1. */
  signs?: boolean;
}

/** Options of {@link blobs}. */
export interface BlobsOptions {
  /** The center of each class, [classes][inputs]. */
  centers: readonly ArrayLike<number>[];
  /** Standard deviation, one for all classes or one for each. Default 1. */
  deviation?: number | readonly number[];
}

/** Options of {@link moons}. */
export interface MoonsOptions {
  /** Standard deviation of the Gaussian noise. Default 0.1. */
  noise?: number;
}

/**
 * Uniform bits, labelled with the parity of some of them.
 *
 * @returns A sampler of `inputs` inputs and a target, which is also one of two classes unless `signTargets` is true.
 * @throws LockstepError `bad-input` naming the option.
 * @example
 * const data = samplers.parity({ inputs: 40, secret: [0, 1, 2], signs: true });
 * trainLockstep(device, { runs, network, data, loss: 'hinge', maxSteps: 1000 });
 */
export function parity(options: ParityOptions): Sampler {
  const where = 'samplers.parity';
  const names = ['inputs', 'secret', 'noise', 'signs', 'signTargets'];
  checkOptions(where, options, names, '{ inputs: 40, secret: [0, 1, 2] } fits');
  const { inputs, secret } = options;
  checkNumber(where, 'inputs', inputs, { min: 1, max: MOST_INPUTS, whole: true });
  checkColumns(where, 'secret', secret, inputs);
  return bitSampler(where, options, { bits: inputs, code: 0, secrets: [secret], shares: [2 ** 32] });
}

/**
 * Several parities at once, as in Michaud et al. 2023 (The quantization model of neural scaling). Each example has a
 * task, drawn by a power law, and is labelled with the parity of that task's bits. Its inputs are the task in one-hot
 * code of 0 and 1, then the bits, from which all tasks take theirs.
 *
 * @returns A sampler of `secrets.length + bits` inputs and a target, also one of two classes unless `signTargets` is
 *   true.
 * @throws LockstepError `bad-input` naming the option.
 * @example
 * const data = samplers.parities({ bits: 50, secrets: [[0, 4, 9], [1, 2, 30], [7, 8, 9]] });
 */
export function parities(options: ParitiesOptions): Sampler {
  const where = 'samplers.parities';
  const names = ['bits', 'secrets', 'exponent', 'task', 'noise', 'signs', 'signTargets'];
  checkOptions(where, options, names, '{ bits: 50, secrets: [[0, 1], [3, 4]] } fits');
  const { bits, secrets, exponent = 1.4, task } = options;
  checkNumber(where, 'bits', bits, { min: 1, max: MOST_INPUTS, whole: true });
  checkList(where, 'secrets', secrets, 'a list of lists of bits fits, as [[0, 1], [3, 4]]');
  checkNumber(where, 'the number of secrets', secrets.length, {
    min: 1,
    max: MOST_INPUTS - bits,
    whole: true,
  });
  for (const [task, secret] of secrets.entries()) checkColumns(where, `secrets[${task}]`, secret, bits);
  checkNumber(where, 'exponent', exponent);
  if (task !== undefined) checkNumber(where, 'task', task, { min: 0, below: secrets.length, whole: true });
  // The largest weight is 1: with a negative exponent the last task's, which could be infinite.
  const heaviest = exponent < 0 ? secrets.length : 1;
  const weightOf = (k: number) => ((k + 1) / heaviest) ** -exponent;
  const weights = secrets.map((_, k) => (task === undefined ? weightOf(k) : Number(k === task)));
  const total = weights.reduce((a, b) => a + b, 0);
  let sum = 0;
  const shares = weights.map((weight) => {
    sum += weight;
    return (2 ** 32 * sum) / total;
  });
  return bitSampler(where, options, { bits, code: secrets.length, secrets, shares });
}

/**
 * Uniform bits with any function of them as the target, given by its truth table.
 *
 * @returns A sampler of `inputs` inputs and a target, which is also a class if all values are whole and none is
 *   negative.
 * @throws LockstepError `bad-input` naming the option.
 * @example
 * const majority = samplers.table({ inputs: 3, values: [0, 0, 0, 1, 0, 1, 1, 1] });
 */
export function table(options: TableOptions): Sampler {
  const where = 'samplers.table';
  const fits = '{ inputs: 2, values: [0, 1, 1, 0] } fits';
  checkOptions(where, options, ['inputs', 'values', 'signs'], fits);
  const { inputs, values, signs = false } = options;
  checkNumber(where, 'inputs', inputs, { min: 1, max: MOST_TABLE_BITS, whole: true });
  checkBoolean(where, 'signs', signs);
  const numbers = numbersOf(where, 'values', values, 2 ** inputs);
  const flags = BIT_FLAGS.table | (signs ? BIT_FLAGS.signs : 0);
  const least = numbers.reduce((a, b) => Math.min(a, b));
  const largest = numbers.reduce((a, b) => Math.max(a, b));
  const isClass = least >= 0 && numbers.every(Number.isInteger);
  return {
    ...{ inputs, range: [least, largest], classes: isClass ? largest + 1 : undefined },
    wgsl: builtInSamplers,
    parameters: joined([SAMPLER_KINDS.bits, flags, inputs, 0, 1, 0, 0], wordsOfFloats(numbers)),
  };
}

/**
 * Points around one center for each class, all classes equally frequent, as in scikit-learn's `make_blobs`.
 *
 * @returns A sampler whose target is the class.
 * @throws LockstepError `bad-input` naming the option.
 * @example
 * const data = samplers.blobs({ centers: [[0, 0], [3, 0], [0, 3]], deviation: 0.5 });
 */
export function blobs(options: BlobsOptions): Sampler {
  const where = 'samplers.blobs';
  checkOptions(where, options, ['centers', 'deviation'], '{ centers: [[0, 0], [3, 3]] } fits');
  const { centers, deviation = 1 } = options;
  checkList(where, 'centers', centers, 'a middle for each class fits, as [[0, 0], [3, 3]]');
  checkNumber(where, 'the number of centers', centers.length, { min: 1, max: MOST_INPUTS, whole: true });
  const inputs = (centers[0] as ArrayLike<number> | undefined)?.length as number;
  checkNumber(where, 'the length of centers[0]', inputs, { min: 1, max: MOST_INPUTS, whole: true });
  const points = centers.flatMap((center, k) => numbersOf(where, `centers[${k}]`, center, inputs));
  const deviations =
    typeof deviation === 'number'
      ? centers.map(() => deviation)
      : numbersOf(where, 'deviation', deviation, centers.length);
  for (const one of deviations) checkNumber(where, 'deviation', one, { min: 0, max: LARGEST });
  return pointSampler(SAMPLER_KINDS.blobs, inputs, [...deviations, ...points], centers.length);
}

/**
 * Two half circles in the plane that reach into each other, as in scikit-learn's `make_moons`. The upper one is class
 * 0.
 *
 * @returns A sampler of two inputs whose target is the class.
 * @throws LockstepError `bad-input` naming the option.
 * @example
 * const data = samplers.moons({ noise: 0.2 });
 */
export function moons(options: MoonsOptions = {}): Sampler {
  const where = 'samplers.moons';
  checkOptions(where, options, ['noise'], '{ noise: 0.1 } fits');
  const { noise = 0.1 } = options;
  checkNumber(where, 'noise', noise, { min: 0, max: LARGEST });
  return pointSampler(SAMPLER_KINDS.moons, 2, [noise, noise], 2);
}

const pointSampler = (
  kind: number,
  inputs: number,
  numbers: readonly number[],
  classes: number,
): Sampler => ({
  ...{ inputs, classes, wgsl: builtInSamplers },
  parameters: joined([kind, classes], wordsOfFloats(numbers)),
});

interface Bits {
  bits: number;
  /** Width of the task code. */
  code: number;
  secrets: readonly (readonly number[])[];
  /** For each task, the share of all tasks up to it, in units of 2 ** -32. */
  shares: readonly number[];
}

function bitSampler(
  where: string,
  { signs = false, signTargets = false, noise = 0 }: BitOptions & { noise?: number },
  { bits, code, secrets, shares }: Bits,
): Sampler {
  checkBoolean(where, 'signs', signs);
  checkBoolean(where, 'signTargets', signTargets);
  checkNumber(where, 'noise', noise, { min: 0, max: 1 });
  const words = Math.ceil(bits / 32);
  const masks = new Uint32Array(words * secrets.length);
  secrets.forEach((secret, task) => {
    for (const bit of secret) masks[task * words + (bit >>> 5)] |= 1 << (bit & 31);
  });
  const flags = (signs ? BIT_FLAGS.signs : 0) | (signTargets ? BIT_FLAGS.signTargets : 0);
  const thresholds = [noise * 2 ** 32, ...shares].map((share) => Math.min(Math.round(share), 2 ** 32 - 1));
  const head = [SAMPLER_KINDS.bits, flags, bits, code, secrets.length];
  return {
    ...{ inputs: code + bits, classes: signTargets ? undefined : 2, range: signTargets ? [-1, 1] : [0, 1] },
    wgsl: builtInSamplers,
    parameters: joined(head, thresholds, masks),
  };
}

function checkOptions(where: string, options: object, names: readonly string[], fits: string): void {
  checkObject(where, 'the argument', options, fits);
  checkOptionNames(where, options, names);
}

function numbersOf(where: string, name: string, values: ArrayLike<number>, length: number): number[] {
  const isList = Array.isArray(values) || ArrayBuffer.isView(values);
  if (!isList || values.length !== length) {
    throw badArgument(
      where,
      isList ? `the length of ${name}` : name,
      isList ? values.length : values,
      `${length} numbers fit`,
    );
  }
  return Array.from(values, (value, k) => {
    checkNumber(where, `${name}[${k}]`, value, { min: -LARGEST, max: LARGEST });
    return value;
  });
}

function joined(...parts: readonly ArrayLike<number>[]): Uint32Array {
  const words = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    words.set(part, at);
    at += part.length;
  }
  return words;
}

const wordsOfFloats = (values: readonly number[]): Uint32Array =>
  new Uint32Array(Float32Array.from(values).buffer);
