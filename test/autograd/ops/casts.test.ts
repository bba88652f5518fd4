// Casts of floats that a dtype cannot hold: to bool as PyTorch (test/fixtures/torch/special-values.json), to whole
// numbers as cast() says, for PyTorch leaves it open.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import { cast } from '../../../src/autograd/ops/index.js';
import type { Device } from '../../../src/gpu/device.js';
import { tensor } from '../../../src/tensor/create.js';

const url = new URL('../../fixtures/torch/special-values.json', import.meta.url);
const { toBool } = JSON.parse(readFileSync(url, 'utf8')) as {
  toBool: { inputs: (number | string)[][]; result: number[] };
};

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe('casts', () => {
  it('to bool, as PyTorch', async () => {
    const x = tensor(toBool.inputs[0].map(Number));
    expect([...(await cast(x, 'bool').data())]).toEqual(toBool.result);
  });
  it('to whole numbers: towards zero, cut to the range, NaN to 0', async () => {
    const x = tensor([
      Number.NaN,
      Infinity,
      -Infinity,
      1.9,
      -1.9,
      2147483520,
      2147483648,
      -2147483648,
      3e9,
      -0,
    ]);
    expect([...(await cast(x, 'i32').data())]).toEqual([
      0, 2147483647, -2147483648, 1, -1, 2147483520, 2147483647, -2147483648, 2147483647, 0,
    ]);
    expect([...(await cast(x, 'u32').data())]).toEqual([
      0, 4294967295, 0, 1, 0, 2147483520, 2147483648, 0, 3000000000, 0,
    ]);
    expect([...(await cast(tensor([4294967040, 4294967296]), 'u32').data())]).toEqual([
      4294967040, 4294967295,
    ]);
  });
});
