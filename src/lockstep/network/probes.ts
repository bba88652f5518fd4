/**
 * Probes: what a run tells of its network beside loss and accuracy. Checks the option, and makes of the device's sums what the
 * events tell; when they are due the run knows, and how they are taken is probe-sums.ts's.
 */
import type { COLUMN_SUMS } from '../../../shaders/network/probes.wgsl.js';
import { type Network, parameterShapes } from '../../network/network.js';
import { checkColumns } from '../../network/samplers.js';
import { badArgument, checkList, checkNumber, checkObject, checkText } from '../../platform/arguments.js';
import { checkOptionNames } from '../../platform/options.js';

/** What can be asked: of the weights at the end of each window, or of the examples of each evaluation. */
export type NetworkProbe =
  /** L2 norms of the weights. */
  | 'norms'
  /** How far the weights are from those that the run began with. */
  | 'distance'
  /** On how many examples the units of hidden layers are above 0. */
  | 'activeUnits'
  /** The outputs' Fourier coefficients: of each list of inputs the one of their parity. */
  | { parities: readonly (readonly number[])[] };

/** What the probes of a run found; of those that were not asked for nothing. */
export interface NetworkProbed {
  /**
   * L2 norms: of all parameters together, of each by its name in the state dict, and of the part of each that belongs to a unit: a
   * row of `0.weight`, a number of `0.bias`.
   */
  norms?: { all: number; parameters: Record<string, number>; units: Record<string, number[]> };
  /** The L2 norm and the largest absolute value of what was added to the initial weights: of all together, and by parameter. */
  distance?: Distance & { parameters: Record<string, Distance> };
  /**
   * Shares of the examples on which a unit's output is above 0, of each layer but the last: their mean, and those of the units. A
   * unit with 0 is dead on this set.
   */
  activeUnits?: { mean: number; units: number[] }[];
  /**
   * For each list of inputs and each output: the mean over the examples of the output times the parity, which is the product of a
   * factor for each input of the list: 1 if the input is above 0, else -1. So bits count as their signs do.
   */
  parities?: number[][];
}

interface Distance {
  l2: number;
  max: number;
}

/** Which probes a run has; `parities`: none if the list is empty. */
export interface Probes {
  readonly norms: boolean;
  readonly distance: boolean;
  readonly activeUnits: boolean;
  readonly parities: readonly (readonly number[])[];
}

type Sums = Pick<Record<keyof typeof COLUMN_SUMS.at, number>, 'squares' | 'moved' | 'farthest'>;

const NAMES = ['norms', 'distance', 'activeUnits'];
const MOST_PARITIES = 4096;

/** @throws LockstepError `bad-input` naming the probe that there is not, and what fits. */
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

/** Whether windows have something of them. */
export const probesWeights = ({ norms, distance }: Probes): boolean => norms || distance;

/** Whether evaluations have something of them. */
export const probesExamples = ({ activeUnits, parities }: Probes): boolean =>
  activeUnits || parities.length > 0;

/** @param sums By unit of each parameter, in the order of the state dict. */
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
 * @param examples How many were looked at.
 * @param active For each hidden unit, how many of them it is above 0 on.
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
/** Also of more numbers than a call takes arguments; NaN wins. */
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
