// The same code runs in a browser: examples as they stand, bundled, in a headless Chromium on SwiftShader.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { findChromium, reportOf } from './chromium.js';

const chromium = findChromium();
const TIMEOUT_MS = 60_000;

interface PageReport {
  lines: string[];
  error?: string;
}

/** A page that runs the example and reports what it logged. */
async function pageOf(example: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        const report = { lines: [] };
        console.log = (...values) => report.lines.push(values.join(' '));
        try {
          await import('./${example}.ts');
        } catch (error) {
          report.error = String(error);
        }
        await fetch('/report', { method: 'POST', body: JSON.stringify(report) });`,
      resolveDir: fileURLToPath(new URL('../../examples', import.meta.url)),
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  return outputFiles[0].text;
}

if (!chromium) {
  it.skip('examples in a browser: no Chromium or Chrome is installed; CHROME_PATH can name one', () => {});
} else {
  it.each([
    { example: 'xor', last: /^150 0\.00\d+$/ },
    { example: 'custom-op', last: /^step 200: loss 0\.0[01]/ },
  ])('$example learns in a browser', async ({ example, last }) => {
    const { lines, error } = await reportOf<PageReport>(chromium, await pageOf(example), TIMEOUT_MS);
    expect(error).toBeUndefined();
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toMatch(last);
  });
}
