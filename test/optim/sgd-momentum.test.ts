// The velocity of SGD begins at a parameter's own first gradient with momentum, whatever its step count: against PyTorch
// (test/fixtures/torch/sgd-momentum.json, made by sgd_momentum_reference.py beside it).
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { SGD } from '../../src/optim/index.js';
import { tensor } from '../../src/tensor/create.js';
import { firstDifference, type Tolerance } from '../tolerances.js';

const url = new URL('../fixtures/torch/sgd-momentum.json', import.meta.url);
const fixture = JSON.parse(readFileSync(url, 'utf8')) as {
  momenta: number[];
  hasGradient: boolean[][];
  paths: { nesterov: boolean; dampening: number; steps: number[][][] }[];
};
/** Eight float32 steps in two orders of rounding. */
const EIGHT_STEPS: Tolerance = { atol: 1e-6, rtol: 1e-6 };

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const settingsOf = (dampening: number, nesterov: boolean) => ({
  lr: 0.1,
  momentum: 0.9,
  dampening,
  weightDecay: 0.01,
  nesterov,
});

it.each(fixture.paths)('nesterov $nesterov, dampening $dampening', async ({ nesterov, dampening, steps }) => {
  const params = [tensor([1, -0.5], { requiresGrad: true }), tensor([0.25, 2], { requiresGrad: true })];
  let optimizer = new SGD(params, settingsOf(dampening, nesterov));
  for (const [t, expected] of steps.entries()) {
    // Halfway through, the state goes over to another optimizer.
    if (t === 4) {
      const next = new SGD(params, settingsOf(dampening, nesterov));
      next.loadStateDict(optimizer.stateDict());
      optimizer.dispose();
      optimizer = next;
    }
    optimizer.groups[0].momentum = nesterov ? 0.9 : fixture.momenta[t];
    params.forEach((p, i) => {
      p.grad?.dispose();
      const gradient = [0.5 + t, -1 + 0.25 * t].map((g) => g * (i + 1));
      p.grad = fixture.hasGradient[t][i] ? tensor(gradient) : null;
    });
    optimizer.step();
    for (const [i, p] of params.entries()) {
      const where = firstDifference(await p.data(), expected[i], EIGHT_STEPS);
      expect(where, `parameter ${i} after step ${t + 1}`).toBeUndefined();
    }
  }
});
