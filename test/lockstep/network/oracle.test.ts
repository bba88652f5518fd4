// Random networks in lockstep against the float64 oracle (test/network/reference.ts), in both forms of the kernel: losses and
// accuracies step by step, and the weights at the end.
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import { useForm } from './forms.js';
import { networkOutcomes } from './outcomes.js';
import { anyCase, type Case, materialize, oracle } from './random-networks.js';

/** Sums of up to a thousand products through up to eight layers, in float32. */
const LOSS = 1e-5;
const WEIGHTS = 2e-5;
/** What comes nearer to a corner than this may rightly fall on its other side. */
const CORNER = 2e-6;
/** Beyond it, errors are multiplied by slopes that no training would survive. */
const MOST = 50;

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());
afterEach(() => {
  vi.restoreAllMocks();
});

const off = (got: number, wanted: number): number => Math.abs(got - wanted) / Math.max(1, Math.abs(wanted));

async function compare(cases: readonly Case[]): Promise<number> {
  const expected = cases.map(oracle);
  const runs = cases.map((one) => materialize(one).run);
  const trained = await networkOutcomes(device, { runs, logInterval: 1 });
  let compared = 0;
  for (const [k, { steps, parameters, nearest }] of expected.entries()) {
    const { windows, finish } = trained[k];
    if (nearest < CORNER || steps.some((step) => !(step.loss < MOST))) continue;
    compared++;
    const name = JSON.stringify(cases[k]);
    expect(windows.length, name).toBe(cases[k].steps);
    for (const [s, { loss, hits, counted }] of steps.entries()) {
      expect(
        off(windows[s].loss, loss),
        `${name}, loss of step ${s}: ${windows[s].loss} for ${loss}`,
      ).toBeLessThan(LOSS);
      if (!Number.isNaN(windows[s].accuracy))
        expect(windows[s].accuracy, `${name}, step ${s}`).toBe(hits / counted);
    }
    const weights = Object.values(finish!.weights).flatMap(({ data }) => [...data]);
    expect(weights.length).toBe(parameters.length);
    const worst = Math.max(...weights.map((w, j) => off(w, parameters[j])));
    expect(worst, `${name}, weights`).toBeLessThan(WEIGHTS);
  }
  return compared;
}

describe.each(['lanes', 'blocks'] as const)('the kernel by %s', (form) => {
  it('trains networks of any shape as the oracle does', async () => {
    useForm(form);
    let cases = 0;
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyCase, { minLength: 1, maxLength: 12 }), async (list) => {
        cases += list.length;
        compared += await compare(list);
      }),
      { numRuns: 12 },
    );
    expect(compared).toBeGreaterThan(0.6 * cases);
  });
});
