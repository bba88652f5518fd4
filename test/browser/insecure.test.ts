// A page by http under a name that is not this machine's own has no navigator.gpu, in a real browser too; it is told why.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { bundled } from './bundle.js';
import { findChromium, reportOf } from './chromium.js';

const chromium = findChromium();
const TIMEOUT_MS = 60_000;

const SCRIPT = `
  import { openDevice } from './src/adapter/open.ts';
  const error = await openDevice().catch((reason) => reason);
  const report = { gpu: 'gpu' in navigator, code: error.code, message: error.message };
  await fetch('/report', { method: 'POST', body: JSON.stringify(report) });`;

if (!chromium) {
  it.skip('an insecure page: no Chromium or Chrome is installed; CHROME_PATH can name one', () => {});
} else {
  it('a page over http from elsewhere is told that it is no secure context', async () => {
    const page = await bundled({
      stdin: { contents: SCRIPT, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
    });
    const report = await reportOf(chromium, page, TIMEOUT_MS, 'lan.test');
    expect(report).toMatchObject({ gpu: false, code: 'no-adapter' });
    expect(report).toMatchObject({
      message: expect.stringMatching(/http:\/\/lan\.test:\d+ is not a secure context.*https/),
    });
  });
}
