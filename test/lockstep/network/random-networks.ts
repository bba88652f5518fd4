/**
 * Random networks with data, loss and optimizer, as the trainer takes them, and what the float64 oracle makes of them. Of
 * sizes at which products end amid tiles and batches amid epochs. Nothing of Node, so that a page can use it too.
 */
import type { NetworkRun } from '../../../src/lockstep/network/types.js';
import type { ActivationDescription } from '../../../src/network/activations.js';
import { LOSSES, type LossDescription, lossOf } from '../../../src/network/losses.js';
import { type LayerDescription, type NetworkDescription, networkOf } from '../../../src/network/network.js';
import { type OptimizerDescription, optimizerOf } from '../../../src/network/optimizers.js';
import { initialWeights } from '../../../src/network/weights.js';
import { Generator } from '../../../src/random/generator.js';
import { BitMatrix } from '../../../src/tensor/bits.js';
import { type BatchResult, ReferenceNetwork } from '../../network/reference.js';
import fc from '../../properties.js';

/** A run to train. */
export interface Case {
  seed: number;
  network: NetworkDescription;
  loss: LossDescription;
  optimizer: OptimizerDescription;
  inputs: 'floats' | 'bits' | 'signs';
  examples: number;
  batchSize: number;
  steps: number;
}

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const units = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 40 }), weight: 5 },
  { arbitrary: fc.constantFrom(63, 64, 65, 130), weight: 1 },
);
export const activation: fc.Arbitrary<ActivationDescription | undefined> = fc.constantFrom(
  ...(['relu', 'leakyRelu', 'tanh', 'sigmoid', 'gelu', 'geluTanh', 'silu', 'softplus', 'identity'] as const),
  { type: 'leakyRelu' as const, negativeSlope: 0.3 },
  { type: 'power' as const, exponent: 2 },
  { type: 'power' as const, exponent: 3 },
  undefined,
);
export const loss: fc.Arbitrary<LossDescription> = fc.constantFrom<LossDescription[]>(
  ...(['bce', 'bceWithLogits', 'crossEntropy', 'mse', 'l1', 'huber', 'hinge'] as const),
  { type: 'huber', delta: 0.3 },
  { type: 'crossEntropy', ignoreIndex: 1 },
);
const decay = fc.constantFrom(0, 0.1);
const optimizer: fc.Arbitrary<OptimizerDescription> = fc.oneof(
  // With the default eps, a gradient of the size of its own rounding makes a whole step: PyTorch's traces have that one.
  fc.record({
    type: fc.constantFrom('adamw' as const, 'adam' as const),
    lr: number(1e-3, 0.03),
    betas: fc.tuple(number(0, 0.95), number(0.5, 0.999)),
    eps: fc.constantFrom(1e-3, 1e-2),
    weightDecay: decay,
  }),
  fc.record({ type: fc.constant('sgd' as const), lr: number(1e-3, 0.2), weightDecay: decay }),
  fc.record({
    type: fc.constant('sgd' as const),
    lr: number(1e-3, 0.1),
    momentum: number(0.1, 0.95),
    dampening: number(0, 0.9),
    weightDecay: decay,
  }),
  fc.record({
    type: fc.constant('sgd' as const),
    lr: number(1e-3, 0.1),
    momentum: number(0.1, 0.95),
    nesterov: fc.constant(true),
  }),
  fc.record({
    type: fc.constant('signSgd' as const),
    lr: number(1e-4, 1e-3),
    momentum: fc.constantFrom(0, 0.77),
    weightDecay: decay,
  }),
);
const layer: fc.Arbitrary<LayerDescription> = fc.record(
  { units, bias: fc.boolean(), activation },
  { requiredKeys: ['units'] },
);

/** A run of any kind. */
export const anyCase: fc.Arbitrary<Case> = fc
  .record({
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
    inputs: fc.constantFrom('floats' as const, 'bits' as const, 'signs' as const),
    width: units,
    layers: fc.array(layer, { minLength: 1, maxLength: 8 }),
    loss,
    optimizer,
    examples: fc.integer({ min: 1, max: 60 }),
    batchSize: fc.integer({ min: 1, max: 40 }),
    steps: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ width, layers, ...rest }) => {
    const type = lossOf('', rest.loss).type;
    const last = { ...layers[layers.length - 1] };
    if (type === 'bce') last.activation = 'sigmoid';
    if (type === 'crossEntropy') last.units = Math.max(2, last.units);
    return { ...rest, network: { inputs: width, layers: [...layers.slice(0, -1), last] } };
  });

/** Rows, targets by output, and the run; the weights are those that the seed draws. */
export function materialize(one: Case) {
  const { network, examples, seed } = one;
  const generator = new Generator(seed + 1);
  const { outputs } = networkOf('', network);
  const { type } = lossOf('', one.loss);
  const isClass = LOSSES[type].targets === 'class';
  const numbers = (count: number, from: number, to: number) => {
    const values = new Float32Array(count);
    generator.uniform(values, from, to);
    return values;
  };
  const whole = (count: number, to: number) => {
    const values = new Float32Array(count);
    generator.randintFill(values, 0, to);
    return values;
  };
  const bits = BitMatrix.random(examples, network.inputs, generator);
  const floats = numbers(examples * network.inputs, -1, 1);
  const valueAt = (row: number, k: number): number => {
    if (one.inputs === 'floats') return floats[row * network.inputs + k];
    const bit = bits.get(row, k);
    return one.inputs === 'bits' ? bit : 2 * bit - 1;
  };
  const rows = Array.from({ length: examples }, (_, r) =>
    Array.from({ length: network.inputs }, (_, k) => valueAt(r, k)),
  );
  const width = isClass ? 1 : outputs;
  const isBits = type === 'bce' || type === 'bceWithLogits' || type === 'hinge';
  const y = isClass
    ? whole(examples, outputs)
    : isBits
      ? whole(examples * width, 2)
      : numbers(examples * width, -1, 1);
  const targets = Array.from({ length: examples }, (_, r) => [...y.slice(r * width, (r + 1) * width)]);
  const x = one.inputs === 'floats' ? floats : bits;
  const run: NetworkRun = {
    network,
    data: { x, y, signs: one.inputs === 'signs' },
    loss: one.loss,
    optimizer: one.optimizer,
    batchSize: one.batchSize,
    maxSteps: one.steps,
    seed,
    orderSeed: seed + 2,
  };
  return { run, rows, targets };
}

/** What the oracle makes of a run. */
export interface Outcome {
  steps: BatchResult[];
  parameters: number[];
  /** How near it came to a corner. */
  nearest: number;
}

/** Losses step by step and the parameters after the last, in float64. */
export function oracle(one: Case, blur?: (x: number) => number): Outcome {
  const { rows, targets } = materialize(one);
  const network = networkOf('', one.network);
  const settings = optimizerOf('', one.optimizer);
  const weights = initialWeights(network, new Generator(one.seed));
  const reference = new ReferenceNetwork(network, lossOf('', one.loss), settings, weights, blur);
  const order = new Generator(one.seed + 2);
  let pending: number[] = [];
  const steps = Array.from({ length: one.steps }, () => {
    if (pending.length === 0) pending = [...order.randperm(one.examples)];
    const batch = pending.splice(0, one.batchSize);
    return reference.step({ x: batch.map((r) => rows[r]), y: batch.map((r) => targets[r]) });
  });
  return { steps, parameters: reference.parameters(), nearest: reference.nearest };
}

/** Some roundings of float32, as a sum of many products or a power of e may have. */
const BLUR = 2 ** -21;
const TWINS = 2;

/** A number's error, relative to it where it is large. */
export const off = (got: number, wanted: number): number =>
  Math.abs(got - wanted) / Math.max(1, Math.abs(wanted));

/**
 * How far a run carries roundings: how much the losses of steps and the parameters of twins differ in which every number on the
 * way is off by some roundings, up or down. Most networks forget them; some, with AdamW and powers of three, make of
 * them a hundred times as much in five steps, which no tolerance of all knows.
 */
export function spread(one: Case, { steps, parameters }: Outcome): { losses: number[]; parameters: number } {
  const twins = Array.from({ length: TWINS }, (_, k) => {
    // One sign for each of millions of numbers: the high bit of a linear congruential generator (Numerical Recipes).
    let state = one.seed + k;
    return oracle(one, (x) => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return x * (1 + (state < 0 ? BLUR : -BLUR));
    });
  });
  const most = (of: (twin: Outcome) => number) => Math.max(...twins.map(of));
  return {
    losses: steps.map(({ loss }, s) => most((twin) => off(twin.steps[s].loss, loss))),
    parameters: most((twin) => Math.max(...twin.parameters.map((value, j) => off(value, parameters[j])))),
  };
}
