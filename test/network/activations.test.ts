// The activations' rules in float64: each derivative against differences of its own function, erf against known digits,
// and the values at the places where a formula is easily wrong.
import { describe, expect, it } from 'vitest';
import { ACTIVATIONS, type Activation, activationOf } from '../../src/network/activations.js';
import { erf } from '../../src/network/erf.js';
import fc from '../properties.js';

/** Half the distance of two values whose difference is taken; its square is the error of the slope. */
const H = 1e-5;
const SLOPE = 1e-7;

const activations: Activation[] = [
  ...(Object.keys(ACTIVATIONS) as Activation['type'][])
    .filter((type) => type !== 'power' && type !== 'leakyRelu')
    .map((type) => ({ type, parameter: 0 })),
  { type: 'leakyRelu', parameter: 0.2 },
  { type: 'leakyRelu', parameter: -1.5 },
  ...[1, 2, 3, 8].map((exponent) => ({ type: 'power' as const, parameter: exponent })),
];

describe.each(activations)('$type, $parameter', ({ type, parameter }) => {
  const { value, derivative, keepsInput } = ACTIVATIONS[type];
  const at = (x: number) => value(x, parameter);

  it('has the slope of its function', () => {
    fc.assert(
      // A difference across the corner at 0 is no slope.
      fc.property(
        fc.double({ min: -6, max: 6, noNaN: true }).filter((x) => Math.abs(x) > 2 * H),
        (x) => {
          const slope = (at(x + H) - at(x - H)) / (2 * H);
          const error = Math.abs(derivative(x, at(x), parameter) - slope);
          expect(error).toBeLessThan(SLOPE * Math.max(1, Math.abs(slope) * 1e2, at(x) ** 2));
        },
      ),
    );
  });

  it('needs what went in for its slope only where it says so', () => {
    if (keepsInput) return;
    for (const x of [-3, -0.5, 0.5, 3]) {
      expect(derivative(Number.NaN, at(x), parameter)).toBe(derivative(x, at(x), parameter));
    }
  });

  it('stays finite far out, and lets NaN through', () => {
    for (const x of [-800, 800]) expect(Number.isFinite(derivative(x, at(x), parameter))).toBe(true);
    if (type !== 'power') for (const x of [-800, 800]) expect(Math.abs(at(x))).toBeLessThanOrEqual(1200);
    expect(at(Number.NaN)).toBeNaN();
  });
});

it('at 0, the slopes are those of PyTorch', () => {
  const slope = (type: Activation['type'], parameter = 0) =>
    ACTIVATIONS[type].derivative(0, ACTIVATIONS[type].value(0, parameter), parameter);
  expect(slope('relu')).toBe(0);
  expect(slope('leakyRelu', 0.01)).toBe(0.01);
  expect(slope('power', 1)).toBe(1);
  expect(slope('power', 2)).toBe(0);
  for (const type of ['gelu', 'geluTanh', 'silu', 'softplus'] as const) expect(slope(type)).toBe(0.5);
  expect(slope('sigmoid')).toBe(0.25);
});

describe('erf', () => {
  // Abramowitz and Stegun, table 7.1, and mpmath's digits beyond it; 2.5 is where one formula follows the other.
  it.each([
    [0, 0],
    [1e-8, 1.1283791670955126e-8],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.4999999, 0.9995930477647266],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [5, 0.9999999999984626],
    [7, 1],
  ])('of %f', (x, expected) => {
    expect(Math.abs(erf(x) - expected)).toBeLessThan(1e-14);
    expect(erf(-x)).toBe(-erf(x));
  });

  it('rises everywhere, and is NaN of NaN', () => {
    let before = -1;
    for (let x = -5; x <= 5; x += 0.01) {
      expect(erf(x)).toBeGreaterThan(before);
      before = erf(x);
    }
    expect(erf(Number.NaN)).toBeNaN();
    expect(erf(Number.POSITIVE_INFINITY)).toBe(1);
  });
});

describe('a description', () => {
  it('stands for its activation, with PyTorch’s defaults', () => {
    const of = (description?: Parameters<typeof activationOf>[1]) => activationOf('layer 0', description);
    expect(of()).toEqual({ type: 'identity', parameter: 0 });
    expect(of('leakyRelu')).toEqual({ type: 'leakyRelu', parameter: 0.01 });
    expect(of({ type: 'leakyRelu' })).toEqual({ type: 'leakyRelu', parameter: 0.01 });
    expect(of({ type: 'power', exponent: 3 })).toEqual({ type: 'power', parameter: 3 });
    expect(of('geluTanh')).toEqual({ type: 'geluTanh', parameter: 0 });
  });
});
