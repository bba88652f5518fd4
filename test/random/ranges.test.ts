// Ranges of random numbers: PyTorch's draws at the borders of 32 bits, and the ranges that PyTorch refuses
// (test/fixtures/torch/random-ranges.json, made by random_ranges_reference.py beside it).
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import { LockstepError } from '../../src/platform/errors.js';
import { Generator } from '../../src/random/generator.js';
import { PythonRandom } from '../../src/random/python.js';
import { manualSeed, randint, randperm, zeros } from '../../src/tensor/create.js';

interface Range {
  low: number;
  high: number;
}
const url = new URL('../fixtures/torch/random-ranges.json', import.meta.url);
const fixture = JSON.parse(readFileSync(url, 'utf8')) as {
  i64: (Range & { values: number[] })[];
  i32: (Range & { values: number[] })[];
  i32Edges: (Range & { refused: boolean })[];
  uniform: { from: number | string; to: number | string; refused: boolean }[];
  normal: { std: number | string; refused: boolean }[];
};
const SEED = 3;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

function refusal(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(LockstepError);
    return (error as LockstepError).message;
  }
  return undefined;
}

/** Refused by name where PyTorch refuses, and not elsewhere. */
function expectRefusal(isRefused: boolean, name: RegExp, call: () => unknown): void {
  if (isRefused) expect(refusal(call)).toMatch(name);
  else expect(refusal(call)).toBeUndefined();
}

describe('randint', () => {
  it.each(fixture.i64)('one number of [$low, $high)', ({ low, high, values }) => {
    const generator = new Generator(SEED);
    expect(values.map(() => generator.randint(low, high))).toEqual(values);
  });
  it.each(fixture.i32)('i32 tensors of [$low, $high)', async ({ low, high, values }) => {
    const drawn = randint(low, high, [values.length], { generator: new Generator(SEED) });
    expect([...(await drawn.data())]).toEqual(values);
  });
  it.each(fixture.i32Edges)('[$low, $high) in i32: refused is $refused', ({ low, high, refused }) => {
    expectRefusal(refused, /^randint: /, () => randint(low, high, [3]));
  });
  it.each([
    [Number.NaN, 3],
    [0, Number.NaN],
    [0, 2.5],
    [-0.5, 2],
    [0, Infinity],
    [-Infinity, 0],
  ])('[%d, %d) is refused everywhere', (low, high) => {
    expect(refusal(() => randint(low, high, [3]))).toMatch(/^randint: /);
    expect(refusal(() => new Generator(0).randint(low, high))).toMatch(/^randint: /);
  });
  it('of other arrays keeps to what they hold', () => {
    const fill = (out: Uint32Array | Float32Array, low: number, high: number) => () =>
      new Generator(0).randintFill(out, low, high);
    expect(refusal(fill(new Uint32Array(3), 0, 2 ** 32))).toBeUndefined();
    expect(refusal(fill(new Uint32Array(3), -1, 5))).toMatch(/u32/);
    expect(refusal(fill(new Uint32Array(3), 0, 2 ** 32 + 1))).toMatch(/u32/);
    expect(refusal(fill(new Float32Array(3), 0, 2 ** 24 + 1))).toBeUndefined();
    expect(refusal(fill(new Float32Array(3), 0, 2 ** 24 + 2))).toMatch(/f32/);
    expect(refusal(() => new Generator(0).randint(-(2 ** 53), 2 ** 53))).toMatch(/^randint: /);
  });
});

describe('uniform_ and normal_', () => {
  it.each(fixture.uniform)('uniform_ from $from to $to: refused is $refused', ({ from, to, refused }) => {
    expectRefusal(refused, /^uniform: /, () => nn.init.uniform_(zeros([3]), Number(from), Number(to)));
  });
  it.each(fixture.normal)('normal_ of deviation $std: refused is $refused', ({ std, refused }) => {
    expectRefusal(refused, /^normal: /, () => nn.init.normal_(zeros([3]), 0, Number(std)));
  });
  it('truncNormal_ and sparse_ name themselves', () => {
    const w = zeros([3, 3]);
    expect(refusal(() => nn.init.truncNormal_(w, 0, -1))).toMatch(/^truncNormal_: the standard deviation/);
    expect(refusal(() => nn.init.truncNormal_(w, 0, 0))).toMatch(/^truncNormal_: /);
    expect(refusal(() => nn.init.truncNormal_(w, 0, 1, 2, -2))).toMatch(/^truncNormal_: the lower bound/);
    expect(refusal(() => nn.init.sparse_(w, -0.5))).toMatch(/^sparse_: the sparsity/);
    expect(refusal(() => nn.init.sparse_(w, Number.NaN))).toMatch(/^sparse_: the sparsity/);
  });
});

it.each([-1, 0.5, Number.NaN, Infinity, 2 ** 31])('randperm(%d) is refused', (n) => {
  expect(refusal(() => randperm(n))).toMatch(/permutation/);
});

it.each([Number.NaN, 0.5, Infinity, 2 ** 60])('a seed of %d is refused', (seed) => {
  expect(refusal(() => manualSeed(seed))).toMatch(/seed/);
  expect(refusal(() => new PythonRandom(seed))).toMatch(/seed/);
});

it.each([0, -1, 2.5, Number.NaN, 2 ** 32])('PythonRandom refuses %d numbers to choose from', (n) => {
  expect(refusal(() => new PythonRandom(0).randbelow(n))).toMatch(/randbelow/);
});
it('PythonRandom refuses bits and samples that it cannot draw', () => {
  expect(refusal(() => new PythonRandom(0).getrandbits(33))).toMatch(/getrandbits/);
  expect(refusal(() => new PythonRandom(0).sample(2 ** 33, 2))).toMatch(/sample/);
});
