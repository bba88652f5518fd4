// Random networks in lockstep against the float64 oracle (test/network/reference.ts), in both forms of the kernel: losses and
// accuracies step by step, and the weights at the end.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import fc from '../../properties.js';
import { useForm } from './forms.js';
import { networkOutcomes } from './outcomes.js';
import { anyCase, type Case, materialize, off, oracle, spread } from './random-networks.js';

/** The device's last roundings, of losses and of weights; most runs keep within 3e-7. */
const ROUNDINGS = 2e-6;
/** How many times as far as its twins of blurred numbers (see `spread`) a run may be. */
const SPREADS = 4;
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

async function compare(cases: readonly Case[]): Promise<number> {
  const expected = cases.map((one) => oracle(one));
  const runs = cases.map((one) => materialize(one).run);
  const trained = await networkOutcomes(device, { runs, logInterval: 1 });
  let compared = 0;
  for (const [k, outcome] of expected.entries()) {
    const { steps, parameters, nearest } = outcome;
    const { windows, finish } = trained[k];
    if (nearest < CORNER || steps.some((step) => !(step.loss < MOST))) continue;
    compared++;
    const name = JSON.stringify(cases[k]);
    const spreads = spread(cases[k], outcome);
    const within = (distance: number) => ROUNDINGS + SPREADS * distance;
    expect(windows.length, name).toBe(cases[k].steps);
    for (const [s, { loss, hits, counted }] of steps.entries()) {
      expect(
        off(windows[s].loss, loss),
        `${name}, loss of step ${s}: ${windows[s].loss} for ${loss}`,
      ).toBeLessThan(within(spreads.losses[s]));
      if (!Number.isNaN(windows[s].accuracy))
        expect(windows[s].accuracy, `${name}, step ${s}`).toBe(hits / counted);
    }
    const weights = Object.values(finish!.weights).flatMap(({ data }) => [...data]);
    expect(weights.length).toBe(parameters.length);
    const worst = Math.max(...weights.map((w, j) => off(w, parameters[j])));
    expect(worst, `${name}, weights`).toBeLessThan(within(spreads.parameters));
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
