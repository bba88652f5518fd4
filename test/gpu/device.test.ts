// Losing a device, its buffers and pipelines, and errors that WebGPU reports late.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { BufferUsage } from '../../src/gpu/usage.js';
import { LockstepError } from '../../src/platform/errors.js';
import { errorOf } from '../error-of.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

const doubling = `
override factor: f32 = 2.0;
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&values)) { values[id.x] *= factor; }
}`;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

function submit(pipeline: GPUComputePipeline, buffer: GPUBuffer, groups: number): void {
  const encoder = device.gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const layout = pipeline.getBindGroupLayout(0);
  pass.setBindGroup(
    0,
    device.gpu.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] }),
  );
  pass.dispatchWorkgroups(groups);
  pass.end();
  device.gpu.queue.submit([encoder.finish()]);
}

describe('a lost device', () => {
  it('says so at the next operation', async () => {
    const own = await openDevice();
    const buffer = own.allocate('a', 16, STORAGE);
    own.gpu.destroy(); // behind the back of the Device
    await own.lost;
    expect((await errorOf(() => own.read(buffer, 0, 16))).message).toMatch(
      /^The device was lost \(destroyed\)/,
    );
    own.destroy();
    own.destroy();
  });
});

describe('buffers', () => {
  it('are counted until they are freed', () => {
    const before = device.memory();
    const buffer = device.allocate('counted', 1001, STORAGE);
    expect(device.memory().buffers).toBe(before.buffers + 1);
    expect(device.memory().bytes).toBe(before.bytes + 1004);
    expect(device.memory().peak).toBeGreaterThanOrEqual(before.bytes + 1004);
    device.free(buffer);
    device.free(buffer);
    expect(device.memory().buffers).toBe(before.buffers);
    expect(device.memory().bytes).toBe(before.bytes);
  });

  it('above the limit are refused with both sizes', async () => {
    const limit = device.limits.maxStorageBufferBindingSize;
    const error = await errorOf(() => device.allocate('huge', limit + 4, STORAGE));
    expect(error.code).toBe('unsupported');
    expect(error.message).toContain(`"huge" would have ${limit + 4} bytes`);
    expect(error.message).toContain(String(limit));
    expect(() => device.allocate('no number', Number.NaN, STORAGE)).toThrow(LockstepError);
  });

  it('are read back, any part of them, at any time', async () => {
    const buffer = device.allocate('numbers', 40, STORAGE);
    device.gpu.queue.writeBuffer(
      buffer,
      0,
      Float32Array.from({ length: 10 }, (_, i) => i),
    );
    const reads = await Promise.all([
      device.read(buffer, 0, 40),
      device.read(buffer, 8, 12, { expectedMs: 5 }),
    ]);
    expect([...new Float32Array(reads[0])]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...new Float32Array(reads[1])]).toEqual([2, 3, 4]);
    expect((await device.read(buffer, 4, 6)).byteLength).toBe(6);
    expect((await device.read(buffer, 4, 0)).byteLength).toBe(0);
    device.free(buffer);
  });

  it.each([
    [0, 20],
    [16, 4],
    [2, 4],
    [-4, 4],
    [0, -4],
    [0, NaN],
    [1.5, 4],
    [0, 0.5],
    [0, undefined],
    [20, 0],
  ])('are not read beyond their ends or askew: from %s, %s bytes', async (offset, bytes) => {
    const buffer = device.allocate('small', 16, BufferUsage.COPY_SRC | BufferUsage.COPY_DST);
    await expect(device.read(buffer, offset, bytes as number)).rejects.toThrow(
      /^device\.read: (bytes|the offset) is .* from 0 to 16|^Device\.read: .* are not within a buffer of 16; the offset is a multiple of 4/,
    );
    await device.sync(); // nothing was sent that the device complains of
    device.free(buffer);
  });

  it('for reading are reused', async () => {
    const buffer = device.allocate('numbers', 64, STORAGE);
    await device.read(buffer, 0, 64);
    const before = device.memory();
    for (let i = 0; i < 20; i++) await device.read(buffer, 0, 64);
    expect(device.memory()).toEqual(before);
    device.free(buffer);
  });
});

describe('pipelines', () => {
  it('compile once for the same code and constants, and run', async () => {
    const pipeline = await device.pipeline({ label: 'double', code: doubling });
    expect(await device.pipeline({ label: 'again', code: doubling })).toBe(pipeline);
    const triple = await device.pipeline({ label: 'triple', code: doubling, constants: { factor: 3 } });
    expect(triple).not.toBe(pipeline);
    const now = device.pipelineNow({ label: 'double', code: doubling });
    expect(device.pipelineNow({ label: 'double', code: doubling })).toBe(now);
    const buffer = device.allocate('numbers', 400, STORAGE);
    device.gpu.queue.writeBuffer(
      buffer,
      0,
      Float32Array.from({ length: 100 }, (_, i) => i),
    );
    for (const each of [pipeline, triple, now]) submit(each, buffer, 2);
    const numbers = new Float32Array(await device.read(buffer, 0, 400));
    expect([...numbers]).toEqual(Array.from({ length: 100 }, (_, i) => 12 * i));
    device.free(buffer);
  });

  it('that do not compile show the WGSL line', async () => {
    const code = doubling.replace('id.x < arrayLength', 'id.y < 1.5 * arrayLength');
    const error = await errorOf(() => device.pipeline({ label: 'broken', code }));
    expect(error.code).toBe('shader');
    expect(error.message).toContain('"broken"');
    expect(error.message).toContain('6 |   if (id.y < 1.5 * arrayLength(&values))');
    expect(error.message).toMatch(/\n +\| +\^/);
    await device.sync(); // and nothing is left over for the next operation
  });

  it('without the entry point say so', async () => {
    const error = await errorOf(() => device.pipeline({ label: 'k', code: doubling, entryPoint: 'start' }));
    expect(error.code).toBe('shader');
    expect(error.message).toContain('start');
  });

  it('compiled at once hand their error to the next operation', async () => {
    device.pipelineNow({ label: 'broken now', code: 'fn main() { return 1; }' });
    const error = await errorOf(() => device.sync());
    expect(error.code).toBe('shader');
    expect(error.message).toContain('"broken now"');
    await device.sync();
  });
});

describe('uncaptured errors', () => {
  it('are thrown by the operation that follows, once', async () => {
    const source = device.allocate('a', 16, BufferUsage.STORAGE); // cannot be copied from
    const error = await errorOf(() => device.read(source, 0, 16));
    expect(error.code).toBe('device');
    expect(error.message).toMatch(/CopySrc/i);
    await device.sync();
    device.free(source);
  });
});
