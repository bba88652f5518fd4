/**
 * Fingerprints differ if evaluations do: in every field of a fingerprint, every file of a strategy, and every
 * bit of a dataset.
 */
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import {
  checkFingerprint,
  datasetDigest,
  differences,
  type Fingerprint,
} from '../../src/bench/fingerprint.js';
import { sourceDigests } from '../../src/bench/source-files.js';
import { summaryConfig } from '../../src/bench/summary-config.js';
import { makeTask } from '../../src/bench/task.js';
import { BitMatrix, BitVector } from '../../src/tensor/bits.js';
import fc from '../properties.js';

const print: Fingerprint = {
  strategy: 'mine',
  source: { 'mine.ts': 'aa', 'lib/rows.ts': 'bb' },
  optimizer: { lr: 0.1, weightDecay: 0, betas: [0.9, 0.99] },
  config: summaryConfig(makeTask('n8-k2', 'smoke'), 42),
  kernel: 'auto',
  datasets: ['d0', null],
};

test('every field counts, and the sentence names it', () => {
  expect(differences(print, structuredClone(print))).toEqual([]);
  for (const part of ['optimizer', 'config', 'source'] as const) {
    for (const name of Object.keys(print[part])) {
      const changed = structuredClone(print) as unknown as Record<string, Record<string, unknown>>;
      changed[part][name] = 0.5;
      const [said, ...more] = differences(print, changed as unknown as Fingerprint);
      expect(said).toContain(name);
      expect(said).toContain(
        name === 'seed' ? 'seed' : { optimizer: 'optimizer', config: 'task', source: 'source' }[part],
      );
      expect(more).toEqual([]);
    }
  }
  expect(differences(print, { ...print, kernel: 'portable' })).toEqual(['kernel was auto and is portable']);
  expect(differences(print, { ...print, strategy: 'other' })).toEqual(['strategy was mine and is other']);
  expect(differences(print, { ...print, source: { 'mine.ts': 'aa', 'new.ts': 'cc' } })).toEqual([
    'source lib/rows.ts is gone',
    'source new.ts is new',
  ]);
  expect(() => checkFingerprint('The checkpoint', print, { ...print, kernel: 'portable' })).toThrow(
    expect.objectContaining({
      code: 'bad-input',
      message: expect.stringMatching(
        /^The checkpoint is of another evaluation: kernel was auto and is portable\. /,
      ),
    }),
  );
});

test('a dataset that one of the two has not made says nothing; another one does', () => {
  expect(differences(print, { ...print, datasets: [null, 'd1'] })).toEqual([]);
  expect(differences(print, { ...print, datasets: ['dx', 'd1'] })).toEqual([
    'the dataset of secret 0 is another',
  ]);
});

test('a dataset’s digest changes with any of its bits, and with its shape', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint32Array({ minLength: 12, maxLength: 12 }),
      fc.nat({ max: 11 }),
      fc.nat({ max: 31 }),
      async (words, at, bit) => {
        const dataset = { x: new BitMatrix(12, 32, words), y: new BitVector(12, Uint32Array.of(5)) };
        const digest = await datasetDigest(dataset);
        expect(digest).toMatch(/^[0-9a-f]{64}$/);
        const other = words.slice();
        other[at] ^= 1 << bit;
        const changed = [
          { ...dataset, x: new BitMatrix(12, 32, other) },
          { ...dataset, x: new BitMatrix(6, 64, words) },
          { ...dataset, y: new BitVector(12, Uint32Array.of(5 ^ (1 << at))) },
        ];
        expect(await datasetDigest({ ...dataset, x: new BitMatrix(12, 32, words.slice()) })).toBe(digest);
        for (const one of changed) expect(await datasetDigest(one)).not.toBe(digest);
      },
    ),
    { numRuns: 20 },
  );
});

/** Writes files into a folder of their own and returns the path of the first. */
function project(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-source-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return join(folder, Object.keys(files)[0]);
}

test('the files of a strategy: every way to name a local one, and what those name', () => {
  const file = project({
    'main/mine.ts': `
      import a from './a.js'; import type { T } from "../types"; import { x } from 'lockstep-gpu/bench';
      export * from './sub'; const lazy = import(\`./lazy.mjs\`); const old = require('./old.cjs');
      const data = new URL('./rows.json', import.meta.url);
      import 'some-package'; const nothing = './not-there.ts';`,
    'main/a.ts': `import '../circle.js'; import b from './b'`,
    'main/b.tsx': '',
    'types.d.ts': '',
    'types.ts': '',
    'circle.js': `import './main/a.js'`,
    'main/sub/index.js': '',
    'main/lazy.mjs': `await import('./deep/deeper.ts')`,
    'main/deep/deeper.ts': '',
    'main/old.cjs': '',
    'main/rows.json': `["./stranger.ts"]`,
    'main/stranger.ts': '',
  });
  expect(Object.keys(sourceDigests(file))).toEqual([
    '../circle.js',
    '../types.ts',
    'a.ts',
    'b.tsx',
    'deep/deeper.ts',
    'lazy.mjs',
    'mine.ts',
    'old.cjs',
    'rows.json',
    'sub/index.js',
  ]);
});

test('a change in any of them shows, and a copy of all elsewhere does not', () => {
  const files = { 'mine.ts': `import './lib/a.ts'`, 'lib/a.ts': `import './b.ts'`, 'lib/b.ts': 'export {}' };
  const before = sourceDigests(project(files));
  expect(sourceDigests(project(files))).toEqual(before);
  for (const name of Object.keys(files)) {
    const after = sourceDigests(
      project({ ...files, [name]: `${files[name as keyof typeof files]} // edited` }),
    );
    expect(differences({ ...print, source: before }, { ...print, source: after })).toEqual([
      `source ${name} was changed`,
    ]);
  }
});

test('a file that is a link counts by what it holds', () => {
  const target = project({ 'there.ts': `import './beside.ts'`, 'beside.ts': '' });
  const link = join(mkdtempSync(join(tmpdir(), 'lockstep-source-')), 'there.ts');
  symlinkSync(target, link);
  expect(sourceDigests(link)).toEqual(sourceDigests(target));
  expect(Object.keys(sourceDigests(link))).toEqual(['beside.ts', 'there.ts']);
});
