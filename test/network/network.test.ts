// A network as data: the names and shapes of its parameters are those of PyTorch's nn.Sequential, and weights come back from
// the device's order as they went in.
import { describe, expect, it } from 'vitest';
import type { ActivationDescription } from '../../src/network/activations.js';
import {
  type LayerDescription,
  type NetworkDescription,
  networkOf,
  parameterShapes,
  showNetwork,
} from '../../src/network/network.js';
import { checkWeights, initialWeights, packWeights, unpackWeights } from '../../src/network/weights.js';
import { Generator } from '../../src/random/generator.js';
import fc from '../properties.js';

const layer: fc.Arbitrary<LayerDescription> = fc.record(
  {
    units: fc.integer({ min: 1, max: 9 }),
    bias: fc.boolean(),
    activation: fc.constantFrom<ActivationDescription[]>('relu', 'tanh', 'identity', {
      type: 'power',
      exponent: 2,
    }),
  },
  { requiredKeys: ['units'] },
);
const description: fc.Arbitrary<NetworkDescription> = fc.record({
  inputs: fc.integer({ min: 1, max: 9 }),
  layers: fc.array(layer, { minLength: 1, maxLength: 8 }),
});

describe('a network', () => {
  it('names its parameters by their places in a Sequential, where an activation has a place of its own', () => {
    const network = networkOf('run 0', {
      inputs: 3,
      layers: [
        { units: 5, activation: 'relu' },
        { units: 4, bias: false },
        { units: 2, activation: 'gelu' },
        { units: 1 },
      ],
    });
    expect(parameterShapes(network)).toEqual([
      { name: '0.weight', shape: [5, 3] },
      { name: '0.bias', shape: [5] },
      { name: '2.weight', shape: [4, 5] },
      { name: '3.weight', shape: [2, 4] },
      { name: '3.bias', shape: [2] },
      { name: '5.weight', shape: [1, 2] },
      { name: '5.bias', shape: [1] },
    ]);
    expect(showNetwork(network)).toBe('3 -> 5 relu -> 4 without bias -> 2 gelu -> 1');
  });

  it('has as many parameters as its shapes hold', () => {
    fc.assert(
      fc.property(description, (given) => {
        const network = networkOf('run 0', given);
        const sizes = parameterShapes(network).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
        expect(network.parameters).toBe(sizes.reduce((a, b) => a + b, 0));
        expect(network.outputs).toBe(given.layers[given.layers.length - 1].units);
      }),
    );
  });

  it('shows what tells it from others', () => {
    const show = (...layers: LayerDescription[]) => showNetwork(networkOf('run 0', { inputs: 2, layers }));
    expect(show({ units: 4, activation: { type: 'leakyRelu', negativeSlope: 0.2 } })).toBe(
      '2 -> 4 leakyRelu(0.2)',
    );
    expect(show({ units: 4, activation: { type: 'power', exponent: 3 } }, { units: 1 })).toBe(
      '2 -> 4 power(3) -> 1',
    );
  });
});

describe('weights', () => {
  it('come back from the device’s order, bit by bit', () => {
    fc.assert(
      fc.property(description, fc.nat(), (given, seed) => {
        const network = networkOf('run 0', given);
        const weights = initialWeights(network, new Generator(seed));
        expect(unpackWeights(network, packWeights(network, weights))).toEqual(weights);
      }),
    );
  });

  it('of a unit lie side by side with those of its neighbours, rows padded to four', () => {
    const network = networkOf('run 0', { inputs: 2, layers: [{ units: 3 }] });
    const weights = {
      '0.weight': { data: Float32Array.of(11, 12, 21, 22, 31, 32), shape: [3, 2] },
      '0.bias': { data: Float32Array.of(1, 2, 3), shape: [3] },
    };
    expect([...packWeights(network, weights)]).toEqual([11, 21, 31, 0, 12, 22, 32, 0, 1, 2, 3, 0]);
  });

  it('that do not fit are refused with all that is wrong with them', () => {
    const network = networkOf('run 0', { inputs: 2, layers: [{ units: 1 }, { units: 2, bias: false }] });
    const weights = {
      '0.weight': { data: new Float32Array(2), shape: [2, 1] },
      '0.bias': [0],
      '1.bias': { data: new Float32Array(2), shape: [2] },
    };
    expect(() => checkWeights('run 7', network, weights)).toThrow(
      'run 7: weights: 0.weight is [2, 1] of 2 values, not [1, 2]; 0.bias is an array, not { data: Float32Array, shape }; ' +
        '1.weight is missing; 1.bias is no parameter of the network.',
    );
  });

  it('that are no numbers are refused by their place', () => {
    const network = networkOf('run 0', { inputs: 3, layers: [{ units: 2, bias: false }] });
    const weights = { '0.weight': { data: Float32Array.of(0, 1, 2, 3, Number.NaN, 5), shape: [2, 3] } };
    expect(() => checkWeights('run 7', network, weights)).toThrow(
      'run 7: weights: 0.weight[1, 1] is NaN, not a finite number.',
    );
  });
});
