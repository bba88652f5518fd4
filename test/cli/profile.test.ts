// `lockstep-gpu profile` as a user runs it: a piece with everything it writes, a file of the user's, wrong words.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { runCli } from './run-cli.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'profile-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);

it('step: JSON, trace, page and WGSL', async () => {
  const { code, stdout, stderr } = await runCli(
    `profile --config n8-k2 --runs 2 --steps 6 --json --trace ${at('t.json')} --html ${at('p.html')} --wgsl ${at('wgsl')}`,
  );
  expect(code, stderr).toBe(0);
  const report = JSON.parse(stdout) as Report;
  expect(report.title).toBe('6 training steps of 2 runs, n8-k2');
  const names = report.kernels.map(({ kernel }) => kernel);
  expect(names).toContain('close-window');
  for (const row of report.kernels) {
    expect(row.calls).toBeGreaterThan(0);
    expect(row.gbPerSecond).toBeGreaterThan(0);
    expect(['memory', 'arithmetic', 'neither']).toContain(row.bound);
  }
  expect(report.compiled.map(({ kernel }) => kernel)).toEqual(expect.arrayContaining(names));
  expect(report.overhead).toMatchObject({ estimated: false, noise: expect.any(Number) });
  const { traceEvents } = JSON.parse(readFileSync(at('t.json'), 'utf8'));
  expect(traceEvents.filter(({ cat }: { cat?: string }) => cat === 'kernel')).toHaveLength(
    report.kernels.reduce((sum, { calls }) => sum + calls, 0),
  );
  expect(readFileSync(at('p.html'), 'utf8')).toContain('<title>6 training steps of 2 runs, n8-k2</title>');
  const files = readdirSync(at('wgsl'));
  for (const name of names) expect(files.some((file) => file.startsWith(name))).toBe(true);
});

it('a file of the user`s, with arguments, that awaits nothing at its end', async () => {
  writeFileSync(
    at('train.ts'),
    `import { matmul, openDevice, tensor } from 'lockstep-gpu';
    async function main(rows: number) {
      using device = await openDevice();
      const a = tensor(Array.from({ length: rows }, () => [1, 2]));
      console.log('result', await matmul(a, tensor([[1], [2]])).toArray());
    }
    main(Number(process.argv[2]));`,
  );
  const { code, stdout, stderr } = await runCli(`profile ${at('train.ts')} --json -- 2`);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('result [ [ 5 ], [ 5 ] ]');
  const report = JSON.parse(stdout) as Report; // what the program prints is not in between
  expect(report.kernels).toMatchObject([{ kernel: 'matmul', calls: 1, flops: 2 * 2 * 2 }]);
  expect(report.overhead.estimated).toBe(true);
});

it.each([
  ['profile walk', "Unknown piece 'walk'; there are step, bench, kernels"],
  ['profile step more', 'step takes no arguments'],
  ['profile nowhere.ts', 'There is no file nowhere.ts'],
  ['profile --runs 0', 'whole number'],
  ['profile --config x', "Unknown configuration 'x'"],
])('%s: what is wrong', async (args, message) => {
  const { code, stderr } = await runCli(args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
