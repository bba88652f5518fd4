// The version in code is package.json's, and no module imports JSON.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { version } from '../../src/platform/version.js';

const src = fileURLToPath(new URL('../../src', import.meta.url));

it('the version that the program says is the package’s', () => {
  expect(version).toBe(manifest.version);
});

it('no module imports JSON: modules are published as they are, and Node reads JSON in its own way only', () => {
  const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  expect(sources.length).toBeGreaterThan(100);
  expect(sources.filter((file) => /from '[^']*\.json'/.test(readFileSync(join(src, file), 'utf8')))).toEqual(
    [],
  );
});
