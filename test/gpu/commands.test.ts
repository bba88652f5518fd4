// The queue of tensors' commands keeps their order and submits them in batches; the pool reuses buffers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { pooledSize } from '../../src/gpu/pool.js';

const addParam = `
@group(0) @binding(0) var<uniform> amount: vec4u;
@group(0) @binding(1) var<storage, read_write> values: array<u32>;
@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&values)) { values[id.x] += amount.x; }
}`;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe('CommandQueue', () => {
  it('keeps the order of dispatches, copies and writes', async () => {
    const pipeline = device.pipelineNow({ label: 'add param', code: addParam });
    const a = device.pool.take(64);
    const b = device.pool.take(64);
    const { commands } = device;
    const add = (buffer: GPUBuffer, amount: number) =>
      commands.dispatch({
        pipeline,
        bindings: [{ buffer, bytes: 64 }],
        params: Uint32Array.of(amount, 0, 0, 0),
        grid: [1],
      });
    commands.write(
      a,
      0,
      Uint32Array.from({ length: 16 }, (_, i) => i),
    );
    add(a, 100);
    commands.copy(a, 0, b, 0, 64);
    add(a, 1000);
    commands.write(a, 0, Uint32Array.of(7));
    // More than one submit's worth, each with its own params.
    for (let i = 0; i < 150; i++) add(b, i);
    const sum = (150 * 149) / 2;
    expect([...new Uint32Array(await device.read(a, 0, 12))]).toEqual([7, 1101, 1102]);
    expect([...new Uint32Array(await device.read(b, 0, 12))]).toEqual([100 + sum, 101 + sum, 102 + sum]);
    expect(commands.pending).toBe(0);
    device.pool.give(a);
    device.pool.give(b);
  });

  it('refuses a grid beyond the limit, by its name', () => {
    const pipeline = device.pipelineNow({ label: 'add param', code: addParam });
    const buffer = device.pool.take(64);
    const grid = [device.limits.maxComputeWorkgroupsPerDimension + 1] as const;
    const params = new Uint32Array(4);
    expect(() => device.commands.dispatch({ pipeline, bindings: [{ buffer }], params, grid })).toThrow(
      /workgroups/,
    );
    device.pool.give(buffer);
  });
});

describe('BufferPool', () => {
  it('gives sizes at most a quarter above the request', () => {
    for (const bytes of [1, 255, 256, 257, 1000, 65536, 65537, 123456789]) {
      expect(pooledSize(bytes)).toBeGreaterThanOrEqual(bytes);
      if (bytes > 256) expect(pooledSize(bytes)).toBeLessThanOrEqual(bytes * 1.25);
      expect(pooledSize(bytes) % 4).toBe(0);
    }
  });

  it('hands a buffer out again, and counts it only while it is in use', () => {
    const before = device.memory();
    const first = device.pool.take(5000);
    expect(device.memory().bytes).toBe(before.bytes + first.size);
    expect(device.memory().buffers).toBe(before.buffers + 1);
    device.pool.give(first);
    device.pool.give(first);
    expect(device.memory()).toMatchObject({ bytes: before.bytes, buffers: before.buffers });
    expect(device.memory().pooled).toBe(before.pooled + first.size);
    expect(device.pool.take(4900)).toBe(first);
    device.pool.give(first);
    device.trim();
    expect(device.memory().pooled).toBe(0);
    expect(device.pool.take(5000)).not.toBe(first);
  });
});
