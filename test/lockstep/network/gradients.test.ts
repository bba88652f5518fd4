// The gradient of each activation with each loss, as the kernel fuses them: a step of SGD with a learning rate of 1 moves each
// parameter by its gradient, which is held against differences of the float64 rule. All pairs in one call, in both forms.
import '../../quick-to-compile.js';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import {
  ACTIVATIONS,
  type ActivationDescription,
  type PlainActivation,
} from '../../../src/network/activations.js';
import { LOSSES, type LossDescription, lossOf, type PlainLoss } from '../../../src/network/losses.js';
import type { HostStateDict } from '../../../src/network/network.js';
import { type NetworkDescription, networkOf } from '../../../src/network/network.js';
import { optimizerOf } from '../../../src/network/optimizers.js';
import { initialWeights } from '../../../src/network/weights.js';
import { Generator } from '../../../src/random/generator.js';
import { ReferenceNetwork } from '../../network/reference.js';
import { useForm } from './forms.js';
import { networkOutcomes } from './outcomes.js';

/** Half the distance of two losses whose difference is taken; what float32's roundings come to, beside a run's largest gradient. */
const H = 1e-5;
const GRADIENT = 2e-6;

const EXAMPLES = 7;
const INPUTS = 3;
const OUTPUTS = 3;

const activations: ActivationDescription[] = [
  ...(Object.keys(ACTIVATIONS) as (PlainActivation | 'power')[]).filter((type) => type !== 'power'),
  { type: 'leakyRelu', negativeSlope: 0.3 },
  { type: 'power', exponent: 1 },
  { type: 'power', exponent: 2 },
  { type: 'power', exponent: 3 },
];
const losses: LossDescription[] = [
  ...(Object.keys(LOSSES) as PlainLoss[]),
  { type: 'huber', delta: 0.2 },
  { type: 'crossEntropy', ignoreIndex: 2 },
];

interface Pair {
  network: NetworkDescription;
  loss: LossDescription;
  seed: number;
  x: Float32Array;
  y: Float32Array;
}

const pairs: Pair[] = activations.flatMap((activation, a) =>
  losses.map((loss, l): Pair => {
    const seed = 100 * a + l + 20;
    const generator = new Generator(seed + 1e6);
    const x = new Float32Array(EXAMPLES * INPUTS);
    generator.uniform(x, -1, 1);
    const type = lossOf('', loss).type;
    const isClass = LOSSES[type].targets === 'class';
    const y = new Float32Array(EXAMPLES * (isClass ? 1 : OUTPUTS));
    if (isClass) generator.randintFill(y, 0, OUTPUTS);
    else if (type === 'hinge') generator.randintFill(y, 0, 2);
    else generator.uniform(y, 0, 1);
    // Of probabilities only a sigmoid gives some.
    const last = type === 'bce' ? 'sigmoid' : activation;
    const layers = [
      { units: 5, activation },
      { units: OUTPUTS, activation: last },
    ];
    return { network: { inputs: INPUTS, layers }, loss, seed, x, y };
  }),
);

/** PyTorch's initial weights, twice as large, so that powers of what they give are not too small to tell. */
function weightsOf({ network, seed }: Pair): HostStateDict {
  const drawn = initialWeights(networkOf('', network), new Generator(seed));
  for (const { data } of Object.values(drawn)) for (let k = 0; k < data.length; k++) data[k] *= 2;
  return drawn;
}

/** Gradients by differences, parameter by parameter in the order of the state dict. */
function differences(pair: Pair): number[] {
  const { network, loss, x, y } = pair;
  const weights = weightsOf(pair);
  const width = y.length / EXAMPLES;
  const batch = {
    x: Array.from({ length: EXAMPLES }, (_, b) => [...x.slice(b * INPUTS, (b + 1) * INPUTS)]),
    y: Array.from({ length: EXAMPLES }, (_, b) => [...y.slice(b * width, (b + 1) * width)]),
  };
  const lossAt = (name: string, k: number, by: number): number => {
    const moved = Object.fromEntries(
      Object.entries(weights).map(([each, { data, shape }]) => {
        const exact = Float64Array.from(data);
        if (each === name) exact[k] += by;
        return [each, { data: exact as unknown as Float32Array, shape }];
      }),
    );
    const sgd = optimizerOf('', { type: 'sgd', lr: 1 });
    return new ReferenceNetwork(networkOf('', network), lossOf('', loss), sgd, moved).evaluate(batch).loss;
  };
  return Object.entries(weights).flatMap(([name, { data }]) =>
    Array.from(data, (_, k) => (lossAt(name, k, H) - lossAt(name, k, -H)) / (2 * H)),
  );
}

let device: Device;
let expected: number[][];
beforeAll(async () => {
  device = await openDevice();
  expected = pairs.map(differences);
});
afterAll(() => device.destroy());
afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(['lanes', 'blocks'] as const)('the kernel by %s', (form) => {
  it('has the gradient of every activation with every loss', async () => {
    useForm(form);
    const trained = await networkOutcomes(device, {
      runs: pairs.map((pair) => ({
        network: pair.network,
        loss: pair.loss,
        weights: weightsOf(pair),
        data: { x: pair.x, y: pair.y },
      })),
      optimizer: { type: 'sgd', lr: 1 },
      batchSize: EXAMPLES,
      maxSteps: 1,
    });
    for (const [p, pair] of pairs.entries()) {
      const before = weightsOf(pair);
      const gradients = Object.entries(before).flatMap(([name, { data }]) =>
        Array.from(data, (w, k) => w - trained[p].finish!.weights[name].data[k]),
      );
      expect(gradients.length).toBe(expected[p].length);
      // A network whose gradient is 0 everywhere would show nothing.
      expect(Math.max(...gradients.map(Math.abs)), JSON.stringify([pair.network, pair.loss])).toBeGreaterThan(
        1e-3,
      );
      const allowed = GRADIENT * Math.max(1, ...expected[p].map(Math.abs));
      for (const [k, gradient] of gradients.entries()) {
        const error = Math.abs(gradient - expected[p][k]);
        expect(error, `${JSON.stringify([pair.network, pair.loss])}: parameter ${k}`).toBeLessThan(allowed);
      }
    }
  });
});
