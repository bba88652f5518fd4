/**
 * `npm run test:chromium [-- NAME…]`: the examples, bundled from a project with the packed tarball, in a headless Chromium on
 * SwiftShader, whose compiler takes longer than most of them train. Says of each whether it learned what it does in Node, and how
 * long it took. Not a part of `npm test`, which has the same bundles, and two examples of the sources in Chromium.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium, reportOf } from '../browser/chromium.js';
import { type LoggedReport, loggingPage } from '../browser/logging-page.js';
import { copyExamples, installPacked, LEARNED } from '../packed.js';
import { SHORTEST } from '../short-examples.js';

/** For a machine that is in use. */
const TIMEOUT_MS = 600_000;

async function problemOf(chromium: string, project: string, name: string): Promise<string | undefined> {
  const page = await loggingPage(project, `./${name}.ts`);
  const { lines, error } = await reportOf<LoggedReport>(chromium, page, TIMEOUT_MS);
  if (error !== undefined) return error;
  const printed = `${lines.join('\n')}\n`;
  return LEARNED[name].test(printed) ? undefined : `it printed:\n${printed}`;
}

async function main(names: string[]): Promise<void> {
  const unknown = names.find((name) => !(name in LEARNED));
  if (unknown)
    throw new Error(`there is no example ${unknown}; there are ${Object.keys(LEARNED).join(', ')}`);
  const chromium = findChromium();
  if (!chromium) throw new Error('no Chromium or Chrome is installed; CHROME_PATH can name one');
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep-chromium-examples-')));
  try {
    installPacked(project);
    copyExamples(project, SHORTEST);
    for (const name of names.length > 0 ? names : Object.keys(LEARNED)) {
      const start = performance.now();
      const problem = await problemOf(chromium, project, name).catch(String);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      console.log(`${name.padEnd(15)} ${seconds.padStart(6)} s  ${problem ?? 'learned'}`);
      if (problem !== undefined) process.exitCode = 1;
    }
  } finally {
    rmSync(project, { recursive: true, force: true, maxRetries: 5 });
  }
}

await main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`test:chromium: ${error.message}`);
  process.exitCode = 1;
});
