// What is made of ln(1 + x) inside of shaders, over all exponents, against float64: a compiler that folds (1 + x) - 1
// loses all digits of small results, and WGSL promises only 2^-21 of log next to 1.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import { bceLoss, bceWithLogits, log, sigmoid, softplus } from '../../../src/autograd/ops/index.js';
import type { Device } from '../../../src/gpu/device.js';
import { binaryOps, unaryOps } from '../../../src/kernels/tensor/elementwise-ops.js';
import { full, tensor } from '../../../src/tensor/create.js';
import type { Tensor } from '../../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

/**
 * Relative, with nothing absolute: a dozen roundings, and for exp(x) as WGSL has it 3 + 2 |x| ULP, which |x| up to 87
 * makes 1e-5.
 */
const DIGITS = 1e-6;
const DIGITS_OF_EXP = 1.1e-5;

const SMALLEST_NORMAL = 2 ** -126;
/** Three numbers to each power of two from 2^-126 to 2^7. */
const magnitudes = Array.from({ length: 399 }, (_, k) => Math.fround(2 ** (k / 3 - 126)));
const bothSigns = [...magnitudes, ...magnitudes.map((x) => -x)];

async function expectDigits(
  inputs: readonly number[],
  run: (x: Tensor) => Tensor,
  rule: (x: number) => number,
  digits: number,
): Promise<void> {
  const x = inputs.map(Math.fround);
  const got = await run(tensor(x)).data();
  const off = x.flatMap((value, i) => {
    const want = rule(value);
    if (Math.abs(want) < SMALLEST_NORMAL) return [];
    return Math.abs(got[i] - want) <= digits * Math.abs(want) ? [] : [`${value}: ${got[i]}, not ${want}`];
  });
  expect(off).toEqual([]);
}

const softplusRule = (x: number) => unaryOps.softplus.rule(x);
const logitsRule = (y: number) => (z: number) => binaryOps.bceWithLogitsElement.rule(z, y);
const like = (x: Tensor, y: number) => full(x.shape, y);

it('softplus', async () => {
  await expectDigits(bothSigns, softplus, softplusRule, DIGITS_OF_EXP);
  await expectDigits([-16.6, -17, -20, -30, 16.6], softplus, softplusRule, DIGITS_OF_EXP);
});

it.each([0, 1, 0.25])('bceWithLogits for y = %d', async (y) => {
  const run = (z: Tensor) => bceWithLogits(z, like(z, y), { reduction: 'none' });
  await expectDigits([...bothSigns, -16.6, 16.6], run, logitsRule(y), DIGITS_OF_EXP);
});

it('the logarithm, of all numbers and next to 1', async () => {
  const near = magnitudes.filter((x) => x < 0.5 && x > 2 ** -23).flatMap((x) => [1 + x, 1 - x]);
  const large = Array.from({ length: 380 }, (_, k) => 2 ** (k / 3));
  await expectDigits(
    [...magnitudes, ...large, ...near].filter((x) => Math.fround(x) !== 1),
    log,
    Math.log,
    DIGITS,
  );
});

it.each([0, 1])('bceLoss for y = %d', async (y) => {
  const shares = magnitudes.filter((x) => x < 1).flatMap((x) => [x, 1 - x]);
  const run = (p: Tensor) => bceLoss(p, like(p, y), { reduction: 'none' });
  await expectDigits(shares, run, (p) => binaryOps.bceElement.rule(p, y), DIGITS);
});

it('sigmoid', async () => {
  await expectDigits(bothSigns, sigmoid, unaryOps.sigmoid.rule, DIGITS_OF_EXP);
});
