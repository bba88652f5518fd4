/**
 * Probes: what a run tells of its network beside loss and accuracy. Checks the option, and makes of the device's sums what the
 * events tell; when they are due the run knows, and how they are taken is probe-sums.ts's.
 */
import type { COLUMN_SUMS } from '../../../shaders/network/probes.wgsl.js';
import { type Network, parameterShapes } from '../../network/network.js';
import { checkList, checkText } from '../../platform/arguments.js';

/** What can be asked of the weights, at the end of each window. */
export type NetworkProbe =
  /** L2 norms. */
  | 'norms'
  /** How far the weights are from those that the run began with. */
  | 'distance';

/** What the probes of a run found; of those that were not asked for nothing. */
export interface NetworkProbed {
  /**
   * L2 norms: of all parameters together, of each by its name in the state dict, and of the part of each that belongs to a unit: a
   * row of `0.weight`, a number of `0.bias`.
   */
  norms?: { all: number; parameters: Record<string, number>; units: Record<string, number[]> };
  /** The L2 norm and the largest absolute value of what was added to the initial weights: of all together, and by parameter. */
  distance?: Distance & { parameters: Record<string, Distance> };
}

interface Distance {
  l2: number;
  max: number;
}

/** Which probes a run has. */
export type Probes = Readonly<Record<NetworkProbe, boolean>>;

type Sums = Record<keyof typeof COLUMN_SUMS.at, number>;

const NAMES: readonly NetworkProbe[] = ['norms', 'distance'];

/** @throws LockstepError `bad-input` naming the probe that there is not, and what fits. */
export function probesOf(where: string, given: readonly NetworkProbe[] = []): Probes {
  checkList(where, 'probes', given, `a list fits, of ${NAMES.join(', ')}`);
  for (const [k, name] of given.entries()) checkText(where, `probes[${k}]`, name, NAMES);
  return { norms: given.includes('norms'), distance: given.includes('distance') };
}

/** Whether windows have something of them. */
export const probesWeights = ({ norms, distance }: Probes): boolean => norms || distance;

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
