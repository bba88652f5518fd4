/**
 * A sampler: WGSL that makes examples on the device, and what host and kernel have to know of it. This file checks
 * samplers against a network and a loss. samplers.ts has the built-in ones, shaders/network/samplers.wgsl.ts the
 * functions that the WGSL may call.
 */
import { badArgument, checkNumber, checkObject, checkText } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { LOSSES, type Loss } from './losses.js';
import type { Network } from './network.js';

/**
 * Makes examples on the device, in place of a dataset: fresh ones for every step, from nothing but the run's seed,
 * the step and the example's number in the batch. Take one of `samplers`, or write your own.
 *
 * @example
 * // Points of the unit square, and how far each is from its middle.
 * const sampler: Sampler = {
 *   inputs: 2,
 *   wgsl: `
 *     fn sample(e: Example) {
 *       let words = random(e, 0u);
 *       let x = vec2f(uniformOf(words.x), uniformOf(words.y));
 *       setInput(e, 0u, x.x);
 *       setInput(e, 1u, x.y);
 *       setTarget(e, 0u, parameter(e, 0u) * distance(x, vec2f(0.5)));
 *     }`,
 *   parameters: [2],
 * };
 */
export interface Sampler {
  /** Inputs of an example. */
  readonly inputs: number;
  /** Targets of an example. Default 1. */
  readonly targets?: number;
  /**
   * How many classes there are. The target is then one of them, 0 and up, or the number that the loss ignores. `crossEntropy` needs
   * this.
   */
  readonly classes?: number;
  /** The least and the largest target, if they are known. */
  readonly range?: readonly [number, number];
  /**
   * The function `fn sample(e: Example)`, and others of its own. Inputs and targets that it does not set are 0. It
   * may call
   *
   * - `random(e, k) -> vec4u`: four random words, other ones for each `k`, by Philox 4x32-10;
   * - `uniformOf(word) -> f32`: a word as a number from 0 to below 1; `below(word, n) -> u32`: as a whole number
   *   below n;
   * - `normals(words) -> vec4f`: four words as standard normal numbers;
   * - `parameter(e, k) -> f32`, `parameterWord(e, k) -> u32`: the run's own parameters;
   * - `setInput(e, k, value)`, `setTarget(e, k, value)`.
   *
   * Runs whose samplers have the same text share a kernel, and each such text is compiled once.
   */
  readonly wgsl: string;
  /**
   * Numbers that the WGSL reads, each as a float32; the words of a `Uint32Array` are taken as they are. Default none.
   */
  readonly parameters?: ArrayLike<number>;
}

/** A sampler's WGSL and its parameters, as the device takes them. */
interface PackedSampler {
  readonly wgsl: string;
  readonly words: Uint32Array<ArrayBuffer>;
}

/** Whether this is a sampler; else it is a dataset. */
export const isSampler = (data: object): data is Sampler => 'wgsl' in data;

/**
 * Checks a sampler against a network and a loss.
 *
 * @throws LockstepError `bad-input` naming the option, if inputs, targets or classes are not as many as the
 *   network's, if the loss does not take such targets, or if the WGSL has no `fn sample`. Only the device says
 *   whether the WGSL compiles.
 */
export function packSampler(
  where: string,
  sampler: Sampler,
  { inputs, outputs }: Network,
  { type }: Loss,
): PackedSampler {
  checkOptionNames(where, sampler, ['inputs', 'targets', 'classes', 'range', 'wgsl', 'parameters']);
  const { targets = 1, classes, range, wgsl, parameters = [] } = sampler;
  if (sampler.inputs !== inputs) {
    throw badArgument(where, 'inputs of the sampler', sampler.inputs, `the network has ${inputs} inputs`);
  }
  checkNumber(where, 'targets of the sampler', targets, { min: 1, whole: true });
  if (classes !== undefined) checkNumber(where, 'classes of the sampler', classes, { min: 1, whole: true });
  if (LOSSES[type].targets === 'class') {
    const fits = `${type} takes a class of the network's ${outputs}`;
    if (classes === undefined || classes > outputs) {
      throw badArgument(where, 'classes of the sampler', classes, fits);
    }
    if (targets !== 1) throw badArgument(where, 'targets of the sampler', targets, fits);
  } else if (targets !== outputs) {
    throw badArgument(where, 'targets of the sampler', targets, `the network has ${outputs} outputs`);
  }
  const [least, largest] = rangeOf(where, range, classes);
  if ((type === 'bce' || type === 'bceWithLogits') && (least < 0 || largest > 1)) {
    throw new LockstepError(
      'bad-input',
      `${where}: targets of the sampler are ${least} to ${largest}; ${type} takes targets from 0 to 1.`,
    );
  }
  checkText(where, 'wgsl', wgsl);
  if (!/\bfn\s+sample\s*\(/.test(wgsl)) {
    throw badArgument(where, 'wgsl', wgsl, 'it must have a function sample: fn sample(e: Example) { … }');
  }
  return { wgsl, words: wordsOf(where, parameters) };
}

/** The range of the targets: that of the classes, or 0 to 1, if the sampler does not say. What it says is believed. */
function rangeOf(
  where: string,
  range: Sampler['range'],
  classes: number | undefined,
): readonly [number, number] {
  if (range === undefined) return [0, classes === undefined ? 1 : classes - 1];
  const fits = 'the least and the largest target fit, as [0, 1]';
  if (!Array.isArray(range) || range.length !== 2) throw badArgument(where, 'range', range, fits);
  for (const bound of range) checkNumber(where, 'a bound of range', bound);
  return range;
}

function wordsOf(where: string, parameters: ArrayLike<number>): Uint32Array<ArrayBuffer> {
  if (parameters instanceof Uint32Array) return Uint32Array.from(parameters);
  checkObject(where, 'parameters', Array.isArray(parameters) ? {} : parameters, 'a list of numbers fits');
  const numbers = Array.from(parameters);
  numbers.forEach((value, k) => {
    checkNumber(where, `parameters[${k}]`, value);
  });
  const floats = Float32Array.from(numbers);
  const bad = floats.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw badArgument(where, `parameters[${bad}]`, numbers[bad], 'it must be finite as a float32');
  return new Uint32Array(floats.buffer);
}
