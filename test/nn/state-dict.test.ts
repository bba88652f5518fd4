// A state dict is loaded completely or not at all, and the error lists every name that does not fit.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import { LockstepError } from '../../src/platform/errors.js';
import { ones, tensor } from '../../src/tensor/create.js';
import type { Tensor } from '../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Parameters whose names are those of Object.prototype, and one with an escape. */
class Odd extends nn.Module {
  toString_ = tensor([1, 2], { requiresGrad: true });
  forward(x: Tensor): Tensor {
    return x;
  }
  constructor() {
    super();
    for (const [i, name] of ['constructor2', 'valueOf', 'b\u001b[2J'].entries()) {
      Object.defineProperty(this, name, { value: tensor([i, i], { requiresGrad: true }), enumerable: true });
    }
  }
}

async function valuesOf(model: nn.Module): Promise<Record<string, number[]>> {
  const entries = model.namedParameters().map(async ([name, each]) => [name, [...(await each.data())]]);
  return Object.fromEntries(await Promise.all(entries));
}

const full = (): nn.StateDict => ({
  toString_: tensor([5, 6]),
  constructor2: tensor([7, 8]),
  valueOf: tensor([9, 10]),
  'b\u001b[2J': tensor([11, 12]),
});

it('loads parameters of any name', async () => {
  const model = new Odd();
  model.loadStateDict(full());
  expect(await valuesOf(model)).toEqual({
    toString_: [5, 6],
    constructor2: [7, 8],
    valueOf: [9, 10],
    'b\u001b[2J': [11, 12],
  });
});

it('reads own properties only: an inherited valueOf is no tensor', () => {
  const state = full();
  Reflect.deleteProperty(state, 'valueOf');
  expect(() => new Odd().loadStateDict(state)).toThrow(/^loadStateDict: valueOf is missing\.$/);
});

const faults: [string, (state: nn.StateDict) => void, RegExp][] = [
  [
    'two missing and two too many',
    (s) => {
      delete s.toString_;
      delete s['b\u001b[2J'];
      s.x = ones([1]);
      s['\u0007'] = ones([1]);
    },
    /^loadStateDict: toString_ is missing; b\\u001b\[2J is missing; x is not a parameter; \\u0007 is not a parameter\.$/,
  ],
  [
    'shape and dtype',
    (s) => {
      Object.assign(s, { valueOf: ones([2, 1], { dtype: 'i32' }) });
    },
    /valueOf is \[2, 1\], not \[2\]; valueOf is i32, not f32/,
  ],
  [
    'no tensor',
    (s) => {
      Object.assign(s, { valueOf: [1, 2] });
      s.constructor2 = null as never;
    },
    /constructor2 is null, not a tensor or \{ data: Float32Array, shape \}; valueOf is an array, not a tensor or/,
  ],
  [
    'a freed tensor',
    (s) => {
      s['b\u001b[2J'].dispose();
    },
    /b\\u001b\[2J is freed/,
  ],
];
it.each(faults)('refuses %s, and changes nothing', async (_, spoil, message) => {
  const model = new Odd();
  const before = await valuesOf(model);
  const state = full();
  spoil(state);
  expect(() => model.loadStateDict(state)).toThrow(message);
  expect(await valuesOf(model)).toEqual(before);
});

it('refuses tensors of another device before it changes anything', async () => {
  using other = await openDevice();
  const model = new Odd();
  const before = await valuesOf(model);
  expect(() => model.loadStateDict({ ...full(), 'b\u001b[2J': ones([2], { device: other }) })).toThrow(
    /is on another device/,
  );
  expect(await valuesOf(model)).toEqual(before);
});

it.each([undefined, null, [], new Map(), 'model.safetensors', 3])('refuses %s as a state dict', (state) => {
  expect(() => new Odd().loadStateDict(state as never)).toThrow(LockstepError);
  expect(() => new Odd().loadStateDict(state as never)).toThrow(
    /^loadStateDict: got .*; give tensors by name/,
  );
});

it('swaps parameters, though each is overwritten while the other is wanted', async () => {
  const model = new Odd();
  const { toString_, constructor2, ...rest } = model.stateDict();
  model.loadStateDict({ toString_: constructor2, constructor2: toString_, ...rest });
  expect(await valuesOf(model)).toMatchObject({ toString_: [0, 0], constructor2: [1, 2], valueOf: [1, 1] });
});

it('loads numbers on the host, as weights() of a finished run and nn.stackStateDicts give them', async () => {
  const make = () => new nn.Sequential(new nn.Linear(3, 2), new nn.Tanh(), new nn.Linear(2, 1));
  const states = [1, 2].map((seed) => ({
    '0.weight': { data: Float32Array.from({ length: 6 }, (_, k) => seed + k), shape: [2, 3] },
    '0.bias': { data: Float32Array.of(seed, -seed), shape: [2] },
    '2.weight': { data: Float32Array.of(0.5, seed), shape: [1, 2] },
    '2.bias': { data: Float32Array.of(3), shape: [1] },
  }));
  const before = device.memory().bytes;
  const model = make();
  const own = device.memory().bytes;
  model.loadStateDict(states[1]);
  expect(device.memory().bytes).toBe(own);
  expect(await valuesOf(model)).toEqual(
    Object.fromEntries(Object.entries(states[1]).map(([name, { data }]) => [name, [...data]])),
  );
  const stacked = nn.stack(2, make);
  stacked.loadStateDict(nn.stackStateDicts(states));
  expect((await valuesOf(stacked))['2.weight']).toEqual([0.5, 1, 0.5, 2]);
  const short = { ...states[0], '0.bias': { data: new Float32Array(3), shape: [2] } };
  const long = { ...states[0], '0.bias': { data: new Float32Array(3), shape: [3] } };
  expect(() => model.loadStateDict(short)).toThrow('0.bias is an object, not a tensor or { data');
  expect(() => model.loadStateDict(long)).toThrow('0.bias is [3], not [2]');
  model.dispose();
  stacked.dispose();
  expect(device.memory().bytes).toBe(before);
});
