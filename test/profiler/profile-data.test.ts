// What a profile makes of times: clocks, zero and negative deltas, totals, the division of the wall time, lanes.
import { describe, expect, it } from 'vitest';
import type { HostSpan } from '../../src/platform/host-spans.js';
import { lanesOf, merged } from '../../src/profiler/chrome-trace.js';
import { anchorOf, toHost } from '../../src/profiler/clock-anchor.js';
import { showInDeveloperTools } from '../../src/profiler/developer-tools.js';
import { timedLaunches } from '../../src/profiler/device-timer.js';
import { accountsOf, type KernelSpan, kernelTotals, type Profile } from '../../src/profiler/profile.js';
import fc from '../properties.js';

const pipeline = { label: 'k' } as GPUComputePipeline;
const launched = { pipeline, grid: [1] };
const kernel = (start: number, end: number, more: Partial<KernelSpan> = {}): KernelSpan => ({
  kernel: 'k',
  variant: '',
  start,
  end,
  submitted: 0,
  grid: [1],
  ...more,
});
const host = (kind: HostSpan['kind'], start: number, end: number): HostSpan => ({
  kind,
  name: kind,
  start,
  end,
});

describe('clocks', () => {
  it('the narrowest bounds of all tries count', () => {
    // The device's clock is 100 ms behind: of the first try known to 2 ms, of the second to 0.4 ms, both ways.
    const { offset, error } = anchorOf([
      { submitted: 9, done: 13, device: -90e6 + 1e6 },
      { submitted: 19.8, done: 20.6, device: -80e6 + 0.2e6 },
    ]);
    expect(offset).toBeCloseTo((99.6 + 100.4) / 2, 9);
    expect(error).toBeCloseTo(0.4, 9);
  });

  it('a clock that runs fast is followed by a straight line', () => {
    const anchors = [
      { device: 0, offset: 5, error: 0 },
      { device: 1000e6, offset: 4, error: 0 },
    ] as const;
    expect(toHost(0, anchors)).toBe(5);
    expect(toHost(500e6, anchors)).toBe(504.5);
    expect(toHost(1000e6, anchors)).toBe(1004);
  });

  it('zero and negative deltas are counted, and take no time', () => {
    const anchor = { device: 0, offset: 0, error: 0.05 };
    const stamped = [
      { launched, begin: 0, end: 65536, submitted: 0 },
      { launched, begin: 131072, end: 131072, submitted: 0 },
      { launched, begin: 196608, end: 131072, submitted: 0 },
    ];
    const { launches, timing } = timedLaunches(stamped, [anchor, anchor]);
    expect(launches.map(({ start, end }) => end - start)).toEqual([0.065536, 0, 0]);
    expect(timing).toEqual({ clock: 'device', resolutionUs: 65.536, anchorUs: 50, zero: 2, negative: 1 });
  });
});

describe('totals', () => {
  it('by kernel and variant, what took longest first', () => {
    const spans = [
      kernel(0, 1, { bytes: 10, flops: 5 }),
      kernel(1, 4, { bytes: 20, flops: 5 }),
      kernel(4, 12, { variant: 'a = 1' }),
      kernel(12, 14, { bytes: 30, flops: 5 }),
    ];
    expect(kernelTotals({ kernels: spans })).toEqual([
      {
        kernel: 'k',
        variant: 'a = 1',
        calls: 1,
        ms: 8,
        median: 8,
        p95: 8,
        share: 8 / 14,
        bytes: undefined,
        flops: undefined,
      },
      {
        kernel: 'k',
        variant: '',
        calls: 3,
        ms: 6,
        median: 2,
        p95: expect.closeTo(2.9, 12),
        share: 6 / 14,
        bytes: 60,
        flops: 15,
      },
    ]);
  });
});

describe('where the time went', () => {
  it('the innermost span of the thread counts, where no kernel runs', () => {
    const accounts = accountsOf({
      wall: 100,
      kernels: [kernel(40, 60)],
      // Encoding from 10 to 50, an upload in it from 20 to 30, half of it in the shadow of the kernel; then a wait, in
      // which something was read; ten milliseconds at both ends that nobody accounts for.
      host: [host('encode', 10, 50), host('upload', 20, 30), host('wait', 50, 90), host('read-back', 70, 75)],
    });
    expect(accounts).toEqual({
      wall: 100,
      kernels: 20,
      host: { encode: 20, upload: 10, 'read-back': 5 },
      idle: 25,
      unexplained: 20,
    });
  });

  it('kernels that overlap show as less than nothing unexplained', () => {
    const { unexplained } = accountsOf({ wall: 10, kernels: [kernel(0, 10), kernel(5, 10)], host: [] });
    expect(unexplained).toBe(-5);
  });
});

describe('lanes', () => {
  it('spans of a lane lie within one another or apart', () => {
    const span = fc
      .tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 20 }))
      .map(([start, length]) => ({ start, end: start + length }));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 30 }), (spans) => {
        const lanes = lanesOf(spans);
        spans.forEach((a, i) => {
          spans.forEach((b, j) => {
            if (i === j || lanes[i] !== lanes[j]) return;
            const apart = a.end <= b.start || b.end <= a.start;
            const within = (a.start <= b.start && b.end <= a.end) || (b.start <= a.start && a.end <= b.end);
            expect(apart || within).toBe(true);
          });
        });
      }),
    );
  });

  it('nested spans share a lane; crossing ones do not', () => {
    const at = (start: number, end: number) => ({ start, end });
    expect(lanesOf([at(0, 10), at(2, 5), at(5, 12), at(12, 13)])).toEqual([0, 0, 1, 0]);
  });

  it('waits that overlap are one wait', () => {
    expect(merged([host('wait', 0, 5), host('wait', 6, 9), host('wait', 2, 4), host('wait', 4, 6)])).toEqual([
      { ...host('wait', 0, 6), args: { together: 3 } },
      host('wait', 6, 9),
    ]);
  });
});

it('developer tools get every span, on the page`s clock', () => {
  const measured: [string, PerformanceMeasureOptions][] = [];
  const profile = {
    began: performance.timeOrigin + 1000,
    kernels: [kernel(1, 2, { shapes: 'f32[2]' })],
    host: [host('encode', 0, 1)],
  } as Profile;
  showInDeveloperTools(profile, (name, options) => measured.push([name, options]));
  expect(measured).toHaveLength(2);
  const [[name, { start, end, detail }], [, second]] = measured;
  expect(name).toBe('k');
  expect([start, end]).toEqual([expect.closeTo(1001, 3), expect.closeTo(1002, 3)]);
  expect(detail.devtools).toMatchObject({ trackGroup: 'lockstep-gpu', track: 'device' });
  expect(second.detail.devtools.track).toBe('host: encode');
});
