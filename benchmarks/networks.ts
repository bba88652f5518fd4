/**
 * Networks of any shape that the benchmark trains, described so that every peer can build the same: plain data, which
 * goes to them as JSON, and the runs that ours makes of it.
 */
import { BitMatrix, Generator, type NetworkLockstepOptions, type NetworkRun, samplers } from 'lockstep-gpu';

/** What a network learns. Its numbers do not matter, their kinds and their sizes do. */
export type NetworkData =
  /** Rows of a dataset, in an order of `randperm`: normal numbers, or bits of -1 and 1. */
  | { kind: 'floats' | 'signs'; rows: number }
  /** Bits of -1 and 1, new in every step, with the parity of three of them. */
  | { kind: 'fresh signs' }
  /** A task in one-hot code, drawn by a power law, before bits of 0 and 1, with the parity of three of the task's bits. */
  | { kind: 'fresh tasks'; tasks: number };

export interface NetworkCase {
  name: string;
  /** Of the inputs, then of each layer. */
  widths: readonly number[];
  /** Of all layers but the last, which has none. */
  activation: 'relu' | 'tanh' | 'gelu';
  batch: number;
  loss: 'mse' | 'crossEntropy' | 'hinge' | 'bceWithLogits';
  optimizer:
    | { type: 'adamw'; lr: number; weightDecay: number }
    | { type: 'sgd'; lr: number; weightDecay: number; momentum: number };
  data: NetworkData;
}

/** What a network's time over ours is to be, of PyTorch one by one and stacked: at least, and hoped for. */
export type Goal = readonly [atLeast: number, hoped: number];

const adamw = { type: 'adamw', lr: 1e-3, weightDecay: 1e-2 } as const;
const sgd = { type: 'sgd', lr: 0.1, weightDecay: 0.01, momentum: 0 } as const;

/** The table, row by row. */
export const NETWORKS: readonly (NetworkCase & { goal: Goal })[] = [
  {
    name: '2-64-64-1 tanh, 32, MSE, AdamW',
    ...{ widths: [2, 64, 64, 1], activation: 'tanh', batch: 32, loss: 'mse', optimizer: adamw },
    data: { kind: 'floats', rows: 4096 },
    goal: [3, 8],
  },
  {
    name: '16-32-3 ReLU, 64, cross-entropy, SGD momentum',
    ...{ widths: [16, 32, 3], activation: 'relu', batch: 64, loss: 'crossEntropy' },
    optimizer: { type: 'sgd', lr: 0.05, weightDecay: 0, momentum: 0.9 },
    data: { kind: 'floats', rows: 4096 },
    goal: [4, 10],
  },
  {
    name: '50-100-1 ReLU, 32, hinge, SGD, fresh bits',
    ...{ widths: [50, 100, 1], activation: 'relu', batch: 32, loss: 'hinge', optimizer: sgd },
    data: { kind: 'fresh signs' },
    goal: [4, 10],
  },
  {
    name: '40-1000-1 ReLU, 32, hinge, SGD',
    ...{ widths: [40, 1000, 1], activation: 'relu', batch: 32, loss: 'hinge', optimizer: sgd },
    data: { kind: 'signs', rows: 1000 },
    goal: [1.5, 4],
  },
  {
    name: '64-256-256-10 GELU, 128, cross-entropy, AdamW',
    ...{ widths: [64, 256, 256, 10], activation: 'gelu', batch: 128, loss: 'crossEntropy', optimizer: adamw },
    data: { kind: 'floats', rows: 4096 },
    goal: [0.4, 1],
  },
  {
    name: '150-100-2 ReLU, 2,000, cross-entropy, AdamW, fresh tasks',
    ...{ widths: [150, 100, 2], activation: 'relu', batch: 2000, loss: 'crossEntropy', optimizer: adamw },
    data: { kind: 'fresh tasks', tasks: 100 },
    goal: [0.4, 1],
  },
];

/** The parity evaluation's network, which the parity kernels train. */
export const parityNetwork = (features: number): NetworkCase => ({
  name: `parity, N = ${features}`,
  ...{ widths: [features, 512, 1], activation: 'relu', batch: 128, loss: 'bceWithLogits', optimizer: adamw },
  data: { kind: 'signs', rows: 10_000 },
});

/** Operations of the products in a training step of one run, two a multiply-add. */
export const operations = ({ widths, batch }: NetworkCase): number =>
  widths.slice(1).reduce((sum, units, l) => sum + 2 * batch * widths[l] * units * (l === 0 ? 2 : 3), 0);

/** How many steps of so many runs have about this many operations: at least 8, at most `most`. */
export const stepsOf = (one: NetworkCase, runs: number, all: number, most: number): number =>
  Math.max(8, Math.min(most, Math.round(all / runs / operations(one))));

/** What `trainLockstep` takes: so many runs with seeds of their own, for so many steps. */
export function trainingOf(
  { widths, activation, batch, loss, optimizer, data }: NetworkCase,
  count: number,
  maxSteps: number,
): NetworkLockstepOptions & { runs: NetworkRun[]; maxSteps: number } {
  const [inputs, ...units] = widths;
  const last = units.length - 1;
  return {
    network: {
      inputs,
      layers: units.map((n, l) => ({ units: n, activation: l < last ? activation : 'identity' })),
    },
    ...{ loss, optimizer, maxSteps, batchSize: batch, data: dataOf(data, inputs, units[last], loss) },
    runs: Array.from({ length: count }, (_, seed) => ({ seed })),
  };
}

function dataOf(data: NetworkData, inputs: number, outputs: number, loss: NetworkCase['loss']) {
  if (data.kind === 'fresh signs') return samplers.parity({ inputs, secret: [0, 1, 2], signs: true });
  if (data.kind === 'fresh tasks') {
    const bits = inputs - data.tasks;
    const secrets = Array.from({ length: data.tasks }, (_, t) => [t, t + 1, t + 2].map((bit) => bit % bits));
    return samplers.parities({ bits, secrets });
  }
  const { rows, kind } = data;
  const generator = new Generator(0);
  const classes = loss === 'crossEntropy' ? outputs : 2;
  const y = Float32Array.from({ length: rows }, () => generator.randint(0, classes));
  if (kind === 'signs') return { x: BitMatrix.random(rows, inputs, generator), y, signs: true };
  const x = new Float32Array(rows * inputs);
  generator.normal(x);
  return { x: { data: x, shape: [rows, inputs] }, y };
}
