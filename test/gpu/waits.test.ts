/** Waiting for a map on an adapter that computes on the CPU: looks now and then, and passes on what goes wrong. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Waits } from '../../src/gpu/waits.js';

let cpu: Waits;
beforeEach(() => {
  cpu = new Waits(true);
});

/**
 * A buffer whose work is done, or fails, at a time, and whose maps then take `latencyMs` more; counts maps and unmaps
 * as WebGPU does them.
 */
function bufferDone(afterMs: number, failure?: Error, latencyMs = 0) {
  const done = performance.now() + afterMs;
  const counts = { maps: 0, unmaps: 0 };
  let reject = (_: Error) => {};
  const buffer = {
    mapAsync() {
      counts.maps++;
      return new Promise<void>((resolve, no) => {
        reject = no;
        const settle = () => (failure ? no(failure) : resolve());
        const ms = Math.max(0, done - performance.now()) + latencyMs;
        if (ms > 0) setTimeout(settle, ms);
        else settle();
      });
    },
    unmap() {
      counts.unmaps++;
      reject(new Error('unmapped'));
    },
  };
  return { buffer: buffer as unknown as GPUBuffer, counts };
}

describe('a map on a CPU adapter', () => {
  test('maps work that is done at the first look', async () => {
    const { buffer, counts } = bufferDone(0);
    await cpu.map(buffer, 4);
    expect(counts).toEqual({ maps: 1, unmaps: 0 });
  });

  test('takes back every map but the last, and ends mapped', async () => {
    const { buffer, counts } = bufferDone(60);
    const waited = await cpu.map(buffer, 4);
    expect(waited).toBeGreaterThan(50);
    expect(counts.maps).toBeGreaterThan(2);
    expect(counts.unmaps).toBe(counts.maps - 1);
  });

  test('finds work done also where every map takes longer than the first looks', async () => {
    const { buffer, counts } = bufferDone(20, undefined, 5);
    await cpu.map(buffer, 4);
    expect(counts.unmaps).toBe(counts.maps - 1);
  });

  test('sleeps half of the expected time first', async () => {
    const { buffer, counts } = bufferDone(20);
    await cpu.map(buffer, 4, { expectedMs: 80 });
    expect(counts).toEqual({ maps: 1, unmaps: 0 });
  });

  test('looks at one buffer at a time, that of the oldest work, also where it is waited for later', async () => {
    const younger = bufferDone(60);
    const older = bufferDone(60);
    const submitted = performance.now() - 1;
    const waits = [cpu.map(younger.buffer, 4, { expectedMs: 1000 }), cpu.map(older.buffer, 4, { submitted })];
    await waits[1];
    expect(younger.counts.maps).toBe(0);
    expect(older.counts.maps).toBeGreaterThan(2);
    await waits[0];
    expect(younger.counts).toEqual({ maps: 1, unmaps: 0 });
  });

  test('finds many buffers that are done together with one map each', async () => {
    const many = Array.from({ length: 20 }, () => bufferDone(30));
    const first = bufferDone(30);
    await Promise.all([first, ...many].map(({ buffer }) => cpu.map(buffer, 4)));
    expect(first.counts.maps).toBeGreaterThan(1);
    for (const { counts } of many) expect(counts).toEqual({ maps: 1, unmaps: 0 });
  });

  test('goes on with the others where one fails', async () => {
    const failing = cpu.map(bufferDone(20, new Error('destroyed')).buffer, 4);
    const other = cpu.map(bufferDone(40).buffer, 4);
    await expect(failing).rejects.toThrow('destroyed');
    expect(await other).toBeGreaterThanOrEqual(0);
  });

  test('does not look again at a buffer that is freed, and goes on with the others', async () => {
    const freed = bufferDone(10_000);
    const wait = cpu.map(freed.buffer, 4);
    const other = cpu.map(bufferDone(40).buffer, 4);
    await new Promise((resolve) => setTimeout(resolve, 20));
    cpu.stop(freed.buffer);
    const { maps } = freed.counts;
    await expect(wait).rejects.toThrow('freed');
    await other;
    expect(freed.counts.maps).toBe(maps);
  });

  test('rejects with what the map rejects with, if that is not its own unmap', async () => {
    const { buffer } = bufferDone(30, new Error('device lost'));
    await expect(cpu.map(buffer, 4)).rejects.toThrow('device lost');
  });

  test('awaits one map elsewhere', async () => {
    const { buffer, counts } = bufferDone(30);
    await new Waits(false).map(buffer, 4, { expectedMs: 80 });
    expect(counts).toEqual({ maps: 1, unmaps: 0 });
  });
});

describe('a map where WebGPU is not Dawn’s add-on', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('Deno’s own WebGPU is waited for by one map, as a browser’s is', async () => {
    vi.stubGlobal('Deno', {});
    // Its maps resolve by a timer of 10 ms: longer than a first look, so looks would take back every one.
    const { buffer, counts } = bufferDone(0, undefined, 10);
    await new Waits(true).map(buffer, 4);
    expect(counts).toEqual({ maps: 1, unmaps: 0 });
  });
});
