// The same code runs in a browser: examples as they stand, bundled, in a headless Chromium on SwiftShader.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { findChromium, reportOf } from './chromium.js';
import { type LoggedReport, loggingPage } from './logging-page.js';

const chromium = findChromium();
const TIMEOUT_MS = 60_000;

const examples = fileURLToPath(new URL('../../examples', import.meta.url));

if (!chromium) {
  it.skip('examples in a browser: no Chromium or Chrome is installed; CHROME_PATH can name one', () => {});
} else {
  it.each([
    { example: 'xor', last: /^150 0\.00\d+$/ },
    { example: 'custom-op', last: /^step 200: loss 0\.0[01]/ },
  ])('$example learns in a browser', async ({ example, last }) => {
    const page = await loggingPage(examples, `./${example}.ts`);
    const { lines, error } = await reportOf<LoggedReport>(chromium, page, TIMEOUT_MS);
    expect(error).toBeUndefined();
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toMatch(last);
  });
}
