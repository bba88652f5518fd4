/**
 * Networks of any shape in a headless Chromium on SwiftShader: what they come to there is what they come to in Node, on another
 * adapter. That this is right, test/lockstep/network/ says.
 */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { off, oracle } from '../lockstep/network/random-networks.js';
import { bundled } from './bundle.js';
import { findChromium, reportOf } from './chromium.js';
import type { PageReport } from './networks-page.js';
import { CASES, randomOutcomes } from './random-outcomes.js';

const chromium = findChromium();
const TIMEOUT_MS = 110_000;
/** Sums in float32 in another order, over up to six steps; far more than either is from the float64 oracle. */
const LOSS = 2e-5;
const WEIGHTS = 4e-5;
/** What comes nearer to a corner of its activations or its loss may fall on either side. */
const CORNER = 2e-6;
/** Beyond this loss, errors are multiplied by slopes that no training would survive. */
const MOST = 50;

const bundle = () => bundled({ entryPoints: [fileURLToPath(new URL('networks-page.ts', import.meta.url))] });

if (!chromium) {
  it.skip('networks in a browser: no Chromium or Chrome is installed; CHROME_PATH can name one', () => {});
} else {
  it('trains networks of random shapes as Node does', async () => {
    const page = await reportOf<PageReport>(chromium, await bundle(), TIMEOUT_MS);
    expect(page.error).toBeUndefined();
    expect(page.adapter).toMatch(/swiftshader/i);
    const device = await openDevice();
    const here = await randomOutcomes(device);
    device.destroy();
    let compared = 0;
    for (const [k, one] of CASES.entries()) {
      const { steps, nearest } = oracle(one);
      const [there, ours, name] = [page.runs[k], here[k], JSON.stringify(one)];
      expect(there.losses.length, name).toBe(one.steps);
      expect(there.weights.length, name).toBe(ours.weights.length);
      if (nearest < CORNER || steps.some(({ loss }) => !(loss < MOST))) continue;
      compared++;
      there.losses.forEach((loss, s) => {
        expect(off(loss, ours.losses[s]), `${name}, step ${s}`).toBeLessThan(LOSS);
      });
      expect(there.accuracies, name).toEqual(ours.accuracies);
      expect(Math.max(...there.weights.map((w, j) => off(w, ours.weights[j]))), name).toBeLessThan(WEIGHTS);
    }
    expect(compared).toBeGreaterThan(CASES.length / 2);
  });
}
