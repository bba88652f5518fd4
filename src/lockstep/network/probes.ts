/**
 * Probes: measurements of a run's network other than loss and accuracy. This checks the option, and turns the device's sums into
 * the values of events. progress.ts says when they are due; probe-sums.ts has the device compute the sums.
 */
import { COLUMN_SUMS, PARITY, STRIP } from '../../../shaders/network/probes.wgsl.js';
import { checkColumns } from '../../network/columns.js';
import { type Network, parameterShapes } from '../../network/network.js';
import { badArgument, checkList, checkNumber, checkObject, checkText } from '../../platform/arguments.js';
import { checkOptionNames } from '../../platform/options.js';

/**
 * A measurement of the network at the end of each window: of its weights, or of how it does on the examples of the window's last
 * batch. Those of examples are taken at each evaluation too, on its set.
 */
export type NetworkProbe =
  /** L2 norms of the weights. */
  | 'norms'
  /** How far the weights are from those with which the run began. */
  | 'distance'
  /** L2 norms of the gradient of the mean loss over the examples. */
  | 'gradientNorm'
  /** On how many examples each hidden unit is above 0. */
  | 'activeUnits'
  /** Fourier coefficients of the outputs: one for each list of inputs, that of their parity. */
  | { parities: readonly (readonly number[])[] }
  /**
   * The mean over the examples of a WGSL function of one's own, `fn probe(e: Example) -> f32`. It may call `inputOf(e, k)`,
   * `targetOf(e, k)` (the class is `targetOf(e, 0u)`), `outputOf(e, k)`, and `unitOf(e, layer, k)`, the output of a unit of any
   * layer. The event has the mean under `name`.
   */
  | { name: string; wgsl: string };

/** What the probes of a run found. Those that were not asked for are absent. */
export interface NetworkProbed {
  /**
   * L2 norms: of all parameters together; of each parameter, by its name in the state dict; and of each unit's part of it, which is
   * a row of `0.weight`, or a number of `0.bias`.
   */
  norms?: ProbedNorms;
  /** L2 norm and largest absolute value of the change since the initial weights: of all together, and of each parameter. */
  distance?: ProbedDistance & { parameters: Record<string, ProbedDistance> };
  /** L2 norms of the gradient of the mean loss over the examples, in the same parts as `norms`. */
  gradientNorm?: ProbedNorms;
  /**
   * For each layer but the last: on which share of the examples each unit's output is above 0, and the mean of these shares. A unit
   * with 0 is dead on these examples.
   */
  activeUnits?: { mean: number; units: number[] }[];
  /**
   * For each list of inputs and each output: the mean over the examples of the output times the parity. The parity is the product of
   * one factor for each input in the list: 1 if the input is above 0, else -1.
   */
  parities?: number[][];
  /** The means of functions of one's own, by name. */
  own?: Record<string, number>;
}

/** L2 norms of a network's parameters. */
export interface ProbedNorms {
  all: number;
  parameters: Record<string, number>;
  units: Record<string, number[]>;
}

/** How far parameters have moved: the L2 norm of their change, and its largest absolute value. */
export interface ProbedDistance {
  l2: number;
  max: number;
}

/** The probes that a run has. `parities` is empty if none were asked for. */
export interface Probes {
  readonly norms: boolean;
  readonly distance: boolean;
  readonly gradientNorm: boolean;
  readonly activeUnits: boolean;
  readonly parities: readonly (readonly number[])[];
  readonly own: readonly OwnProbe[];
}

interface OwnProbe {
  readonly name: string;
  readonly wgsl: string;
}

/** Sums over the numbers of a unit. */
export type Sum = Record<keyof typeof COLUMN_SUMS.at, number>;

const NAMES = ['norms', 'distance', 'gradientNorm', 'activeUnits'];
const MOST_PARITIES = 4096;

/** @throws LockstepError `bad-input` that names an unknown probe, and what fits. */
export function probesOf(where: string, given: readonly NetworkProbe[] = [], network: Network): Probes {
  checkList(where, 'probes', given, `a list fits, of ${NAMES.join(', ')} or { parities: [[0, 1]] }`);
  const parities: (readonly number[])[] = [];
  const own: OwnProbe[] = [];
  for (const [k, probe] of given.entries()) {
    const here = `${where}: probes[${k}]`;
    if (typeof probe !== 'object') checkText(where, `probes[${k}]`, probe, NAMES);
    else if (probe !== null && 'wgsl' in probe) own.push(ownProbe(here, probe, own));
    else parities.push(...paritiesOf(here, probe, network));
  }
  const has = (name: NetworkProbe) => given.includes(name);
  return {
    ...{ norms: has('norms'), distance: has('distance') },
    ...{ gradientNorm: has('gradientNorm'), activeUnits: has('activeUnits'), parities, own },
  };
}

function paritiesOf(where: string, probe: { parities: readonly (readonly number[])[] }, network: Network) {
  checkObject(where, 'it', probe, 'it is { parities: [[0, 1]] }');
  checkOptionNames(where, probe, ['parities']);
  const { parities } = probe;
  checkList(where, 'parities', parities, 'a list of lists of inputs fits, as [[0, 1], [3]]');
  checkNumber(where, 'the number of parities', parities.length, { min: 1, max: MOST_PARITIES, whole: true });
  parities.forEach((inputs, k) => {
    checkColumns(where, `parities[${k}]`, inputs, network.inputs);
  });
  return parities;
}

function ownProbe(where: string, probe: OwnProbe, others: readonly OwnProbe[]): OwnProbe {
  checkOptionNames(where, probe, ['name', 'wgsl']);
  checkText(where, 'name', probe.name);
  checkText(where, 'wgsl', probe.wgsl);
  if (others.every(({ name }) => name !== probe.name)) return probe;
  throw badArgument(where, 'name', probe.name, 'another probe has it');
}

/** Whether any of them is of the weights. */
export const probesWeights = ({ norms, distance }: Probes): boolean => norms || distance;

/** Whether any of them is of the layers' outputs for examples. */
export const probesExamples = ({ activeUnits, parities, own }: Probes): boolean =>
  activeUnits || parities.length > 0 || own.length > 0;

/** Whether there is any. */
export const probesAnything = (probes: Probes): boolean =>
  probesWeights(probes) || probesExamples(probes) || probes.gradientNorm;

/** Words that probes take in the largest table of one round: that of tasks, of sums, or of the parities' inputs. */
export function probeWordsOf({ layers, outputs }: Network, probes: Probes): number {
  const units = layers.reduce((sum, layer) => sum + layer.units * (1 + Number(layer.bias)), 0);
  const ofColumns = probesWeights(probes) || probes.activeUnits || probes.gradientNorm;
  const members = probes.parities.reduce((sum, { length }) => sum + length, 0);
  return Math.max(
    ofColumns ? Math.max(COLUMN_SUMS.words, STRIP.words) * units : 0,
    PARITY.words * probes.parities.length * outputs,
    members,
  );
}

/** @param sums One for each unit of each parameter, in the order of the state dict. */
export function probedWeights(network: Network, probes: Probes, sums: readonly Sum[]): NetworkProbed {
  return {
    ...(probes.norms && { norms: normsOf(network, sums) }),
    ...(probes.distance && { distance: distanceOf(byParameter(network, sums)) }),
  };
}

/**
 * @param examples How many examples there were.
 * @param active For each hidden unit, on how many of them it is above 0.
 * @param products For each parity and output, the sum of their products.
 * @param own Sums of the caller's functions, by name.
 */
export function probedExamples(
  { layers, outputs }: Network,
  probes: Probes,
  examples: number,
  active: readonly number[],
  products: readonly number[],
  own: readonly (readonly [string, number])[],
): NetworkProbed {
  let at = 0;
  const shares = layers.slice(0, -1).map(({ units: count }) => {
    at += count;
    const units = active.slice(at - count, at).map((above) => above / examples);
    return { mean: units.reduce((a, b) => a + b, 0) / count, units };
  });
  const parities = probes.parities.map((_, k) => {
    return products.slice(k * outputs, (k + 1) * outputs).map((sum) => sum / examples);
  });
  return {
    ...(probes.activeUnits && { activeUnits: shares }),
    ...(parities.length > 0 && { parities }),
    ...(own.length > 0 && { own: Object.fromEntries(own.map(([name, sum]) => [name, sum / examples])) }),
  };
}

type ByParameter = readonly { name: string; sums: readonly Sum[] }[];

function byParameter(network: Network, sums: readonly Sum[]): ByParameter {
  let at = 0;
  return parameterShapes(network).map(({ name, shape: [units] }) => {
    at += units;
    return { name, sums: sums.slice(at - units, at) };
  });
}

const rootOfSum = (squares: readonly number[]): number => Math.sqrt(squares.reduce((a, b) => a + b, 0));
/** The largest number, also of more than a call takes as arguments. NaN if one of them is NaN. */
const largest = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0);

/** @param sums One for each unit of each parameter, in the order of the state dict. */
export function normsOf(network: Network, sums: readonly Sum[]): ProbedNorms {
  const parameters = byParameter(network, sums);
  const squares = (some: readonly Sum[]) => some.map((one) => one.squares);
  const byName = <T>(of: (squares: readonly number[]) => T) =>
    Object.fromEntries(parameters.map((one) => [one.name, of(squares(one.sums))]));
  return {
    all: rootOfSum(squares(sums)),
    parameters: byName(rootOfSum),
    units: byName((units) => units.map(Math.sqrt)),
  };
}

/** The same of numbers that are so many times as large. */
export function scaledNorms({ all, parameters, units }: ProbedNorms, factor: number): ProbedNorms {
  const scaled = <T, R>(of: Record<string, T>, scale: (one: T) => R) =>
    Object.fromEntries(Object.entries(of).map(([name, one]) => [name, scale(one)]));
  const times = (norm: number) => factor * norm;
  return {
    ...{ all: times(all), parameters: scaled(parameters, times) },
    units: scaled(units, (norms) => norms.map(times)),
  };
}

function distanceOf(parameters: ByParameter): NetworkProbed['distance'] {
  const of = (sums: readonly Sum[]): ProbedDistance => ({
    l2: rootOfSum(sums.map(({ moved }) => moved)),
    max: largest(sums.map(({ farthest }) => farthest)),
  });
  return {
    ...of(parameters.flatMap(({ sums }) => sums)),
    parameters: Object.fromEntries(parameters.map(({ name, sums }) => [name, of(sums)])),
  };
}
