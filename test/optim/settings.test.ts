// What optimizers and schedules refuse: by name, by value, at construction and when a setting is changed later.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { LockstepError } from '../../src/platform/errors.js';
import { tensor } from '../../src/tensor/create.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const parameter = () => tensor([1, 2], { requiresGrad: true });

type Make = new (params: unknown, settings?: unknown) => optim.Optimizer;
const ADAM = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false };
const SGD = { lr: 1e-3, momentum: 0.9, dampening: 0, weightDecay: 0, nesterov: true };
const KINDS: [string, Make, Record<string, unknown>][] = [
  ['Adam', optim.Adam as unknown as Make, ADAM],
  ['AdamW', optim.AdamW as unknown as Make, ADAM],
  ['SGD', optim.SGD as unknown as Make, SGD],
  [
    'RMSprop',
    optim.RMSprop as unknown as Make,
    { lr: 0.01, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: true },
  ],
  ['SignSGD', optim.SignSGD as unknown as Make, { lr: 1e-3, momentum: 0, weightDecay: 0 }],
];
const WRONG: Record<string, unknown[]> = {
  lr: [Number.NaN, -1, '0.1', null, Infinity, [0.1], [], [0.1, -1], [0.1, 0.2, 0.3]],
  eps: [Number.NaN, -1, '1e-8', null],
  weightDecay: [Number.NaN, -1, '0', null],
  betas: [0.9, [0.9], [0.9, 1], [-0.1, 0.9], [0.9, Number.NaN], ['0.9', 0.9], null, [[0.9], 0.9]],
  momentum: [Number.NaN, -1, '0.9', null],
  dampening: [Number.NaN, '0', null, 0.5], // 0.5: with Nesterov
  alpha: [Number.NaN, -1, '0.9', null],
  amsgrad: ['true', 1, null],
  centered: ['true', 1, null],
  nesterov: ['true', 1, null],
};
const CASES = KINDS.flatMap(([name, Kind, right]) =>
  Object.keys(right).flatMap((key) =>
    WRONG[key].map((value) => ({ name, Kind, right, key, value, title: `${name} ${key} = ${value}` })),
  ),
);

function refused(work: () => unknown, name: string): void {
  let error: unknown;
  try {
    work();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(LockstepError);
  expect((error as LockstepError).code).toBe('bad-input');
  expect((error as Error).message).toMatch(new RegExp(`^${name}`));
}

it.each(CASES)('$title is refused wherever it comes from', async ({ name, Kind, right, key, value }) => {
  const p = parameter();
  refused(() => new Kind([p], { ...right, [key]: value }), name);
  refused(() => new Kind([{ params: [p], [key]: value }], right), name);
  const optimizer = new Kind([p], right);
  p.grad = tensor([1, 1]);
  const state = optimizer.stateDict();
  refused(() => optimizer.loadStateDict({ ...state, groups: [{ ...right, [key]: value }] as never }), name);
  Object.assign(optimizer.groups[0], { [key]: value });
  refused(() => optimizer.step(), name);
  expect([...(await p.data())]).toEqual([1, 2]);
});

describe.each(KINDS)('%s', (name, Kind, right) => {
  it('takes every setting, and undefined for its default', () => {
    const [group] = new Kind([parameter()], { ...right, lr: undefined }).groups;
    expect(group).toMatchObject(right);
  });

  it.each(['weight_decay', 'amsgrad', 'learningRate', 'params', 'bogusOption'])('refuses %s', (key) => {
    refused(() => new Kind([parameter()], { [key]: 1 }), name);
    if (key === 'params') return;
    refused(() => new Kind([{ params: [parameter()], [key]: 1 }]), name);
    const optimizer = new Kind([parameter()]);
    Object.assign(optimizer.groups[0], { [key]: 1 });
    refused(() => optimizer.step(), name);
  });

  it.each([
    ['a model', () => new nn.Linear(1, 1), /give its parameters: new \w+\(model\.parameters\(\)\)/],
    ['one tensor', parameter, /a list of tensors or groups fits/],
    ['nothing', () => undefined, /the first argument is undefined/],
    ['null', () => [null], /the group 0 is null/],
    ['a list of models', () => [new nn.Linear(1, 1)], /group 0 is an object \(Linear\); give its parameters/],
    ['tensors and groups', () => [{ params: [parameter()] }, parameter()], /cannot be mixed/],
    ['a group with one tensor', () => [{ params: parameter() }], /group 0's params is an object \(Tensor\)/],
  ])('refuses %s for parameters', (_, params, message) => {
    expect(() => new Kind(params())).toThrow(message);
    refused(() => new Kind(params()), name);
  });
});

type Schedule = new (optimizer: unknown, settings?: unknown) => optim.Schedule;
const SCHEDULES: [string, Schedule, Record<string, unknown>][] = [
  ['StepLR', optim.StepLR as unknown as Schedule, { stepSize: 3, gamma: 0.5 }],
  ['LinearLR', optim.LinearLR as unknown as Schedule, { startFactor: 0.1, endFactor: 1, totalIters: 5 }],
  ['CosineAnnealingLR', optim.CosineAnnealingLR as unknown as Schedule, { tMax: 10, etaMin: 0.1 }],
  ['LambdaLR', optim.LambdaLR as unknown as Schedule, { lrLambda: () => 1 }],
];

describe.each(SCHEDULES)('%s', (name, Kind, right) => {
  const optimizer = () => new optim.SGD([parameter()], { lr: 0.4 });

  it('takes PyTorch names in one object and no others', () => {
    new Kind(optimizer(), right);
    refused(() => new Kind(optimizer(), { ...right, bogusOption: 1 }), name);
  });

  it.each(Object.keys(right))('refuses a wrong %s', (key) => {
    for (const value of [Number.NaN, -1, '3', null, {}]) {
      refused(() => new Kind(optimizer(), { ...right, [key]: value }), name);
    }
  });

  it('refuses settings by position, and what is no optimizer', () => {
    refused(() => new Kind(optimizer(), 3), name);
    for (const wrong of [undefined, null, [parameter()], right]) refused(() => new Kind(wrong, right), name);
  });
});

it('a schedule whose function gives no rate says so, and when', () => {
  const optimizer = new optim.SGD([parameter()], { lr: 0.4 });
  const schedule = new optim.LambdaLR(optimizer, { lrLambda: (step) => (step < 2 ? 1 : Number.NaN) });
  schedule.step();
  expect(() => schedule.step()).toThrow('LambdaLR: the learning rate after 2 steps is the number NaN');
  expect(optimizer.groups[0].lr).toBe(0.4);
});
