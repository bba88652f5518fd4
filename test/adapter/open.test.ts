// Opening a device: which adapter, which features and limits, and who destroys it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAdapters } from '../../src/adapter/dawn.js';
import { openDevice, subgroupMatrices } from '../../src/adapter/open.js';
import { defaultDevice } from '../../src/gpu/default-device.js';
import type { Device } from '../../src/gpu/device.js';
import { BufferUsage } from '../../src/gpu/usage.js';
import { errorOf } from '../error-of.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe('openDevice', () => {
  it('describes the adapter and raises the limits that kernels use', async () => {
    expect(device.info.vendor + device.info.device + device.info.description).not.toBe('');
    expect(device.limits.maxBufferSize).toBeGreaterThanOrEqual(256 * 2 ** 20);
    if (device.features.has('subgroups')) expect(device.info.subgroupMinSize).toBeGreaterThanOrEqual(4);
    expect(defaultDevice()).toBe(device);
  });

  it('finds an adapter by part of its name, in any case', async () => {
    const [first] = await listAdapters();
    using other = await openDevice({ adapter: first.name.slice(0, 5).toUpperCase() });
    expect(other.info.device).toBe(first.name);
    expect(other.info.backend).toBe(first.backend);
    expect(defaultDevice()).toBe(device);
  });

  it('names the adapters there are when none matches', async () => {
    const [first] = await listAdapters();
    const error = await errorOf(() => openDevice({ adapter: 'no such adapter' }));
    expect(error.code).toBe('no-adapter');
    expect(error.message).toContain('no such adapter');
    expect(error.message).toContain(first.name);
  });

  it('refuses features and limits that the adapter lacks, by name', async () => {
    const feature = await errorOf(() => openDevice({ requiredFeatures: ['teleport' as GPUFeatureName] }));
    expect(feature.code).toBe('unsupported');
    expect(feature.message).toContain('teleport');
    const limit = await errorOf(() => openDevice({ requiredLimits: { maxBindGroups: 1e6 } }));
    expect(limit.code).toBe('unsupported');
    expect(limit.message).toContain('maxBindGroups = 1000000');
    const unknown = await errorOf(() => openDevice({ requiredLimits: { maxCats: 1 } }));
    expect(unknown.code).toBe('bad-input');
  });

  it('takes wanted features where they are, and no others', async () => {
    using plain = await openDevice({ wantedFeatures: ['teleport' as GPUFeatureName] });
    expect(plain.features.has('subgroups')).toBe(false);
    expect(plain.info.subgroupMinSize).toBe(0);
  });

  it('asks for subgroup matrices, opens without them too, and lists those that there are', async () => {
    const feature = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;
    using here = await openDevice(subgroupMatrices);
    expect(here.info.subgroupMatrices !== undefined).toBe(here.features.has(feature));
    expect(device.info.subgroupMatrices).toBeUndefined();
    const subgroupMatrixConfigs = [{ M: 16, N: 8, K: 4, componentType: 'f16', resultComponentType: 'f32' }];
    const gpu = new Proxy(here.gpu, {
      get(target, name) {
        if (name === 'features') return new Set([feature]);
        if (name === 'adapterInfo') return { subgroupMatrixConfigs };
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    using there = await openDevice({ device: gpu });
    expect(there.info.subgroupMatrices).toEqual(['16 x 8 x 4, f16 to f32']);
  });

  it("opens with WebGPU's default limits when asked", async () => {
    using other = await openDevice({ requiredLimits: 'default' });
    expect(other.limits.maxComputeInvocationsPerWorkgroup).toBe(256);
    expect(other.limits.maxComputeWorkgroupStorageSize).toBe(16384);
  });

  it("does not destroy a caller's device", async () => {
    const own = await openDevice();
    const borrowed = await openDevice({ device: own.gpu });
    const buffer = borrowed.allocate('b', 16, STORAGE);
    borrowed.destroy();
    expect((await errorOf(() => borrowed.read(buffer, 0, 16))).code).toBe('device-lost');
    const alive = own.allocate('a', 16, STORAGE);
    expect((await own.read(alive, 0, 16)).byteLength).toBe(16);
    own.destroy();
    expect((await own.lost).reason).toBe('destroyed');
    expect((await errorOf(() => own.sync())).code).toBe('device-lost');
  });
});
