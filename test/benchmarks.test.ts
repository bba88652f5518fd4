// `npm run benchmark` measures, prints tables, and writes all samples; speed is not tested here.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lockstep-benchmark-'));

const benchmark = (...args: string[]) =>
  promisify(execFile)(process.execPath, [
    at('node_modules/jiti/lib/jiti-cli.mjs'),
    at('benchmarks/main.ts'),
    ...args,
  ]);

interface Written {
  machine: Record<string, unknown>;
  reports: {
    section: string;
    samples: { samples: Record<string, unknown>[] }[];
    tables: { head: unknown[]; rows: unknown[][] }[];
  }[];
}

it('a section’s table on the terminal and in Markdown, its samples in JSON', async () => {
  const [json, markdown] = ['out.json', 'out.md'].map((name) => join(folder, name));
  const args = ['--quick', '--rounds', '1', '--only', 'host', '--json', json, '--markdown', markdown];
  try {
    const { stdout, stderr } = await benchmark(...args);
    expect(stdout).toMatch(/Host share of a training/);
    expect(stderr).toMatch(/host: .*round 1/);
    const written: Written = JSON.parse(readFileSync(json, 'utf8'));
    expect(written.machine).toMatchObject({ node: process.version });
    const [report] = written.reports;
    expect(report.section).toBe('host');
    for (const { head, rows } of report.tables) for (const row of rows) expect(row).toHaveLength(head.length);
    const [{ samples }] = report.samples;
    expect(samples[0].loopShare).toBeGreaterThan(0);
    expect(samples[0].loopShare).toBeLessThan(1);
    const text = readFileSync(markdown, 'utf8');
    expect(text).toContain('`npm run benchmark -- --quick --rounds 1 --only host`');
    expect(text).toContain('| --- |');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('says which sections there are', async () => {
  await expect(benchmark('--only', 'stepp')).rejects.toThrow(/no section 'stepp'; there are step, /);
});
