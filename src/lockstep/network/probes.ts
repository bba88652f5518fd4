/**
 * Probes: measurements of a run's network other than loss and accuracy. This checks the option, and turns the device's sums into
 * the values of events. progress.ts says when they are due; probe-sums.ts has the device compute the sums.
 */
import type { COLUMN_SUMS } from '../../../shaders/network/probes.wgsl.js';
import { type Network, parameterShapes } from '../../network/network.js';
import { checkColumns } from '../../network/samplers.js';
import { badArgument, checkList, checkNumber, checkObject, checkText } from '../../platform/arguments.js';
import { checkOptionNames } from '../../platform/options.js';

/** A measurement, of the weights at the end of each window or of the examples of each evaluation. */
export type NetworkProbe =
  /** L2 norms of the weights. */
  | 'norms'
  /** How far the weights are from those with which the run began. */
  | 'distance'
  /** On how many examples each hidden unit is above 0. */
  | 'activeUnits'
  /** Fourier coefficients of the outputs: one for each list of inputs, that of their parity. */
  | { parities: readonly (readonly number[])[] };

/** What the probes of a run found. Those that were not asked for are absent. */
export interface NetworkProbed {
  /**
   * L2 norms: of all parameters together; of each parameter, by its name in the state dict; and of each unit's part of it, which is
   * a row of `0.weight`, or a number of `0.bias`.
   */
  norms?: { all: number; parameters: Record<string, number>; units: Record<string, number[]> };
  /** L2 norm and largest absolute value of the change since the initial weights: of all together, and of each parameter. */
  distance?: Distance & { parameters: Record<string, Distance> };
  /**
   * For each layer but the last: on which share of the examples each unit's output is above 0, and the mean of these shares. A unit
   * with 0 is dead on this set.
   */
  activeUnits?: { mean: number; units: number[] }[];
  /**
   * For each list of inputs and each output: the mean over the examples of the output times the parity. The parity is the product of
   * one factor for each input in the list: 1 if the input is above 0, else -1.
   */
  parities?: number[][];
}

interface Distance {
  l2: number;
  max: number;
}

/** The probes that a run has. `parities` is empty if none were asked for. */
export interface Probes {
  readonly norms: boolean;
  readonly distance: boolean;
  readonly activeUnits: boolean;
  readonly parities: readonly (readonly number[])[];
}

type Sums = Pick<Record<keyof typeof COLUMN_SUMS.at, number>, 'squares' | 'moved' | 'farthest'>;

const NAMES = ['norms', 'distance', 'activeUnits'];
const MOST_PARITIES = 4096;

/** @throws LockstepError `bad-input` that names an unknown probe, and what fits. */
export function probesOf(
  where: string,
  given: readonly NetworkProbe[] = [],
  network: Network,
  evaluates: boolean,
): Probes {
  checkList(where, 'probes', given, `a list fits, of ${NAMES.join(', ')} or { parities: [[0, 1]] }`);
  const parities = given.flatMap((probe, k) => {
    if (typeof probe === 'object') return paritiesOf(`${where}: probes[${k}]`, probe, network);
    checkText(where, `probes[${k}]`, probe, NAMES);
    return [];
  });
  const has = (name: NetworkProbe) => given.includes(name);
  const probes = {
    ...{ norms: has('norms'), distance: has('distance'), activeUnits: has('activeUnits') },
    parities,
  };
  if (!probesExamples(probes) || evaluates) return probes;
  const k = given.findIndex((probe) => probe === 'activeUnits' || typeof probe === 'object');
  throw badArgument(
    where,
    `probes[${k}]`,
    given[k],
    'it is of the examples of evaluations: give evaluate, too',
  );
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

/** Whether any of them is taken when a window closes. */
export const probesWeights = ({ norms, distance }: Probes): boolean => norms || distance;

/** Whether any of them is taken at an evaluation. */
export const probesExamples = ({ activeUnits, parities }: Probes): boolean =>
  activeUnits || parities.length > 0;

/** @param sums One for each unit of each parameter, in the order of the state dict. */
export function probedWeights(network: Network, probes: Probes, sums: readonly Sums[]): NetworkProbed {
  let at = 0;
  const parameters = parameterShapes(network).map(({ name, shape: [units] }) => {
    at += units;
    return { name, sums: sums.slice(at - units, at) };
  });
  return {
    ...(probes.norms && { norms: normsOf(parameters) }),
    ...(probes.distance && { distance: distanceOf(parameters) }),
  };
}

/**
 * @param examples How many examples there were.
 * @param active For each hidden unit, on how many of them it is above 0.
 * @param products For each parity and output, the sum of their products.
 */
export function probedExamples(
  { layers, outputs }: Network,
  probes: Probes,
  examples: number,
  active: readonly number[],
  products: readonly number[],
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
  };
}

type ByParameter = readonly { name: string; sums: readonly Sums[] }[];

const rootOfSum = (squares: readonly number[]): number => Math.sqrt(squares.reduce((a, b) => a + b, 0));
/** The largest number, also of more than a call takes as arguments. NaN if one of them is NaN. */
const largest = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0);

function normsOf(parameters: ByParameter): NetworkProbed['norms'] {
  const squares = (sums: readonly Sums[]) => sums.map((one) => one.squares);
  const byName = <T>(of: (squares: readonly number[]) => T) =>
    Object.fromEntries(parameters.map(({ name, sums }) => [name, of(squares(sums))]));
  return {
    all: rootOfSum(parameters.flatMap(({ sums }) => squares(sums))),
    parameters: byName(rootOfSum),
    units: byName((units) => units.map(Math.sqrt)),
  };
}

function distanceOf(parameters: ByParameter): NetworkProbed['distance'] {
  const of = (sums: readonly Sums[]): Distance => ({
    l2: rootOfSum(sums.map(({ moved }) => moved)),
    max: largest(sums.map(({ farthest }) => farthest)),
  });
  return {
    ...of(parameters.flatMap(({ sums }) => sums)),
    parameters: Object.fromEntries(parameters.map(({ name, sums }) => [name, of(sums)])),
  };
}
