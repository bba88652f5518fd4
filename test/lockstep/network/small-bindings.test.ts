// Devices with WebGPU's default limits and smaller bindings: a training comes to the same bits there or is refused by a sentence, and no kernel is bound to more
// than fits. Real devices bind 128 MB at least; here one counts as binding less, which Dawn cannot check and this file does.
import '../../quick-to-compile.js';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import type { NetworkRun } from '../../../src/lockstep/network/types.js';
import { LockstepError } from '../../../src/platform/errors.js';
import { useForm } from './forms.js';
import { bitsOf, networkOutcomes } from './outcomes.js';
import { anyCase, materialize } from './random-networks.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());
afterEach(() => {
  vi.restoreAllMocks();
});

/** The same device as one that binds at most so many bytes: a group that binds more throws. */
async function binding(bytes: number): Promise<Device> {
  const { gpu } = device;
  const smaller = { maxStorageBufferBindingSize: bytes };
  const limits = new Proxy(gpu.limits, {
    get: (target, name) => Reflect.get(smaller, name) ?? Reflect.get(target, name, target),
  });
  const createBindGroup = (group: GPUBindGroupDescriptor) => {
    for (const { binding: number, resource } of group.entries) {
      const { buffer, size = buffer.size } = resource as GPUBufferBinding;
      if (size > bytes)
        throw new Error(`binding ${number}, "${buffer.label}", has ${size} bytes of ${bytes}`);
    }
    return gpu.createBindGroup(group);
  };
  const own = new Proxy(gpu, {
    get(target, name) {
      if (name === 'limits') return limits;
      if (name === 'createBindGroup') return createBindGroup;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return openDevice({ device: own });
}

const own = { name: 'twice', wgsl: 'fn probe(e: Example) -> f32 { return 2.0 * outputOf(e, 0u); }' };
/** Probes whose sums are many, taken of some runs. */
const parities = (inputs: number) =>
  Array.from({ length: 40 }, (_, k) => [...new Set([k % inputs, (3 * k + 1) % inputs])]);

/** A run of any kind: batches of up to 120 of up to 240 examples, of which some are evaluated and probed. */
const anyRun = fc
  .record({ one: anyCase, times: fc.constantFrom(1, 3), looks: fc.boolean() })
  .map(({ one, times, looks }): NetworkRun => {
    const layers = one.network.layers
      .slice(-3)
      .map((layer) => ({ ...layer, units: Math.min(layer.units, 20) }));
    const small = { ...one, examples: 4 * one.examples, network: { ...one.network, layers } };
    const { run } = materialize({ ...small, batchSize: times * one.batchSize });
    const counts = typeof run.loss !== 'object' || run.loss.type !== 'crossEntropy';
    const probes = ['activeUnits' as const, { parities: parities(one.network.inputs) }, own];
    const evaluate = looks && { evaluate: { data: run.data!, every: 10 } };
    const probed = looks && { probes: counts ? [...probes, 'gradientNorm' as const] : probes };
    return { ...run, maxSteps: 20, ...evaluate, ...probed };
  });

describe.each([24_000, 48_000])('where a kernel binds at most %i bytes', (bytes) => {
  it('trains networks to the same bits, or says why not', async () => {
    // One text for all runs and devices.
    useForm('blocks', { cuts: true, dataBuffers: 1 });
    const small = await binding(bytes);
    let [trained, refused] = [0, 0];
    const property = async (runs: NetworkRun[], lengths: number[]) => {
      let chunk = 0;
      vi.spyOn(NetworkPacer.prototype, 'steps').mockImplementation(() => lengths[chunk++ % lengths.length]);
      const bits = async (on: Device) =>
        (await networkOutcomes(on, { runs, logInterval: 10 })).map((run) => [
          bitsOf(run),
          run.evaluations.map(({ probes }) => probes),
        ]);
      try {
        const there = await bits(small);
        expect(there).toEqual(await bits(device));
        trained++;
      } catch (error) {
        if (!(error instanceof LockstepError)) throw error;
        expect(error.message).toMatch(/^trainLockstep: run \d: .* (binds at most|takes in one table)/);
        expect(error.code).toBe('unsupported');
        refused++;
      }
    };
    const runs = fc.array(anyRun, { minLength: 1, maxLength: 3 });
    const lengths = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 });
    await fc.assert(fc.asyncProperty(runs, lengths, property), { numRuns: 10, endOnFailure: true });
    expect(trained, `refused: ${refused}`).toBeGreaterThan(0);
  });
});

it('its tables grow up to what a kernel binds', async () => {
  useForm('blocks', { cuts: true, dataBuffers: 1 });
  const network = { inputs: 2, layers: [{ units: 1 }] };
  const x = Float32Array.from({ length: 200 }, (_, k) => Math.sin(k));
  const runs = [{ network, data: { x, y: x.subarray(100) }, batchSize: 100, maxSteps: 63 }];
  const bits = async (on: Device) => {
    // Orders of 10,000 and of 15,200 bytes.
    vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValueOnce(25).mockReturnValue(38);
    return (await networkOutcomes(on, { runs, logInterval: 63 })).map(bitsOf);
  };
  expect(await bits(await binding(16_000))).toEqual(await bits(device));
});

it('a dataset over two buffers fills the eight of a stage, and a larger one is refused', async () => {
  useForm('blocks', { cuts: true });
  const x = Float32Array.from({ length: 40 * 300 }, (_, k) => Math.sin(k));
  const data = { x, y: x.subarray(0, 300) };
  const runs = [{ network: { inputs: 40, layers: [{ units: 3 }, { units: 1 }] }, data, maxSteps: 12 }];
  const trained = async (bytes: number) => networkOutcomes(await binding(bytes), { runs, logInterval: 1 });
  expect((await trained(40_000)).map(bitsOf)).toEqual(
    (await networkOutcomes(device, { runs, logInterval: 1 })).map(bitsOf),
  );
  await expect(trained(24_000)).rejects.toThrow(
    'run 0: data takes 49200 bytes; this device binds at most 2 buffers of 24000 (maxStorageBuffersPerShaderStage, ' +
      'maxStorageBufferBindingSize) for data at once, which is 292 of its 300 rows.',
  );
});
