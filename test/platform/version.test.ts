import { expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { version } from '../../src/platform/version.js';

it('the version that the program says is the package’s', () => {
  expect(version).toBe(manifest.version);
});
