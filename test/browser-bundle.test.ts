// What a bundler makes of the library for browsers: no trace of Dawn's package, nothing of Node.
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { expect, it } from 'vitest';

it('a browser build imports nothing: neither `webgpu` nor a module of Node', async () => {
  const outDir = mkdtempSync(join(tmpdir(), 'lockstep-browser-'));
  await build({
    entry: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
    outDir,
    config: false,
    format: 'esm',
    platform: 'browser',
    noExternal: [/.*/],
    splitting: false,
    silent: true,
    dts: false,
  });
  expect(readdirSync(outDir)).toEqual(['index.js']);
  const code = readFileSync(join(outDir, 'index.js'), 'utf8');
  expect(code.length).toBeGreaterThan(50_000);
  const imported = [...code.matchAll(/\b(?:from|import|require)\s*\(?\s*(["'])(.*?)\1/g)].map(
    ([, , name]) => name,
  );
  expect(imported).toEqual([]);
});
