/**
 * Weights of a network on the host: drawn as PyTorch draws them, checked, and moved between a state dict and the order
 * in which the device keeps them. It knows no device.
 */
import { badArgument } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import type { Generator } from '../random/generator.js';
import { type HostStateDict, type Network, parameterShapes } from './network.js';

/**
 * Initial weights as `torch.nn.Linear` draws them, layer after layer, the weight before the bias: uniform from -1 /
 * sqrt(inputs) to 1 / sqrt(inputs).
 *
 * @example
 * const weights = initialWeights(network, new Generator(0)); // torch.manual_seed(0); nn.Sequential(…)
 */
export function initialWeights(network: Network, generator: Generator): HostStateDict {
  const weights: HostStateDict = {};
  for (const { name, shape } of parameterShapes(network)) {
    const layer = network.layers.find(({ place }) => name.startsWith(`${place}.`))!;
    // kaiming_uniform_ with a = sqrt(5) computes gain / sqrt(inputs) * sqrt(3), with its roundings in this order.
    const isWeight = shape.length === 2;
    const bound = isWeight
      ? Math.sqrt(3) * (Math.sqrt(2 / (1 + 5)) / Math.sqrt(layer.inputs))
      : 1 / Math.sqrt(layer.inputs);
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    generator.uniform(data, -bound, bound);
    weights[name] = { data, shape };
  }
  return weights;
}

/**
 * Checks weights that a caller gave: all parameters of the network and no others, of their shapes, all finite.
 *
 * @throws LockstepError `bad-input` listing what is missing, unknown, of another shape, or not finite.
 */
export function checkWeights(
  where: string,
  network: Network,
  weights: unknown,
): asserts weights is HostStateDict {
  if (typeof weights !== 'object' || weights === null) {
    throw badArgument(where, 'weights', weights, 'a state dict of { data, shape } by name fits');
  }
  const shapes = parameterShapes(network);
  const problems = shapes.flatMap(({ name, shape }) => {
    const given = (weights as Record<string, unknown>)[name] as Partial<HostStateDict[string]> | undefined;
    if (given === undefined) return [`${name} is missing`];
    if (!(given?.data instanceof Float32Array) || !Array.isArray(given.shape)) {
      return [`${name} is ${showKind(given)}, not { data: Float32Array, shape }`];
    }
    const length = shape.reduce((a, b) => a * b, 1);
    if (given.shape.join() !== shape.join() || given.data.length !== length) {
      return [
        `${name} is [${given.shape.join(', ')}] of ${given.data.length} values, not [${shape.join(', ')}]`,
      ];
    }
    const bad = given.data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) return [];
    const place = shape.length === 1 ? [bad] : [Math.floor(bad / shape[1]), bad % shape[1]];
    return [`${name}[${place.join(', ')}] is ${given.data[bad]}, not a finite number`];
  });
  const known = new Set(shapes.map(({ name }) => name));
  for (const name of Object.keys(weights)) {
    if (!known.has(name)) problems.push(`${printable(name)} is no parameter of the network`);
  }
  if (problems.length > 0) throw new LockstepError('bad-input', `${where}: weights: ${problems.join('; ')}.`);
}

/** On the device, rows of matrices begin at multiples of four numbers. */
export const pitchOf = (columns: number): number => 4 * Math.ceil(columns / 4);

/** Words that the parameters of a network take on the device. */
export function packedWords({ layers }: Network): number {
  return layers.reduce((sum, { inputs, units, bias }) => sum + (inputs + Number(bias)) * pitchOf(units), 0);
}

/**
 * The parameters as the device keeps them: layer after layer, the weight as [inputs, units], so that neighbouring units lie
 * side by side, then the bias; rows padded with 0 to a multiple of four.
 */
export function packWeights(network: Network, weights: HostStateDict): Float32Array<ArrayBuffer> {
  const packed = new Float32Array(packedWords(network));
  let at = 0;
  for (const { place, inputs, units, bias } of network.layers) {
    const { data } = weights[`${place}.weight`];
    const pitch = pitchOf(units);
    for (let u = 0; u < units; u++) {
      for (let i = 0; i < inputs; i++) packed[at + i * pitch + u] = data[u * inputs + i];
    }
    at += inputs * pitch;
    if (!bias) continue;
    packed.set(weights[`${place}.bias`].data, at);
    at += pitch;
  }
  return packed;
}

/** The state dict that {@link packWeights} packed. */
export function unpackWeights(network: Network, packed: Float32Array): HostStateDict {
  const weights: HostStateDict = {};
  let at = 0;
  for (const { place, inputs, units, bias } of network.layers) {
    const data = new Float32Array(inputs * units);
    const pitch = pitchOf(units);
    for (let u = 0; u < units; u++) {
      for (let i = 0; i < inputs; i++) data[u * inputs + i] = packed[at + i * pitch + u];
    }
    weights[`${place}.weight`] = { data, shape: [units, inputs] };
    at += inputs * pitch;
    if (!bias) continue;
    weights[`${place}.bias`] = { data: packed.slice(at, at + units), shape: [units] };
    at += pitch;
  }
  return weights;
}
