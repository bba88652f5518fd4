/**
 * How long a fresh process takes from nothing to the first trained chunk, with the driver's shader cache empty and
 * filled: opening the device, then compiling the kernels. compile-child.ts is the process.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Context, Report, Section } from '../section.js';
import { spread } from '../statistics.js';

export interface CompileTime {
  open: number;
  first: number;
}

const JITI = join(dirname(createRequire(import.meta.url).resolve('jiti/package.json')), 'lib/jiti-cli.mjs');
const CHILD = fileURLToPath(new URL('./compile-child.ts', import.meta.url));

async function child(strategy: string, features: number, cache: string): Promise<CompileTime> {
  const env = { ...process.env, MESA_SHADER_CACHE_DIR: cache };
  const { stdout } = await promisify(execFile)(process.execPath, [JITI, CHILD, strategy, `${features}`], {
    env,
  });
  return JSON.parse(stdout) as CompileTime;
}

async function run({ rounds, quick, say }: Context): Promise<Report> {
  const cases = [
    ['feature-isolation', 32],
    ['multi-epoch', 32],
    ['multi-epoch', 64],
  ] as const;
  const results: { strategy: string; features: number; cold: CompileTime[]; warm: CompileTime[] }[] = [];
  for (const [strategy, features] of quick ? cases.slice(0, 1) : cases) {
    const result = { strategy, features, cold: [] as CompileTime[], warm: [] as CompileTime[] };
    for (let round = 1; round <= Math.min(2, rounds); round++) {
      say(`compiling, ${strategy} n${features}, round ${round}`);
      const cache = mkdtempSync(join(tmpdir(), 'lockstep-shaders-'));
      try {
        result.cold.push(await child(strategy, features, cache));
        result.warm.push(await child(strategy, features, cache));
      } finally {
        rmSync(cache, { recursive: true, force: true });
      }
    }
    results.push(result);
  }
  const cell = (list: readonly CompileTime[], key: keyof CompileTime) =>
    spread(
      list.map((time) => time[key]),
      0,
    );
  return {
    samples: results,
    tables: [
      {
        title: 'Compile times: milliseconds in a fresh process',
        head: ['strategy', 'N', 'open, cold', 'first chunk, cold', 'open, warm', 'first chunk, warm'],
        rows: results.map(({ strategy, features, cold, warm }) => [
          strategy,
          features,
          cell(cold, 'open'),
          cell(cold, 'first'),
          cell(warm, 'open'),
          cell(warm, 'first'),
        ]),
        notes: [
          'Host clock. Cold: an empty shader cache of Mesa (MESA_SHADER_CACHE_DIR); warm: what the cold process left there.',
          'First chunk: from trainLockstep to the first progress of two runs; choosing a kernel is part of it.',
        ],
      },
    ],
  };
}

export const compile: Section = { name: 'compile', title: 'Compile times', run };
