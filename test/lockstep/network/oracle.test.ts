// Random networks in lockstep against the float64 oracle (test/network/reference.ts), in both forms of the kernel: losses and
// accuracies step by step, and the weights at the end.
import '../../quick-to-compile.js';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import type { OptimizerDescription } from '../../../src/network/optimizers.js';
import * as samplers from '../../../src/network/samplers.js';
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
    if (nearest < CORNER || steps.some((step) => step.counted > 0 && !(step.loss < MOST))) continue;
    compared++;
    const name = JSON.stringify(cases[k]);
    const spreads = spread(cases[k], outcome);
    const within = (distance: number) => ROUNDINGS + SPREADS * distance;
    expect(windows.length, name).toBe(cases[k].steps);
    for (const [s, { loss, hits, counted }] of steps.entries()) {
      if (counted === 0) expect(windows[s].loss, `${name}, step ${s}`).toBeNaN();
      else
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

it('goes on after a batch of which nothing counts, as PyTorch does: it has no loss, and a gradient of 0', async () => {
  const optimizers: OptimizerDescription[] = [
    { lr: 0.02, eps: 1e-3 },
    { type: 'adam', lr: 0.02, weightDecay: 0.1, eps: 1e-3 },
    { type: 'sgd', lr: 0.1, weightDecay: 0.1 },
    { type: 'sgd', lr: 0.1, momentum: 0.9 },
  ];
  const cases = optimizers.map((optimizer, k): Case => {
    const loss = { type: 'crossEntropy' as const, ignoreIndex: 1 };
    const network = { inputs: 5, layers: [{ units: 7, activation: 'tanh' as const }, { units: 3 }] };
    const of = { examples: 41, batchSize: 1 + (k % 2), steps: 30, inputs: 'floats' as const };
    return { seed: 3 + k, network, loss, optimizer, ...of };
  });
  expect(await compare(cases)).toBe(cases.length);
  const runs = cases.map((one) => ({ ...materialize(one).run, probes: ['gradientNorm' as const] }));
  const trained = await networkOutcomes(device, { runs, logInterval: 10 });
  for (const [k, { windows, finish }] of trained.entries()) {
    expect(finish!.reason).toBe('max-steps');
    const { steps } = oracle(cases[k]);
    expect(steps.filter(({ counted }) => counted === 0).length).toBeGreaterThan(0);
    let begin = 0;
    for (const { step, loss, accuracy, probes } of windows) {
      const counting = steps.slice(begin, step).filter(({ counted }) => counted > 0);
      const sum = (of: (step: (typeof steps)[number]) => number) =>
        counting.reduce((total, one) => total + of(one), 0);
      expect(off(loss, sum((one) => one.loss) / counting.length)).toBeLessThan(1e-4);
      expect(accuracy).toBe(sum((one) => one.hits) / sum((one) => one.counted));
      begin = step;
      const { all } = probes!.gradientNorm!;
      if (steps[step - 1].counted === 0) expect(all).toBe(0);
      else expect(all).toBeGreaterThan(0);
    }
  }
});

it('goes on after a batch of fresh examples of which nothing counts', async () => {
  const data = samplers.parity({ inputs: 3, secret: [0, 2] });
  const network = { inputs: 3, layers: [{ units: 2 }] };
  const loss = { type: 'crossEntropy' as const, ignoreIndex: 1 };
  const run = { network, data, loss, batchSize: 1, maxSteps: 20, probes: ['gradientNorm' as const] };
  const [{ windows, finish }] = await networkOutcomes(device, { runs: [run], logInterval: 1 });
  expect(finish!.reason).toBe('max-steps');
  const ignored = windows.filter(({ loss: of }) => Number.isNaN(of));
  expect(ignored.length).toBeGreaterThan(3);
  expect(ignored.length).toBeLessThan(17);
  for (const { loss: of, probes } of windows) {
    if (Number.isNaN(of)) expect(probes!.gradientNorm!.all).toBe(0);
    else expect(probes!.gradientNorm!.all).toBeGreaterThan(0);
  }
});
