// Training on fresh examples: the rows that the oracle makes, the same bits in any chunks and any company, one's own WGSL.
import '../../quick-to-compile.js';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { Device, NetworkLockstepOptions, NetworkRun } from '../../../src/index.js';
import { Generator, openDevice, samplers, trainLockstep } from '../../../src/index.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import { lossOf } from '../../../src/network/losses.js';
import { networkOf } from '../../../src/network/network.js';
import { optimizerOf } from '../../../src/network/optimizers.js';
import { initialWeights } from '../../../src/network/weights.js';
import { ReferenceNetwork } from '../../network/reference.js';
import { parityRow } from '../../network/sampler-rows.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());
afterEach(() => vi.restoreAllMocks());

const parity = { inputs: 6, secret: [1, 4], noise: 0.1, signs: true };
const network = { inputs: 6, layers: [{ units: 10, activation: 'tanh' as const }, { units: 1 }] };
const run: NetworkRun = {
  network,
  data: samplers.parity(parity),
  loss: 'hinge',
  optimizer: { lr: 0.01 },
  seed: 11,
};
/** The product of two numbers; with a parameter that is not 0 one of three classes, and the parameter in place of the last. */
const wgsl = `fn sample(e: Example) {
  let u = random(e, 0u);
  setInput(e, 0u, uniformOf(u.x));
  setInput(e, 1u, uniformOf(u.y));
  let which = below(u.z, 3u);
  let marked = select(f32(which), parameter(e, 0u), which == 2u);
  setTarget(e, 0u, select(marked, uniformOf(u.x) * uniformOf(u.y), parameter(e, 0u) == 0.0));
}`;
const own: NetworkRun = {
  network: { inputs: 2, layers: [{ units: 4, activation: 'relu' }, { units: 1 }] },
  data: {
    inputs: 2,
    wgsl,
    parameters: [0],
  },
  loss: 'mse',
};

/** Sums in float32 in another order than the oracle's, over 30 steps. */
const LOSS = 1e-5;

async function losses(
  runs: NetworkRun[],
  options: Partial<NetworkLockstepOptions> = {},
): Promise<number[][]> {
  const found: number[][] = runs.map(() => []);
  for await (const event of trainLockstep(device, {
    runs,
    maxSteps: 30,
    batchSize: 9,
    logInterval: 1,
    ...options,
  })) {
    if (event.type === 'window' || event.type === 'evaluation') found[event.run].push(event.loss);
  }
  return found;
}

it('trains on the rows that the options say', async () => {
  const [found] = await losses([run]);
  const checked = networkOf('run', network);
  const weights = initialWeights(checked, new Generator(11));
  const oracle = new ReferenceNetwork(
    checked,
    lossOf('run', 'hinge'),
    optimizerOf('run', { lr: 0.01 }),
    weights,
  );
  for (let step = 0; step < 30; step++) {
    const rows = Array.from({ length: 9 }, (_, number) => parityRow(parity, { seed: 11, step, number }));
    const { loss } = oracle.step({ x: rows.map(({ x }) => x), y: rows.map(({ y }) => [y]) });
    expect(Math.abs(found[step] - loss), `step ${step}`).toBeLessThan(LOSS);
  }
});

it('gives the same bits in other chunks and beside runs of other samplers and datasets', async () => {
  const evaluate = { data: samplers.parity(parity), every: 10, examples: 50 };
  const [alone] = await losses([{ ...run, evaluate }]);
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(7);
  const rows: NetworkRun = { ...own, data: { x: [[1, 2], [3, 4]], y: [1, 2] } }; // biome-ignore format: rows
  const [, , among] = await losses([own, rows, { ...run, evaluate }]);
  expect(among).toEqual(alone);
});

it("learns from a sampler of one's own", async () => {
  const [found] = await losses([{ ...own, optimizer: { lr: 0.05 } }], { maxSteps: 300, batchSize: 64 });
  expect(found[299]).toBeLessThan(found[0] / 10);
});

it("does not count what a sampler of one's own marks as ignored, by a class or by a number that is none", async () => {
  const marks = [
    { mark: 2, loss: { type: 'crossEntropy', ignoreIndex: 2 } },
    { mark: -1, loss: { type: 'crossEntropy', ignoreIndex: -1 } },
    { mark: -100, loss: 'crossEntropy' }, // PyTorch's default
  ] as const;
  const runs = marks.map(({ mark, loss }): NetworkRun => {
    const data = { inputs: 2, classes: 3, wgsl, parameters: [mark] };
    const evaluate = { data, examples: 300, every: 2 };
    return { network: { inputs: 2, layers: [{ units: 3 }] }, data, loss, seed: 1, evaluate };
  });
  const told: object[][] = [[], [], []];
  const options = { runs, maxSteps: 4, logInterval: 1, probes: ['gradientNorm'] as const };
  for await (const event of trainLockstep(device, options)) {
    if (event.type === 'window' || event.type === 'evaluation') told[event.run].push({ ...event, run: 0 });
  }
  expect(told[0]).toHaveLength(6);
  expect(told[1]).toEqual(told[0]);
  expect(told[2]).toEqual(told[0]);
});
