// Weights of runs in lockstep, stacked: the file of stacked modules, byte for byte, which they take and PyTorch reads.
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Device,
  Generator,
  type HostStateDict,
  nn,
  openDevice,
  tensor,
  trainLockstep,
} from '../../src/index.js';
import { firstDifference, SUMS } from '../tolerances.js';
import { strictRead } from './strict-reader.js';

let device: Device;
const trained: HostStateDict[] = [];
const make = (k: number) =>
  new nn.Sequential(
    new nn.Linear(3, 5, { generator: new Generator(k), device }),
    new nn.Tanh(),
    new nn.Linear(5, 2, { bias: false, generator: new Generator(k + 10), device }),
  );
const x = Array.from({ length: 12 }, (_, k) => [Math.sin(k), Math.cos(3 * k), k / 12]);
const data = { x, y: x.map(([a, b, c]) => [a * b, c]) };

beforeAll(async () => {
  device = await openDevice();
  const runs = [0, 1, 2].map((k) => ({ model: () => make(k), seed: k }));
  for await (const event of trainLockstep(device, { runs, data, maxSteps: 20, batchSize: 5 })) {
    if (event.type === 'finish') trained[event.run] = await event.weights();
  }
});
afterAll(() => device.destroy());

it('has the names of one network, and an axis over the runs in front', () => {
  const stacked = nn.stackStateDicts(trained);
  const shapes = Object.entries(stacked).map(([name, { shape }]) => [name, shape]);
  expect(shapes).toEqual([
    ['0.weight', [3, 5, 3]],
    ['0.bias', [3, 5]],
    ['2.weight', [3, 2, 5]],
  ]);
  for (const [name, { data: values }] of Object.entries(stacked)) {
    expect([...values]).toEqual(trained.flatMap((one) => [...one[name].data]));
  }
});

it('goes through a file into stacked modules, which then compute what each network does', async () => {
  const file = await nn.saveSafetensors(nn.stackStateDicts(trained), { runs: '3' });
  const model = nn.stack(3, make);
  model.loadStateDict(nn.loadSafetensors(file, { device }));
  const outputs = await model.forward(tensor(x, { device })).data();
  const expected = trained.flatMap(({ '0.weight': w, '0.bias': b, '2.weight': v }) =>
    x.flatMap((row) => {
      const hidden = Array.from(b.data, (bias, u) =>
        Math.tanh(row.reduce((sum, value, i) => sum + value * w.data[3 * u + i], bias)),
      );
      return [0, 1].map((k) => hidden.reduce((sum, value, u) => sum + value * v.data[5 * k + u], 0));
    }),
  );
  expect(firstDifference(outputs, expected, SUMS)).toBeUndefined();
  // The file that these modules save is of the kind that PyTorch has read (safetensors.test.ts).
  expect(await nn.saveSafetensors(model.stateDict(), { runs: '3' })).toEqual(file);
  expect(strictRead(file).tensors.get('2.weight')!.shape.map(Number)).toEqual([3, 2, 5]);
});

it('refuses what cannot be stacked or saved, by name', async () => {
  const [first] = trained;
  const { '0.bias': bias, ...rest } = first;
  const stack = (...states: unknown[]) => nn.stackStateDicts(states as HostStateDict[]);
  expect(() => stack()).toThrow('the number of state dicts is the number 0');
  expect(() => stack(first, rest)).toThrow('nn.stackStateDicts: state dict 1: 0.bias is missing');
  expect(() => stack(rest, first)).toThrow('state dict 1: 0.bias is not in state dict 0');
  const reshaped = { ...rest, '0.bias': { data: new Float32Array(4), shape: [4] } };
  expect(() => stack(first, reshaped)).toThrow('0.bias is [4], in state dict 0 [5]');
  const short = { ...rest, '0.bias': { ...bias, shape: [4] } };
  expect(() => stack(first, short)).toThrow(
    '0.bias is an object, not { data: Float32Array, shape } of as many',
  );
  await expect(nn.saveSafetensors(short as HostStateDict)).rejects.toThrow(
    '0.bias is an object, not a tensor',
  );
});
