// Every entry of the table of operations (table/): forward against its rule in float64, backward against differences of it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import { gradcheck } from '../../../src/autograd/gradcheck.js';
import { noGrad } from '../../../src/autograd/record.js';
import type { Device } from '../../../src/gpu/device.js';
import { upload } from '../../../src/tensor/create.js';
import { hostArray } from '../../../src/tensor/dtype.js';
import { scope } from '../../../src/tensor/scope.js';
import { numelOf } from '../../../src/tensor/shape.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { firstDifference, GRADIENT } from '../../tolerances.js';
import { host } from './rules.js';
import { type Input, signed } from './table/cases.js';
import { table } from './table/index.js';

let device: Device;
beforeAll(async () => {
  // WebGPU's default limits: what passes here passes on every adapter.
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

function make({ shape, dtype = 'f32', values = signed, gradient = dtype === 'f32' }: Input): Tensor {
  const data = hostArray(dtype, numelOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = values(i);
  return upload(data, shape, dtype, { requiresGrad: gradient });
}

describe('forward, against the rule in float64', () => {
  it.each(table)('$name', async ({ inputs, run, rule, tolerance }) => {
    const tensors = inputs.map(make);
    const expected = rule(...(await Promise.all(tensors.map(async (t) => host(t.shape, await t.data())))));
    const result = noGrad(() => scope(() => run(...tensors)));
    expect(result.shape).toEqual(expected.shape);
    expect(firstDifference(await result.data(), expected.data, tolerance)).toBeUndefined();
    for (const each of [result, ...tensors]) each.dispose();
  });
});

describe("backward, against the rule's differences", () => {
  it.each(table.filter(({ gradient }) => gradient))('$name', async ({ inputs, run, rule }) => {
    const tensors = inputs.map(make);
    const shapes = tensors.map(({ shape }) => shape);
    await gradcheck(run, tensors, {
      rule: (...values) => rule(...values.map((data, i) => host(shapes[i], data))).data,
      ...GRADIENT,
    });
    for (const each of tensors) each.dispose();
  });
});

it('the table leaves nothing behind', async () => {
  await device.sync();
  // Two buffers at most: the page of single elements and that of small results (src/tensor/leftovers.ts), both empty.
  expect(device.pool.usedBuffers).toBeLessThanOrEqual(2);
});
