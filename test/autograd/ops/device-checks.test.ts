// Values that only the device sees: the next read, and only that one, throws the error about a value that was refused.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import * as ops from '../../../src/autograd/ops/index.js';
import { noGrad } from '../../../src/autograd/record.js';
import type { Device } from '../../../src/gpu/device.js';
import { tensor, zeros } from '../../../src/tensor/create.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import fc from '../../properties.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await device.sync(); // a test that leaves an error behind fails here
});
afterAll(() => device.destroy());

const logits = (rows: number, classes: number) => zeros([rows, classes], { device, requiresGrad: true });
const whole = (values: number[], dtype: 'i32' | 'u32' = 'i32') => tensor(values, { dtype, device });
const floats = (values: number[], requiresGrad = false) => tensor(values, { device, requiresGrad });

/** What the device is to refuse, and the words in which it is told. */
const refused: [string, () => Tensor, RegExp][] = [
  [
    'a class number that is too large',
    () => ops.crossEntropy(logits(3, 3), whole([0, 7, 2])),
    /^crossEntropy: a class is 7; the logits have 3 classes \(0 to 2, or ignoreIndex -100\)\.$/,
  ],
  [
    'the number of classes',
    () => ops.crossEntropy(logits(2, 3), whole([2, 3], 'u32')),
    /^crossEntropy: a class is 3; the logits have 3 classes \(0 to 2\)\.$/,
  ],
  [
    'a class number below 0',
    () => ops.crossEntropy(logits(2, 5), whole([-1, 4]), { ignoreIndex: 9 }),
    /^crossEntropy: a class is -1; the logits have 5 classes \(0 to 4, or ignoreIndex 9\)\.$/,
  ],
  [
    'the class that another ignoreIndex would leave out',
    () => ops.crossEntropy(logits(1, 2), whole([-100]), { ignoreIndex: 1 }),
    /a class is -100; .* or ignoreIndex 1\)/,
  ],
  [
    'a class number of a view',
    () => ops.crossEntropy(logits(2, 2), ops.slice(whole([0, 1, 2, 0]), 0, 1, 3), { reduction: 'none' }),
    /a class is 2/,
  ],
  [
    'an index',
    () => ops.indexSelect(logits(4, 2), 0, whole([3, 4, 0])),
    /^indexSelect: an index is 4; axis 0 has 4 elements \(0 to 3\)\.$/,
  ],
  [
    'an index of an element',
    () => ops.gather(logits(4, 2), 1, ops.reshape(whole([1, 2, 0, 1]), [4, 1])),
    /^gather: an index is 2; axis 1 has 2 elements \(0 to 1\)\.$/,
  ],
  [
    'a class number for oneHot',
    () => ops.oneHot(whole([0, -3]), 3),
    /^oneHot: a class is -3; there are 3 classes \(0 to 2\)\.$/,
  ],
  [
    'an index below 0',
    () => ops.indexSelect(logits(2, 3), 1, whole([-1])),
    /^indexSelect: an index is -1; axis 1 has 3 elements \(0 to 2\)\.$/,
  ],
  [
    'an index that is huge',
    () => ops.indexSelect(whole([1, 2]), 0, whole([2 ** 32 - 1], 'u32')),
    /an index is 4294967295/,
  ],
  [
    'a probability above 1',
    () => ops.bceLoss(floats([0.5, 1.5], true), floats([1, 1])),
    /^bceLoss: a probability is 1\.5; 0 to 1 fit\. For logits there is bceWithLogits\.$/,
  ],
  ['a probability below 0', () => ops.bceLoss(floats([-0.25], true), floats([1])), /a probability is -0\.25/],
  ['infinity', () => ops.bceLoss(floats([Infinity], true), floats([1])), /a probability is Infinity/],
];

const reads: Record<string, (result: Tensor) => Promise<unknown>> = {
  data: (result) => result.data(),
  toArray: (result) => result.toArray(),
  sync: () => device.sync(),
  'item of another tensor': () => floats([1]).item(),
  'a tensor without elements': () => zeros([0], { device }).data(),
};

describe.each(refused)('%s is told', (_, run, message) => {
  it.each(Object.entries(reads))('by %s, once', async (_name, read) => {
    const result = run();
    await expect(read(result)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(message),
    });
    await read(result);
    await device.sync();
  });

  it('without a graph, and through backward()', async () => {
    noGrad(run);
    await expect(device.sync()).rejects.toThrow(message);
    const result = run();
    if (result.requiresGrad) ops.sum(result).backward();
    await expect(device.sync()).rejects.toThrow(message);
  });
});

it('no value that fits is told, whatever it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 70 }),
      fc.constantFrom('i32' as const, 'u32' as const),
      async (count, dtype) => {
        const all = Array.from({ length: count }, (_, i) => i);
        const loss = ops.crossEntropy(logits(count, count), whole(all, dtype));
        expect(await loss.item()).toBeCloseTo(Math.log(count), 4);
        expect([...(await ops.indexSelect(whole(all), 0, whole(all, dtype)).data())]).toEqual(all);
      },
    ),
    { numRuns: 15 },
  );
  await ops.crossEntropy(logits(2, 3), whole([-100, 2])).data();
  await ops.crossEntropy(logits(2, 3), whole([77, 2]), { ignoreIndex: 77 }).data();
  const edges = [0, -0, 1, Number.NaN, 1e-45, 1 - 2 ** -24];
  const losses = await ops.bceLoss(floats(edges), floats(edges.map(() => 1)), { reduction: 'none' }).data();
  expect([losses[0], losses[2] + 0, losses[3]]).toEqual([100, 0, Number.NaN]);
});

it('any class number that does not fit is told with its value', async () => {
  const others = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).filter((label) => label !== -100);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), others, async (classes, label) => {
      const result = ops.crossEntropy(logits(2, classes), whole([0, label]));
      if (label >= 0 && label < classes) await result.data();
      else
        await expect(result.data()).rejects.toThrow(
          `a class is ${label}; the logits have ${classes} classes`,
        );
    }),
    {
      numRuns: 40,
      examples: [
        [3, 3],
        [3, -1],
        [3, 2 ** 31 - 1],
        [3, -(2 ** 31)],
        [3, 2],
      ],
    },
  );
});

it('the first of several operations is told, and of reads at one time the first', async () => {
  const x = logits(3, 2);
  ops.indexSelect(x, 0, whole([2]));
  ops.indexSelect(x, 0, whole([3]));
  ops.crossEntropy(x, whole([0, 1, 9]));
  ops.bceLoss(floats([2]), floats([1]));
  const outcomes = await Promise.allSettled([x.data(), x.data(), device.sync(), x.toArray()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect(outcomes[0]).toMatchObject({ reason: { message: expect.stringContaining('an index is 3') } });
});

it('many launches between two reads are told apart', async () => {
  for (let extent = 1; extent <= 150; extent++) {
    ops.indexSelect(zeros([extent], { device }), 0, whole([extent === 120 ? 500 : extent - 1]));
  }
  await expect(device.sync()).rejects.toThrow('an index is 500; axis 0 has 120 elements');
});

it('each device has its own', async () => {
  using other = await openDevice({ requiredLimits: 'default' });
  ops.indexSelect(zeros([2], { device: other }), 0, tensor([5], { dtype: 'i32', device: other }));
  await ops.indexSelect(zeros([2], { device }), 0, whole([1])).data();
  await expect(other.sync()).rejects.toThrow('an index is 5');
});

it('a wrong index adds nothing to the gradient, and reads nothing of the source', async () => {
  const x = floats([1, 2, 3], true);
  const picked = ops.indexSelect(x, 0, whole([1, 3, -1]));
  ops.sum(picked).backward();
  await expect(device.sync()).rejects.toThrow('indexSelect');
  expect([...(await picked.data())]).toEqual([2, 0, 0]);
  expect([...(await x.grad!.data())]).toEqual([0, 1, 0]);
});

it('takes no memory that grows, and no copy where nothing was checked', async () => {
  const x = floats([1, 2, 3]);
  const index = whole([5]);
  const step = async () => {
    const picked = ops.indexSelect(x, 0, index);
    await expect(picked.data()).rejects.toThrow('an index is 5');
    picked.dispose();
  };
  await step();
  const { bytes, buffers } = device.memory();
  for (let i = 0; i < 20; i++) await step();
  expect(device.memory()).toMatchObject({ bytes, buffers });

  const made = vi.spyOn(device.gpu, 'createCommandEncoder');
  const taken = vi.spyOn(device.flag, 'take');
  await ops.sum(x).item();
  await ops.indexSelect(x, 0, [0, 2]).data(); // a list is checked before
  const checked = taken.mock.calls.length;
  await x.data();
  await device.sync();
  expect(taken.mock.calls.length).toBe(checked);
  expect(made.mock.calls.length).toBeGreaterThan(0);
});
