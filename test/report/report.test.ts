// What is made of a profile for people: bounds of kernels, the page, WGSL files and tables.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { profileText, sortedKernels, wrapped } from '../../src/cli/profile-table.js';
import type { Device } from '../../src/gpu/device.js';
import type { CompiledPipeline } from '../../src/gpu/pipelines.js';
import type { KernelSpan, Profile } from '../../src/profiler/profile.js';
import { bytes, count, percent, time } from '../../src/report/format.js';
import { profilePage } from '../../src/report/page.js';
import { kernelRow, makeReport, overheadText } from '../../src/report/report.js';
import { writeWgsl } from '../../src/report/wgsl-files.js';

const ceilings = { gbPerSecond: 10, gflopPerSecond: 100, clock: 'device' } as const;
const total = { kernel: 'k', variant: '', calls: 1, ms: 1, median: 1, p95: 1, share: 1 };

const span = (kernel: string, start: number, end: number): KernelSpan => ({
  kernel,
  variant: 'tile = 8, bias = true',
  start,
  end,
  submitted: start,
  grid: [2, 1, 1],
  shapes: 'f32[2]',
  bytes: 1e6,
  flops: 5e7,
});

const compiled = (label: string, code: string, options: object = { tile: 8, bias: true }) =>
  ({ label, code, options, ms: 12, pipeline: { label } }) as CompiledPipeline;

const profile: Profile = {
  result: undefined,
  began: Date.UTC(2026, 0, 2),
  wall: 10,
  kernels: [span('gemm <T>', 1, 3), span('gemm <T>', 3, 4), span('other', 5, 6)],
  host: [
    { kind: 'encode', name: 'train', start: 0, end: 1 },
    { kind: 'wait', name: '</script>', start: 1, end: 10 },
  ],
  timing: { clock: 'device', resolutionUs: 100, anchorUs: 20, zero: 2, negative: 1 },
  compiled: [compiled('gemm <T>', 'fn main() {}')],
  uploaded: 2048,
};
const device = { info: { device: 'Some GPU', backend: 'vulkan', isCpu: false } } as Device;
const overhead = { without: 8, with: 10, noise: 0.4, estimated: false };
const report = makeReport('three kernels', device, profile, profile, ceilings, overhead);

describe('what binds a kernel', () => {
  it.each([
    [{ bytes: 5e6, flops: 1e7 }, 'memory'], // half of one ceiling, a tenth of the other
    [{ bytes: 1e6, flops: 6e7 }, 'arithmetic'],
    [{ bytes: 5e5, flops: 5e6 }, 'neither'], // 5% of both
    [{ bytes: 5e6, flops: undefined }, undefined],
  ])('%o: %s', (cost, bound) => {
    expect(kernelRow({ ...total, ...cost }, ceilings).bound).toBe(bound);
  });

  it('rates are 10^9 a second', () => {
    const row = kernelRow({ ...total, bytes: 5e6, flops: 1e7 }, ceilings);
    expect(row).toMatchObject({ gbPerSecond: 5, gflopPerSecond: 10, ofMemory: 0.5, ofArithmetic: 0.1 });
  });

  it('a kernel that took no time has no rate', () => {
    expect(kernelRow({ ...total, ms: 0, bytes: 1, flops: 1 }, ceilings).gbPerSecond).toBeUndefined();
  });
});

describe('the report', () => {
  it('says whose clock it was, and what that clock got wrong', () => {
    expect(report.notes.join(' ')).toMatch(
      /device's clock.*3 launches.*100 us.*20 us.*2 launches.*1 earlier/,
    );
  });

  it('compile times, and what the first launch took on top of the median', () => {
    expect(report.compiled).toEqual([
      { kernel: 'gemm <T>', variant: 'tile = 8, bias = true', ms: 12, firstLaunchMs: 0.5 },
    ]);
  });

  it('the cost of the profile, with its uncertainty', () => {
    expect(overheadText(overhead)).toBe('+25.0% (give or take 5.00%)');
    expect(overheadText({ without: 10, with: 9, estimated: true })).toBe('-10.0%, estimated');
    expect(overheadText({ ...overhead, with: 8.3 })).toBe(
      'less than the 5.00% by which one run differs from the next',
    );
  });
});

it('the table has the kernels, the time outside of them and the compile times', () => {
  const text = profileText(report, 'time', 1, pc.createColors(false));
  expect(text).toContain('three kernels on Some GPU (vulkan)');
  expect(text).toMatch(/gemm <T> +│ +2 │ 3\.00 ms │ 75\.0% │/);
  expect(text).toContain('and 1 more; --top 2 shows all');
  expect(text).toMatch(/encoding +│ 1\.00 ms │ +10\.0% │/);
  expect(text).toMatch(/idle +│ 5\.00 ms │ +50\.0% │/);
  expect(text).toMatch(/gemm <T> +│ +12\.0 ms │ +\+500 us │/);
  expect(sortedKernels(report.kernels, 'calls', 9).map(({ kernel }) => kernel)).toEqual([
    'gemm <T>',
    'other',
  ]);
  expect(sortedKernels(report.kernels, 'gbs', 9).map(({ kernel }) => kernel)).toEqual(['other', 'gemm <T>']);
});

it('figures', () => {
  expect([time(0.0000004), time(0.07), time(12.34), time(1234), time(0)]).toEqual([
    '0.40 ns',
    '70.0 us',
    '12.3 ms',
    '1.23 s',
    '0',
  ]);
  expect([bytes(1536), count(2.5e9), percent(0.1234), percent(-0.02)]).toEqual([
    '1.54 kB',
    '2.50 G',
    '12.3%',
    '-2.00%',
  ]);
  expect(wrapped('a = 1, b = 2, c = 3', 12)).toEqual(['a = 1, b = 2', 'c = 3']);
});

describe('the page', () => {
  const html = profilePage(report, profile);

  it('needs nothing from the network', () => {
    expect(html).not.toMatch(/https?:|<link|src=|@import|url\(/);
  });

  it('names of kernels are text, in the page and in its data', () => {
    expect(html).toContain('gemm &#60;T&#62;');
    expect(html).not.toContain('gemm <T>');
    expect(html.match(/<\/script>/g)).toHaveLength(1);
  });

  it('its program runs: the lanes are drawn', () => {
    const script = html.slice(html.indexOf('<script>') + 8, html.indexOf('</script>'));
    const drawn: string[] = [];
    const context = new Proxy({} as Record<string, unknown>, {
      get: (_, name) => (name === 'fillText' ? (text: string) => drawn.push(text) : () => ({ width: 10 })),
      set: () => true,
    });
    const element = () => ({
      addEventListener() {},
      getContext: () => context,
      clientWidth: 1000,
      style: {},
      classList: {},
      dataset: {},
    });
    const document = {
      querySelector: element,
      documentElement: element(),
      addEventListener() {},
    };
    const window = { devicePixelRatio: 1, addEventListener() {} };
    const matchMedia = () => ({ matches: false, addEventListener() {} });
    const style = () => ({ getPropertyValue: () => '#000' });
    new Function('document', 'window', 'matchMedia', 'getComputedStyle', script)(
      document,
      window,
      matchMedia,
      style,
    );
    for (const text of ['DEVICE', 'HOST', 'gemm <T>', 'other', 'main thread', 'waiting', '</script>']) {
      expect(drawn).toContain(text);
    }
  });
});

it('WGSL: a file a variant, its options and overrides at the head', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wgsl-'));
  try {
    const pipelines = [
      compiled('gemm', 'fn a() {}'),
      compiled('gemm', 'fn b() {}', { tile: 4 }),
      compiled('gemm', 'fn c() {}'), // the same name, other code
      { ...compiled('over', 'fn d() {}', {}), entryPoint: 'go', constants: { N: 3 } },
    ];
    const names = writeWgsl(folder, pipelines);
    expect(names).toEqual([
      'gemm_tile=8_bias=true.wgsl',
      'gemm_tile=4.wgsl',
      'gemm_tile=8_bias=true_2.wgsl',
      'over_go.wgsl',
    ]);
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    expect(read(names[0])).toBe(
      '// gemm, entry point main\n//   made for tile = 8\n//   made for bias = true\n\nfn a() {}\n',
    );
    expect(read(names[3])).toContain('// over, entry point go\n//   override N = 3\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
