// Batches that are drawn ahead equal those that are drawn on demand: through a ring in shared memory, by threads, and after
// skipped steps.
import { describe, expect, it } from 'vitest';
import { NO_ROW } from '../../../shaders/train/chunk.wgsl.js';
import { type BatchSettings, type BatchSource, DrawnBatches } from '../../../src/lockstep/batches/drawn.js';
import { BatchRing } from '../../../src/lockstep/batches/ring.js';
import { BatchThreads, defaultThreads } from '../../../src/lockstep/batches/threads.js';
import fc from '../../properties.js';

const plans = fc.record({
  examples: fc.integer({ min: 1, max: 300 }),
  seed: fc.nat(),
  batchSize: fc.integer({ min: 1, max: 40 }),
  pitch: fc.constantFrom(40, 48),
  skip: fc.nat({ max: 60 }),
}) satisfies fc.Arbitrary<BatchSettings>;

function taken(source: BatchSource, steps: number, pitch: number): number[] {
  const out = new Uint32Array(steps * pitch);
  source.take(out, 0, steps);
  return [...out];
}

describe('DrawnBatches', () => {
  it('leaves out the batches of the steps done before', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const all = taken(new DrawnBatches({ ...plan, skip: 0 }), plan.skip + 5, plan.pitch);
        expect(taken(new DrawnBatches(plan), 5, plan.pitch)).toEqual(all.slice(plan.skip * plan.pitch));
      }),
    );
  });

  it('fills what a batch leaves of its pitch, and the last of an epoch more of it', () => {
    const out = taken(new DrawnBatches({ examples: 5, seed: 1, batchSize: 3, pitch: 4, skip: 0 }), 2, 4);
    expect(out.map((row) => row === NO_ROW)).toEqual([0, 0, 0, 1, 0, 0, 1, 1].map(Boolean));
    expect(out.filter((row) => row !== NO_ROW).sort()).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('BatchRing', () => {
  it('hands on what is put in, however both sides cut it, over the end of the ring', () => {
    const moves = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })), { maxLength: 30 });
    fc.assert(
      fc.property(plans, fc.integer({ min: 1, max: 7 }), moves, (plan, size, all) => {
        const ring = BatchRing.create(size, plan.pitch);
        const other = new BatchRing(structuredClone(ring.shared)); // as the other thread sees it
        const source = new DrawnBatches(plan);
        const direct = new DrawnBatches(plan);
        for (const [written, read] of all) {
          ring.fill(source, Math.min(written, ring.free));
          const steps = Math.min(read, other.available);
          const out = new Uint32Array(steps * plan.pitch);
          other.take(out, 0, steps);
          expect([...out]).toEqual(taken(direct, steps, plan.pitch));
          expect(ring.free + ring.available).toBe(size);
        }
      }),
    );
  });
});

describe('BatchThreads', () => {
  const plan = (seed: number): BatchSettings => ({ examples: 100, seed, batchSize: 16, pitch: 16, skip: 0 });

  it('draw for many runs, further than a ring holds', async () => {
    const threads = await BatchThreads.start(2, 5);
    const runs = [1, 2, 3, 4, 5].map((seed) => ({
      source: threads.open(plan(seed)),
      direct: new DrawnBatches(plan(seed)),
      left: 2000,
    }));
    while (runs.some(({ left }) => left > 0)) {
      for (const run of runs) {
        const steps = Math.min(run.left, run.source.available);
        expect(taken(run.source, steps, 16)).toEqual(taken(run.direct, steps, 16));
        run.left -= steps;
      }
      if (runs.some(({ left }) => left > 0)) await threads.more();
    }
    for (const { source } of runs) source.close();
    await threads.close();
  });

  it('tell of a thread that died', async () => {
    const threads = await BatchThreads.start(1, 1);
    threads.open({ ...plan(1), examples: 0 }); // no dataset has none: the thread throws
    await expect(threads.more()).rejects.toThrow(/no examples/);
    await expect(threads.more()).rejects.toThrow(/no examples/); // whoever asks later is told, too
    expect(() => threads.check()).toThrow(/no examples/);
    await threads.close();
  });

  it('are none by themselves where the device computes on the CPU', async () => {
    const info = { isCpu: true } as Parameters<typeof defaultThreads>[0];
    expect(await defaultThreads(info)).toBe(0);
    const most = await defaultThreads({ ...info, isCpu: false });
    expect(most).toBeGreaterThanOrEqual(0);
    expect(most).toBeLessThanOrEqual(8);
  });
});
