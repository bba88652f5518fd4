// Every training kernel on the second adapter that a machine without a GPU can have: SwiftShader, in a headless Chromium.
// What it computes is compared with the float64 oracle; lavapipe's own tests are test/lockstep/.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { beforeAll, describe, expect, it } from 'vitest';
import { findChromium, reportOf } from './chromium.js';
import type { PageReport } from './kernels-page.js';

const chromium = findChromium();
/** As in lockstep/oracle.test.ts: roundings. */
const LOSS_TOLERANCE = 1e-5;
const WEIGHTS_TOLERANCE = 1e-4;
/** SwiftShader is some thirty times slower than lavapipe, and compiles anew each time. */
const TIMEOUT_MS = 110_000;

/** The page as one module, as a bundler makes it for browsers. */
async function bundle(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'lockstep-page-'));
  try {
    await build({
      entry: [fileURLToPath(new URL('kernels-page.ts', import.meta.url))],
      outDir,
      config: false,
      format: 'esm',
      platform: 'browser',
      noExternal: [/.*/],
      splitting: false,
      silent: true,
      dts: false,
    });
    return readFileSync(join(outDir, 'kernels-page.js'), 'utf8');
  } finally {
    rmSync(outDir, { recursive: true });
  }
}

if (!chromium) {
  it.skip('SwiftShader: no Chromium or Chrome is installed; CHROME_PATH can name one', () => {});
} else {
  describe('in a browser, on SwiftShader', () => {
    let page: PageReport;
    beforeAll(async () => {
      page = await reportOf<PageReport>(chromium, await bundle(), TIMEOUT_MS);
    });
    const reports = (kernel: string) => page.kernels.filter((report) => report.kernel === kernel);

    it('has the adapter that it asks for', () => {
      expect(page.error).toBeUndefined();
      expect(page.adapter).toMatch(/swiftshader/i);
    });

    it.each(['tiles-persistent', 'tiles-batched', 'portable'])(
      'the %s kernel does what the oracle does',
      (kernel) => {
        expect(reports(kernel)).toHaveLength(2);
        for (const { shape, refusal, ran, steps, ...errors } of reports(kernel)) {
          expect({ refusal, ran, steps }, shape).toEqual({ refusal: undefined, ran: [kernel], steps: 4 });
          expect(errors.lossError, shape).toBeLessThanOrEqual(LOSS_TOLERANCE);
          expect(errors.accuracyError, shape).toBeLessThanOrEqual(1e-12);
          expect(errors.weightsError, shape).toBeLessThanOrEqual(WEIGHTS_TOLERANCE);
        }
      },
    );

    it('the subgroup kernel does so too, or says why it cannot run', () => {
      for (const { shape, refusal, ran, steps, ...errors } of reports('subgroup')) {
        if (refusal !== undefined) {
          expect(refusal).toMatch(/^The subgroup kernel cannot train this: .+ kernel can\.$/);
          continue;
        }
        expect({ ran, steps }, shape).toEqual({ ran: ['subgroup'], steps: 4 });
        expect(errors.lossError, shape).toBeLessThanOrEqual(LOSS_TOLERANCE);
        expect(errors.weightsError, shape).toBeLessThanOrEqual(WEIGHTS_TOLERANCE);
      }
    });

    it('tiles-persistent and tiles-batched give the same bits', () => {
      const bits = (kernel: string) => reports(kernel).map((report) => report.bits);
      expect(bits('tiles-persistent')).toEqual(bits('tiles-batched'));
      expect(bits('tiles-persistent')[0]).toHaveLength(8 * 128);
    });
  });
}
