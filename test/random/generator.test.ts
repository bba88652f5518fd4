// Python's and PyTorch's generators against numbers that Python and PyTorch printed (test/fixtures/torch/rng.json,
// made by torch_reference.py beside it), and properties that hold for every seed.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/random/generator.js';
import { Mt19937 } from '../../src/random/mt19937.js';
import { PythonRandom } from '../../src/random/python.js';
import fc from '../properties.js';

interface RngFixture {
  seed: number;
  secrets: Record<string, number[][]>;
  randint_0_2: number[];
  randperm_5: number[];
  randperm_4096_head: number[];
  uniform_minus_quarter_half: number[];
  normal_5: number[];
  normal_16: number[];
  normal_100_std_3: number[];
}

const fixtures: RngFixture[] = JSON.parse(
  readFileSync(new URL('../fixtures/torch/rng.json', import.meta.url), 'utf8'),
);

/** PyTorch's vectorized log, sin and cos are approximate; its own builds differ by this much (parity protocol). */
const NORMAL_TOLERANCE = 2e-6;

function expectClose(actual: ArrayLike<number>, expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(actual[i] - expected[i]), `element ${i}`).toBeLessThanOrEqual(tolerance);
  }
}

describe('Mt19937', () => {
  it.each([
    ['an empty key', () => Mt19937.fromKey([])],
    ['a key with a hole', () => Mt19937.fromKey(new Array(2))],
    ['a fraction in the key', () => Mt19937.fromKey([1, 0.5])],
    ['BigInts', () => Mt19937.fromKey(BigUint64Array.of(1n) as never)],
    ['words beyond 32 bits', () => Mt19937.fromKey([2 ** 32])],
    ['no key', () => Mt19937.fromKey(undefined as never)],
    ['a seed of NaN', () => Mt19937.fromSeed(NaN)],
    ['a negative seed', () => Mt19937.fromSeed(-1)],
    ['a seed beyond 32 bits', () => Mt19937.fromSeed(2 ** 32)],
    ['a step back', () => Mt19937.fromSeed(1).skip(-1)],
    ['half a step', () => Mt19937.fromSeed(1).skip(0.5)],
  ])('refuses %s', (_, make) => {
    expect(make).toThrow(/^Mt19937\.\w+: (the|word)/);
  });

  it('gives the authors’ published first outputs (mt19937ar.out) for their key', () => {
    const engine = Mt19937.fromKey([0x123, 0x234, 0x345, 0x456]);
    expect(Array.from({ length: 5 }, () => engine.next())).toEqual([
      1067595299, 955945823, 477289528, 4107218783, 4228976476,
    ]);
  });

  it('gives the C++ standard’s 10000th output for seed 5489', () => {
    const engine = Mt19937.fromSeed(5489);
    for (let i = 0; i < 9999; i++) engine.next();
    expect(engine.next()).toBe(4123659995);
  });
});

describe.each(fixtures)('seed $seed', (fixture) => {
  const generator = () => new Generator(fixture.seed);

  it('samples secrets as Python does, from the pool (n = 32, 50, 64)', () => {
    for (const [n, secrets] of Object.entries(fixture.secrets)) {
      const random = new PythonRandom(fixture.seed + 17);
      for (const secret of secrets) {
        expect(random.sample(Number(n), 8).sort((a, b) => a - b)).toEqual(secret);
      }
    }
  });

  it('draws PyTorch’s integers', () => {
    const one = generator();
    expect(fixture.randint_0_2.map(() => one.randint(0, 2))).toEqual(fixture.randint_0_2);
    const filled = new Int32Array(fixture.randint_0_2.length);
    generator().randintFill(filled, 0, 2);
    expect([...filled]).toEqual(fixture.randint_0_2);
  });

  it('draws PyTorch’s permutations', () => {
    expect([...generator().randperm(5)]).toEqual(fixture.randperm_5);
    expect([...generator().randperm(4096).subarray(0, 32)]).toEqual(fixture.randperm_4096_head);
  });

  it('draws PyTorch’s uniforms to the last bit', () => {
    const out = new Float32Array(fixture.uniform_minus_quarter_half.length);
    generator().uniform(out, -0.25, 0.5);
    expect([...out]).toEqual(fixture.uniform_minus_quarter_half);
  });

  it('draws PyTorch’s normals: under 16, one block, and a ragged end', () => {
    const normals = (length: number, mean: number, std: number) => {
      const out = new Float32Array(length);
      generator().normal(out, mean, std);
      return out;
    };
    expectClose(normals(5, 0, 1), fixture.normal_5, NORMAL_TOLERANCE);
    expectClose(normals(16, 0, 1), fixture.normal_16, NORMAL_TOLERANCE);
    // Standard deviation 3 scales the error by 3.
    expectClose(normals(100, 0.5, 3), fixture.normal_100_std_3, 3 * NORMAL_TOLERANCE);
  });
});

describe('Generator', () => {
  it('keeps the second normal of a pair for the next short call', () => {
    const whole = new Float32Array(6);
    new Generator(3).normal(whole);
    const parts = new Generator(3);
    const [a, b] = [new Float32Array(3), new Float32Array(3)];
    parts.normal(a);
    parts.normal(b);
    expect([...a, ...b]).toEqual([...whole]);
  });

  it('permutes, for every seed and length', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 0, max: 300 }), (seed, n) => {
        const sorted = [...new Generator(seed).randperm(n)].sort((a, b) => a - b);
        expect(sorted).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it('stays in range, for every seed and range', () => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        fc.integer({ min: -1000, max: 1000 }),
        fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        (seed, low, range) => {
          const value = new Generator(seed).randint(low, low + range);
          expect(value).toBeGreaterThanOrEqual(low);
          expect(value).toBeLessThan(low + range);
        },
      ),
    );
  });

  it('takes only the low 32 bits of a seed, as PyTorch does', () => {
    expect(new Generator(2 ** 32 + 5).random32()).toBe(new Generator(5).random32());
    expect(new Generator(-1).random32()).toBe(new Generator(2 ** 32 - 1).random32());
  });

  it('refuses seeds and ranges it cannot draw as PyTorch would', () => {
    expect(() => new Generator(0.5)).toThrow(/seed is the number 0.5/);
    expect(() => new Generator(0).randint(3, 3)).toThrow(/\[3, 3\)/);
    expect(() => new Generator(0).randperm(-1)).toThrow(/permutation of -1/);
  });
});

describe('PythonRandom', () => {
  it('samples with a set when the range is large, as CPython does', () => {
    // python3 -c "import random; r = random.Random(5); print(r.sample(range(1000), 8), r.sample(range(86), 8))"
    const random = new PythonRandom(5);
    expect(random.sample(1000, 8)).toEqual([637, 261, 759, 367, 814, 707, 965, 861]);
    expect(random.sample(86, 8)).toEqual([83, 67, 3, 59, 31, 6, 20, 14]);
  });

  it('seeds by the absolute value, of one word or two', () => {
    // python3 -c "import random; print(*[random.Random(s).getrandbits(32) for s in (0, -7, 7, 2**40 + 3)])"
    const first = (seed: number) => new PythonRandom(seed).getrandbits(32);
    expect([0, -7, 7, 2 ** 40 + 3].map(first)).toEqual([3626764237, 1390851128, 1390851128, 943978446]);
  });

  it('takes k different numbers below n, for every n and k', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 200 }), fc.nat(200), (seed, n, k) => {
        fc.pre(k <= n);
        const sample = new PythonRandom(seed).sample(n, k);
        expect(new Set(sample).size).toBe(k);
        expect(sample.every((value) => value >= 0 && value < n)).toBe(true);
      }),
    );
  });
});
