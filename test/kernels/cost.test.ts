// The bytes and operations that tensor kernels tell a profile, against counts made by hand for small shapes.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import * as ops from '../../src/autograd/ops/index.js';
import type { Device } from '../../src/gpu/device.js';
import { measureCeilings } from '../../src/kernels/ceilings.js';
import { operationsIn } from '../../src/kernels/tensor/count-operations.js';
import { runKernel } from '../../src/kernels/tensor/custom.js';
import { indexAdd } from '../../src/kernels/tensor/index-select.js';
import { adamStep, rmspropStep, sgdStep, signStep } from '../../src/kernels/tensor/optimizer.js';
import { softmaxGradient } from '../../src/kernels/tensor/softmax.js';
import { copyCost } from '../../src/kernels/train/networks.js';
import { portableScoreCost, subgroupScoreCost } from '../../src/kernels/train/scoring-cost.js';
import { takeProfile } from '../../src/profiler/take-profile.js';
import { tensor, zeros } from '../../src/tensor/create.js';
import type { Tensor } from '../../src/tensor/tensor.js';

let device: Device;
const t: Record<'a' | 'b' | 'row' | 'm' | 'whole' | 'indices', Tensor> = {} as never;
beforeAll(async () => {
  device = await openDevice();
  t.a = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  t.b = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  t.row = tensor([1, 2, 3]);
  t.m = tensor([
    [1, 2, 3, 4],
    [1, 2, 3, 4],
    [1, 2, 3, 4],
  ]);
  t.whole = tensor(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    { dtype: 'i32' },
  );
  t.indices = tensor([1, 0, 1], { dtype: 'i32' });
});
afterAll(() => device.destroy());

const adam = { lr: 0.1, betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0.1, step: 1 };
const sgd = { lr: 0.1, momentum: 0.9, dampening: 0, weightDecay: 0, first: false };
const six = () => zeros([2, 3]);
const rmsprop = { lr: 0.1, alpha: 0.9, eps: 1e-8, weightDecay: 0, momentum: 0.9 };
const adamOf = () => ({ ...adam, parameter: six(), gradient: t.a, expAvg: six(), expAvgSq: six() });
const sgdOf = () => ({ ...sgd, parameter: six(), gradient: t.a, momentumBuffer: six() });

/** Bytes in words of four. */
const cases: [name: string, call: () => unknown, words: number, flops: number][] = [
  ['matmul [2, 3] [3, 4]', () => ops.matmul(t.a, t.m), 6 + 12 + 8, 8 * 6],
  [
    'linear with bias',
    () => ops.linear(t.a, ops.transpose(t.m).detach(), tensor([1, 2, 3, 4])),
    6 + 12 + 4 + 8,
    8 * 7,
  ],
  ['add', () => ops.add(t.a, t.b), 6 + 6 + 6, 6],
  ['add with a row', () => ops.add(t.a, t.row), 6 + 3 + 6, 6],
  ['whole numbers count no operations', () => ops.add(t.whole, t.whole), 6 + 6 + 6, 0],
  ['sigmoid', () => ops.sigmoid(t.a), 6 + 6, 6],
  ['clamp', () => ops.clamp(t.a, 0, 1), 6 + 6, 6],
  ['sum, scaled by 1', () => ops.sum(t.a), 6 + 1, 5 + 1],
  ['maxima of rows', () => ops.max(t.a, 1), 6 + 2, 4],
  // A row: 2 for the maximum; 3 differences, 3 exponentials, 2 sums; 3 times difference, exponential, quotient.
  ['softmax', () => ops.softmax(t.a), 6 + 6, 2 * (2 + 8 + 9)],
  // A row: 3 products, 2 sums; 3 times difference and product.
  ['softmax gradient', () => softmaxGradient(t.a, t.b, false), 18, 2 * (5 + 6)],
  ['rows by index', () => ops.indexSelect(t.a, 0, t.indices), 3 + 9 + 9, 0],
  ['rows added back', () => indexAdd(ops.expand(t.row, [3, 3]).clone(), 0, t.indices, [2, 3]), 3 + 9 + 6, 9],
  // 1 decay; 3 and 4 for the moments; sqrt, quotient, sum, quotient, product, difference.
  ['adamw', () => adamStep([adamOf()], { decoupled: true }), 6 * 7, 6 * 14],
  ['adam', () => adamStep([adamOf()], { decoupled: false }), 6 * 7, 6 * 15],
  ['sgd', () => sgdStep([{ ...sgd, parameter: six(), gradient: t.a }], { nesterov: false }), 6 * 3, 6 * 4],
  ['sgd with momentum', () => sgdStep([sgdOf()], { nesterov: false }), 6 * 5, 6 * 7],
  [
    'adam, amsgrad',
    () => adamStep([{ ...adamOf(), maxExpAvgSq: six() }], { decoupled: false }),
    6 * 9,
    6 * 16,
  ],
  [
    'rmsprop',
    () => rmspropStep([{ ...rmsprop, parameter: six(), gradient: t.a, squareAvg: six() }]),
    6 * 5,
    6 * 11,
  ],
  [
    'rmsprop with everything',
    () =>
      rmspropStep([
        {
          ...rmsprop,
          parameter: six(),
          gradient: t.a,
          squareAvg: six(),
          gradAvg: six(),
          momentumBuffer: six(),
        },
      ]),
    6 * 9,
    6 * 18,
  ],
  [
    'sign-sgd with momentum',
    () => signStep([{ ...sgd, parameter: six(), gradient: t.a, momentumBuffer: six() }]),
    6 * 5,
    6 * 8,
  ],
  ['sgd, nesterov', () => sgdStep([sgdOf()], { nesterov: true }), 6 * 5, 6 * 9],
];

it.each(cases)('%s', async (_, call, words, flops) => {
  const { kernels } = await takeProfile(device, () => void call());
  // The last one: what comes before fills zeros and makes views dense.
  expect(kernels[kernels.length - 1]).toMatchObject({ bytes: 4 * words, flops });
});

it('the fused network, forward and backward', async () => {
  // 2 samples of 3 features, 4 hidden units, one tile each way
  const parameters = [
    tensor(
      [
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
      ],
      { requiresGrad: true },
    ),
    tensor([1, 2, 3, 4], { requiresGrad: true }),
    tensor([[1, 2, 3, 4]], { requiresGrad: true }),
    tensor([1], { requiresGrad: true }),
  ] as const;
  const { kernels } = await takeProfile(device, () =>
    ops.fusedMlp(t.a, ...parameters).backward({ gradient: tensor([[1], [1]]) }),
  );
  const of = (name: string) => kernels.find(({ kernel }) => kernel === `fused mlp ${name}`)!;
  // 8 sums of 3 products; bias, relu, product, sum and sign of each; 8 parts of each sample. Inputs, then a partial
  // output and a word of signs for each sample.
  expect(of('hidden')).toMatchObject({ flops: 8 * 6 + 8 * 5 + 2 * 8, bytes: 4 * (6 + 12 + 4 + 4 + 2 + 2) });
  expect(of('outputs')).toMatchObject({ flops: 2, bytes: 4 * (2 + 1 + 2) });
  // 12 sums of 2 products and 4 of 2 terms; 12 weights and 4 biases with 3 each; 8 parts of each unit.
  expect(of('gradients')).toMatchObject({ flops: 12 * 4 + 4 * 2 + 16 * 3 + 4 * 8 });
  expect(of('finish')).toMatchObject({ flops: 4 + 2 });
});

it('a kernel of the user`s says nothing, or what the user says', async () => {
  const code = `@group(0) @binding(1) var<storage, read> x: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(1) fn main() { y[0] = x[0] + x[1]; }`;
  const call = { label: 'mine', code, inputs: [t.row], output: { shape: [1] }, workgroups: [1] } as const;
  const silent = await takeProfile(device, () => void runKernel(call));
  expect(silent.kernels).toMatchObject([{ kernel: 'mine', bytes: 4 * 4, flops: undefined }]);
  const spoken = await takeProfile(device, () => void runKernel({ ...call, flops: 1 }));
  expect(spoken.kernels).toMatchObject([{ flops: 1 }]);
});

it('copying trained networks: 21 parameters, 3 of 5 features trained, 2 networks', () => {
  // The places once; of each network its parameters read and written, its slot and its columns.
  expect(copyCost(21, 3, 2)).toEqual({ bytes: 4 * (21 + 2 * (21 + 21 + 1 + 3)), flops: 0 });
});

it('scoring: 2 features, 4 units, 3 examples, 5 networks', () => {
  const parameters = 4 * 2 + 4 + 4 + 1;
  // Of an example: 8 masked sums; relu, product and sum of 4 units; sigmoid and comparison.
  expect(portableScoreCost({ features: 2, hidden: 4 }, 3, 5, 1)).toEqual({
    bytes: 4 * (5 * (parameters + 1) + 3 + 1),
    flops: 5 * 3 * (8 + 12 + 2),
  });
  // Tables of 4 units and 4 lanes: one sum, and the bias; one look-up, no sum; one subgroup's part.
  const options = {
    features: 2,
    hidden: 4,
    batch: 128,
    lanes: 4,
    unitsPerSubgroup: 4,
    partials: 'workgroup',
  } as const;
  expect(subgroupScoreCost(options, 3, 5, 1)).toEqual({
    bytes: 4 * (5 * (parameters + 1) + 3 + 1),
    flops: 5 * (4 * 4 * 2 + 3 * (12 + 1 + 2)),
  });
});

it.each([
  ['a', 0],
  ['a + b', 1],
  ['-a', 1],
  ['select(a, 0.0, a <= 0.0)', 1],
  ['g * y * (1.0 - y)', 3],
  ['max(a, 0.0) + log1p(exp(-abs(a)))', 6],
  ['max(log(x), -100.0)', 2],
  ['select(0.0, g, a >= s && a <= t)', 2],
  ['bitcast<f32>(u32(a))', 0],
])('operations in %s', (expression, operations) => {
  expect(operationsIn(expression)).toBe(operations);
});

it('ceilings: positive, finite, nothing left behind', async () => {
  const before = device.memory().bytes;
  const { gbPerSecond, gflopPerSecond } = await measureCeilings(device);
  for (const value of [gbPerSecond, gflopPerSecond]) {
    expect(value).toBeGreaterThan(0);
    expect(value).toBeLessThan(1e9);
  }
  expect(device.memory().bytes).toBeLessThanOrEqual(before); // less, where tensors of other tests were collected
});
