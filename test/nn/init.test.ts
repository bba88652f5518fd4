// Init functions against PyTorch's (test/fixtures/torch/init-functions.json, made by make_init_fixtures.py beside it) and
// the initial weights of the built-in strategies against init.*.json (made by torch_reference.py).
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { makeWeights } from '../../src/bench/prepare.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import { makeTask } from '../../src/bench/task.js';
import * as init from '../../src/nn/init.js';
import { normalCdf, normalQuantile } from '../../src/nn/normal-quantile.js';
import { Generator } from '../../src/random/generator.js';
import { manualSeed, tensor, zeros } from '../../src/tensor/create.js';
import { type NdArray, ndarray } from '../../src/tensor/ndarray.js';
import fc from '../properties.js';

const folder = new URL('../fixtures/torch/', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const fixture: {
  seed: number;
  gains: Record<string, number>;
  linear: { weight: number[]; bias: number[] }[];
  functions: Record<string, { shape: number[]; data: number[] }>;
} = read('init-functions.json');

/** PyTorch's vectorized log, sin and cos are approximate: normals of standard deviation 1 differ by this (protocol). */
const NORMAL_TOLERANCE = 2e-6;
/** Q of a small normal matrix, whose own error above its conditioning magnifies; both sides end in float32. */
const ORTHOGONAL_TOLERANCE = 2e-5;

/** Function, and how far from PyTorch it may be: 0 where only uniforms are drawn. */
const cases: Record<string, [apply: (array: NdArray, g: Generator) => void, tolerance: number]> = {
  uniform_: [(t, g) => init.uniform_(t, -0.3, 0.1, g), 0],
  normal_: [(t, g) => init.normal_(t, 0.5, 2, g), 2 * NORMAL_TOLERANCE],
  'normal_ short': [(t, g) => init.normal_(t, 0.5, 2, g), 2 * NORMAL_TOLERANCE],
  trunc_normal_: [
    (t, g) => init.truncNormal_(t, undefined, undefined, undefined, undefined, g),
    NORMAL_TOLERANCE,
  ],
  'trunc_normal_ aside': [(t, g) => init.truncNormal_(t, 0.3, 0.02, 0.31, 0.5, g), NORMAL_TOLERANCE],
  eye_: [(t) => init.eye_(t), 0],
  sparse_: [(t, g) => init.sparse_(t, 0.3, undefined, g), NORMAL_TOLERANCE],
  xavier_uniform_: [(t, g) => init.xavierUniform_(t, Math.sqrt(2), g), 0],
  'xavier_uniform_ 4d': [(t, g) => init.xavierUniform_(t, 1, g), 0],
  xavier_normal_: [(t, g) => init.xavierNormal_(t, 1.5, g), NORMAL_TOLERANCE],
  kaiming_uniform_: [(t, g) => init.kaimingUniform_(t, { a: Math.sqrt(5) }, g), 0],
  'kaiming_uniform_ fan_out': [
    (t, g) => init.kaimingUniform_(t, { mode: 'fan_out', nonlinearity: 'tanh' }, g),
    0,
  ],
  kaiming_normal_: [(t, g) => init.kaimingNormal_(t, { nonlinearity: 'relu' }, g), NORMAL_TOLERANCE],
  'kaiming_normal_ fan_out': [
    (t, g) => init.kaimingNormal_(t, { a: 0.2, mode: 'fan_out' }, g),
    NORMAL_TOLERANCE,
  ],
  'orthogonal_ tall': [(t, g) => init.orthogonal_(t, 1, g), ORTHOGONAL_TOLERANCE],
  'orthogonal_ wide': [(t, g) => init.orthogonal_(t, Math.sqrt(2), g), ORTHOGONAL_TOLERANCE],
  'orthogonal_ square': [(t, g) => init.orthogonal_(t, 1, g), ORTHOGONAL_TOLERANCE],
  'orthogonal_ 3d': [(t, g) => init.orthogonal_(t, 1, g), ORTHOGONAL_TOLERANCE],
};

function worst(actual: ArrayLike<number>, expected: number[]): number {
  expect(actual.length).toBe(expected.length);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(actual[i] - value)), 0);
}

describe('init functions against PyTorch', () => {
  it('covers the whole fixture', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(fixture.functions).sort());
  });

  it.each(Object.entries(cases))('%s', (name, [apply, tolerance]) => {
    const { shape, data } = fixture.functions[name];
    const array = ndarray(...shape);
    apply(array, new Generator(fixture.seed));
    expect(worst(array.data, data)).toBeLessThanOrEqual(tolerance);
  });

  it('calculateGain', () => {
    for (const [name, gain] of Object.entries(fixture.gains)) {
      const [nonlinearity, param] = name.split(' ') as [init.Nonlinearity, string | undefined];
      expect(init.calculateGain(nonlinearity, param ? Number(param) : undefined)).toBe(gain);
    }
  });

  it('linearParameters, two layers from one generator', () => {
    const generator = new Generator(fixture.seed);
    const layers = [init.linearParameters(5, 4, generator), init.linearParameters(4, 1, generator)];
    layers.forEach((layer, i) => {
      expect([...layer.weight.data]).toEqual(fixture.linear[i].weight);
      expect([...layer.bias.data]).toEqual(fixture.linear[i].bias);
    });
  });
});

describe('initial weights of the strategies against PyTorch', () => {
  const files = readdirSync(folder).filter((name) => /^init\..*\.json$/.test(name));

  it.each(files)('%s', (file) => {
    const [, name, n] = /^init\.(.*)\.n(\d+)\.json$/.exec(file)!;
    const expected: Record<string, { sum: number; sum_of_squares: number; head: number[]; tail: number[] }> =
      read(file);
    // The fixtures hold run (1, 2) at seed 42.
    const weights = makeWeights(strategyNamed(name), makeTask(`n${n}-k8`), 42_001_002);
    const parts = {
      '0.weight': weights.w1,
      '0.bias': weights.b1,
      '2.weight': weights.w2,
      '2.bias': weights.b2,
    };
    for (const [key, data] of Object.entries(parts)) {
      const { sum, sum_of_squares, head, tail } = expected[key];
      expect(worst(data.subarray(0, head.length), head), `${key} head`).toBeLessThanOrEqual(NORMAL_TOLERANCE);
      expect(worst(data.subarray(-tail.length), tail), `${key} tail`).toBeLessThanOrEqual(NORMAL_TOLERANCE);
      // Errors of both signs: far below the elements' worst times their number.
      const total = data.reduce((a, v) => a + v, 0);
      const squares = data.reduce((a, v) => a + v * v, 0);
      expect(Math.abs(total - sum), `${key} sum`).toBeLessThanOrEqual(
        NORMAL_TOLERANCE * Math.sqrt(data.length) + 1e-9,
      );
      expect(Math.abs(squares - sum_of_squares), `${key} squares`).toBeLessThanOrEqual(1e-6 * sum_of_squares);
    }
  });
});

describe('orthogonal_', () => {
  it('makes rows or columns orthonormal, for every shape', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (seed, rows, cols) => {
          const { data } = init.orthogonal_(ndarray(rows, cols), 1, new Generator(seed));
          const [count, length] = rows < cols ? [rows, cols] : [cols, rows];
          const entry = (vector: number, i: number) =>
            rows < cols ? data[vector * cols + i] : data[i * cols + vector];
          for (let a = 0; a < count; a++) {
            for (let b = 0; b <= a; b++) {
              let dot = 0;
              for (let i = 0; i < length; i++) dot += entry(a, i) * entry(b, i);
              // Entries are rounded to float32.
              expect(Math.abs(dot - (a === b ? 1 : 0))).toBeLessThan(1e-6);
            }
          }
        },
      ),
    );
  });
});

describe('the normal distribution', () => {
  it('has the quantiles of tables, and its function undoes them', () => {
    // NIST/SEMATECH e-Handbook 1.3.6.7.1, and R's qnorm for the tails.
    expect(normalQuantile(0.5)).toBe(0);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 13);
    expect(normalQuantile(1e-300)).toBeCloseTo(-37.0471, 4);
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
    fc.assert(
      fc.property(fc.double({ min: -8, max: 8, noNaN: true }), (x) => {
        // Near 1 a probability has few digits left of what is beyond it: compare below the middle.
        expect(normalQuantile(normalCdf(-Math.abs(x)))).toBeCloseTo(-Math.abs(x), 12);
        expect(normalCdf(x) + normalCdf(-x)).toBeCloseTo(1, 14);
      }),
    );
  });
});

describe('init functions', () => {
  it('fill in place and return their argument', () => {
    const array = ndarray(2, 3);
    expect(init.ones_(array)).toBe(array);
    expect([...array.data]).toEqual([1, 1, 1, 1, 1, 1]);
    expect([...init.constant_(array, 0.25).data]).toEqual(Array(6).fill(0.25));
    expect([...init.scale_(array, 4).data]).toEqual(Array(6).fill(1));
    expect([...init.zeros_(array).data]).toEqual(Array(6).fill(0));
  });

  it('refuse an array without fan-in, and an unknown nonlinearity', () => {
    const generator = new Generator(0);
    expect(() => init.xavierUniform_(ndarray(3), 1, generator)).toThrow(/xavierUniform_.*shape \[3\]/);
    expect(() => init.orthogonal_(ndarray(3), 1, generator)).toThrow(/orthogonal_/);
    expect(() => init.eye_(ndarray(3))).toThrow(/eye_: an array of shape \[3\] is no matrix/);
    const nonlinearity = 'swish' as init.Nonlinearity;
    expect(() => init.kaimingNormal_(ndarray(3, 3), { nonlinearity }, generator)).toThrow(/"swish"/);
  });

  it('refuse the generator in the old place, and arrays without one', () => {
    const generator = new Generator(0);
    const [array, old] = [ndarray(2, 3), generator as never];
    const last = /the second argument is .*the generator comes last, as in PyTorch/;
    for (const call of [
      () => init.uniform_(array, old),
      () => init.normal_(array, old, 0, 1 as never),
      () => init.truncNormal_(array, old),
      () => init.sparse_(array, old),
      () => init.xavierUniform_(array, old),
      () => init.xavierNormal_(array, old, 2 as never),
      () => init.kaimingUniform_(array, old),
      () => init.kaimingNormal_(array, old, { nonlinearity: 'relu' } as never),
      () => init.orthogonal_(array, old),
    ]) {
      expect(call).toThrow(last);
    }
    expect(() => init.normal_(array)).toThrow(/normal_: the generator is undefined/);
    expect([...array.data]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('draw for tensors what they draw for arrays; tensors may do without a generator', async () => {
    using device = await openDevice();
    const array = init.kaimingNormal_(ndarray(2, 3), { nonlinearity: 'relu' }, new Generator(7));
    manualSeed(7);
    const weight = init.kaimingNormal_(zeros([2, 3], { device }), { nonlinearity: 'relu' });
    expect(await weight.data()).toEqual(array.data);
    const parameter = tensor([1, -3], { device, requiresGrad: true });
    expect(await init.scale_(parameter, 0.1).data()).toEqual(
      init.scale_({ shape: [2], data: Float32Array.of(1, -3) }, 0.1).data,
    );
  });
});
