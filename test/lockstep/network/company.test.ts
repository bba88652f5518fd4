// Runs of many shapes in one call: the same bits alone and among others, a thousand of a hundred shapes, memory as before.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type {
  Device,
  HostStateDict,
  NetworkLockstepEvent,
  NetworkLockstepOptions,
} from '../../../src/index.js';
import { Generator, openDevice, tensor, trainLockstep } from '../../../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const generator = new Generator(3);
const x = new Float32Array(40 * 4);
generator.uniform(x, -1, 1);
const y = Float32Array.from({ length: 40 }, (_, k) => x[4 * k] * x[4 * k + 1]);
const data = { x, y };

const bitsOf = (weights: HostStateDict): number[] =>
  Object.values(weights).flatMap(({ data: values }) => [...new Uint32Array(values.slice().buffer)]);

async function finished(options: NetworkLockstepOptions) {
  const ends: Extract<NetworkLockstepEvent, { type: 'finish' }>[] = [];
  for await (const event of trainLockstep(device, options))
    if (event.type === 'finish') ends[event.run] = event;
  return ends;
}

const networkOf = (k: number) => ({
  inputs: 4,
  layers: [
    { units: 1 + (k % 10), activation: (['relu', 'tanh', 'gelu', 'silu'] as const)[k % 4], bias: k % 3 > 0 },
    ...(k % 2 ? [{ units: 1 + Math.floor(k / 10), activation: 'sigmoid' as const }] : []),
    { units: 1 },
  ],
});
const settings = (k: number) => ({ network: networkOf(k), batchSize: 3 + (k % 17), seed: k });

it('a thousand runs of a hundred shapes, each with the bits that it has alone; memory is as before', async () => {
  const runs = Array.from({ length: 1000 }, (_, k) => settings(k % 100));
  // A device keeps the buffers that it read through: a first training of the same size has them made.
  await finished({ runs, data, maxSteps: 9, mostRuns: 400 });
  const before = device.memory().bytes;
  const ends = await finished({ runs, data, maxSteps: 9, mostRuns: 400 });
  expect(ends).toHaveLength(1000);
  for (const k of [0, 37, 99]) {
    const [alone] = await finished({ runs: [settings(k)], data, maxSteps: 9 });
    for (const run of [k, 500 + k])
      expect(bitsOf(ends[run].weights), `run ${run}`).toEqual(bitsOf(alone.weights));
  }
  expect(device.memory().bytes).toBe(before);
});

it('leaving the loop early frees everything', async () => {
  const before = device.memory().bytes;
  for await (const { type } of trainLockstep(device, { runs: [settings(5)], data, maxSteps: 500 })) {
    if (type === 'progress') break;
  }
  expect(device.memory().bytes).toBe(before);
});

it('data may be tensors, and settings of a run change those of the options', async () => {
  const tensors = { x: tensor(x, { shape: [40, 4], device }), y: tensor(y, { device }) };
  const shared = {
    network: networkOf(7),
    maxSteps: 12,
    optimizer: { type: 'sgd' as const, lr: 0.1, momentum: 0.9 },
  };
  const [a] = await finished({ ...shared, runs: [{ seed: 1, optimizer: { lr: 0.02 } }], data: tensors });
  const [b] = await finished({
    ...shared,
    runs: [{ seed: 1, optimizer: { ...shared.optimizer, lr: 0.02 } }],
    data,
  });
  expect(bitsOf(a.weights)).toEqual(bitsOf(b.weights));
});

it('a checkpoint of another network is refused by name', async () => {
  const saved: NetworkLockstepEvent[] = [];
  for await (const event of trainLockstep(device, {
    runs: [settings(1)],
    data,
    maxSteps: 9,
    checkpointSeconds: 0,
  })) {
    if (event.type === 'checkpoint') saved.push(event);
  }
  const [first] = saved as Extract<NetworkLockstepEvent, { type: 'checkpoint' }>[];
  const run = { ...settings(2), checkpoint: first.runs[0].checkpoint };
  await expect(finished({ runs: [run], data, maxSteps: 9 })).rejects.toThrow('run 0: checkpoint: of is');
});
