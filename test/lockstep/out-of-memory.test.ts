// A device with too little memory for all runs at once: fewer of them train at a time, as the events say, to the same bits. It is told
// as WebGPU tells it, by the error scope around a buffer's creation; only the memory that is full is a stand-in.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { openDevice, trainLockstep } from '../../src/index.js';
import type { NetworkLockstepEvent, NetworkLockstepOptions } from '../../src/lockstep/network/types.js';
import type { LockstepEvent, LockstepOptions, LockstepRun } from '../../src/lockstep/types.js';
import { weightBits } from './network/outcomes.js';
import { randomDataset, randomWeights } from './outcomes.js';

let device: Device;
beforeEach(async () => {
  device = await openDevice();
});
afterEach(() => {
  vi.restoreAllMocks();
  device.destroy();
});

/** Opens another device. @returns The most memory of the one before. */
async function anew(): Promise<number> {
  const { peak } = device.memory();
  device.destroy();
  device = await openDevice();
  return peak;
}

/** Lets a device have so many bytes for its buffers. */
function limitMemory({ gpu }: Device, most: number): void {
  let [used, isRefused] = [0, false];
  const create = gpu.createBuffer.bind(gpu);
  const pop = gpu.popErrorScope.bind(gpu);
  vi.spyOn(gpu, 'createBuffer').mockImplementation((descriptor) => {
    const buffer = create(descriptor);
    used += descriptor.size;
    isRefused = used > most;
    const destroy = buffer.destroy.bind(buffer);
    vi.spyOn(buffer, 'destroy').mockImplementationOnce(() => {
      used -= descriptor.size;
      return destroy();
    });
    return buffer;
  });
  vi.spyOn(gpu, 'popErrorScope').mockImplementation(async () => {
    const error = isRefused ? ({ message: 'out of memory' } as GPUError) : null;
    isRefused = false;
    await pop();
    return error;
  });
}

const bits: LockstepOptions = {
  ...{ features: 8, hidden: 256, batchSize: 16, maxSteps: 30, logInterval: 7, kernel: 'portable' },
  runs: Array.from({ length: 6 }, (_, k) => ({
    weights: randomWeights(8, 256, k),
    dataset: randomDataset(200, 8, 50),
    testSet: randomDataset(100, 8, 80),
    orderSeed: k,
  })),
};

const x = Array.from({ length: 60 }, (_, k) => [Math.sin(k), Math.cos(3 * k), Math.sin(7 * k + 1)]);
const networks: NetworkLockstepOptions = {
  network: { inputs: 3, layers: [{ units: 256, activation: 'tanh' }, { units: 256 }, { units: 1 }] },
  ...{ data: { x, y: x.map(([a, b, c]) => a * b + c) }, maxSteps: 20, batchSize: 7, logInterval: 6 },
  runs: Array.from({ length: 6 }, (_, seed) => ({ seed })),
};

type Event = LockstepEvent | NetworkLockstepEvent;
const train = (options: LockstepOptions | NetworkLockstepOptions): AsyncGenerator<Event> =>
  trainLockstep(device, options as LockstepOptions);

/** Windows and weights by run, and how many runs trained at once. */
async function trained(options: LockstepOptions | NetworkLockstepOptions) {
  const runs: Record<number, unknown[]> = {};
  const told: unknown[] = [];
  const plans: unknown[] = [];
  let mostRunning = 0;
  for await (const event of train({ ...options, keepWeights: true })) {
    if (event.type === 'progress') mostRunning = Math.max(mostRunning, event.running);
    if (event.type === 'lost') [mostRunning] = [0, told.push(event.reason)];
    if (event.type === 'recovered') told.push(event.runsAtOnce);
    if (event.type === 'plan' && 'note' in event) plans.push(event.note);
    if (event.type !== 'window' && event.type !== 'finish') continue;
    runs[event.run] ??= [];
    if (event.type === 'window') runs[event.run].push(event);
    else {
      const weights = await event.weights();
      runs[event.run].push({ ...event, weights: 'w1' in weights ? weights : weightBits(weights) });
    }
  }
  return { runs, told, plans, mostRunning };
}

it.each<[string, LockstepOptions | NetworkLockstepOptions]>([
  ['two-layer networks of bits', bits],
  ['networks of any shape', networks],
])('%s: half as many runs at once, to the same bits', async (_, options) => {
  const whole = await trained(options);
  expect(whole).toMatchObject({ told: [], mostRunning: 6 });
  const all = await anew();
  await trained({ ...options, runs: (options.runs as LockstepRun[]).slice(0, 3) } as typeof options);
  const half = await anew();
  limitMemory(device, (all + half) / 2);
  const { runs, told, plans, mostRunning } = await trained(options);
  expect(told).toEqual(['out-of-memory', 3]);
  expect(mostRunning).toBeLessThanOrEqual(3);
  if (options === bits) expect(plans.at(-1)).toBe('the device has no memory for more than 3 at once');
  expect(runs).toEqual(whole.runs);
});

it.each<[string, LockstepOptions | NetworkLockstepOptions]>([
  ['two-layer networks of bits', bits],
  ['networks of any shape', networks],
])('%s: an error where not even one run fits', async (_, options) => {
  limitMemory(device, 1000);
  await expect(trained(options)).rejects.toMatchObject({ code: 'out-of-memory' });
});

it.each<[string, LockstepOptions | NetworkLockstepOptions]>([
  ['two-layer networks of bits', bits],
  ['networks of any shape', networks],
])('%s: what can never fit is refused before any memory is taken', async (_, options) => {
  const { limits } = device;
  const small = { maxStorageBufferBindingSize: 10_000, maxBufferSize: 10_000 };
  vi.spyOn(device, 'limits', 'get').mockReturnValue(
    new Proxy(limits, { get: (of, name) => Reflect.get({ ...small }, name) ?? Reflect.get(of, name) }),
  );
  const before = device.memory();
  await expect(trained(options)).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/takes? \d+ bytes.* device binds at most 10000/),
  });
  expect(device.memory()).toEqual(before);
});
