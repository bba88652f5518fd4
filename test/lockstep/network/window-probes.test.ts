// Probes of examples where a window closes, against float64: those of the last step's batch, by the network after that step.
import '../../quick-to-compile.js';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import {
  type Device,
  Generator,
  type HostStateDict,
  type NetworkDescription,
  type NetworkLockstepEvent,
  type NetworkLockstepOptions,
  type NetworkProbe,
  type NetworkProbed,
  type NetworkRun,
  openDevice,
  samplers,
  trainLockstep,
} from '../../../src/index.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import { ACTIVATIONS } from '../../../src/network/activations.js';
import { type LossDescription, lossOf } from '../../../src/network/losses.js';
import { networkOf } from '../../../src/network/network.js';
import { optimizerOf } from '../../../src/network/optimizers.js';
import { type Batch, ReferenceNetwork } from '../../network/reference.js';
import { parityRow } from '../../network/sampler-rows.js';
import { weightBits } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());
afterEach(() => vi.restoreAllMocks());

/** Outputs and gradients of some tenths in float32, whose sums are over at most 203 examples in another order. */
const ROUNDED = 1e-5;
/** Nearer to 0 than this, float32 may have a unit on the other side. */
const CORNER = 1e-6;

/** A run, and the rows and targets of the batch of one of its steps. */
interface Case {
  network: NetworkDescription;
  loss: LossDescription;
  run: NetworkRun;
  batchOf: (step: number, examples?: number, stream?: number) => Batch;
}

const own = {
  name: 'mixed',
  wgsl: 'fn probe(e: Example) -> f32 { return inputOf(e, 1u) * unitOf(e, 0u, 2u) + outputOf(e, 0u) * targetOf(e, 0u); }',
};
const subsets = [[0], [3, 1], [0, 1, 2, 4]];
const probes: NetworkProbe[] = ['norms', 'gradientNorm', 'activeUnits', { parities: subsets }, own];

/** A run on a dataset of uniform numbers; the targets are classes, of which class 1 is ignored, or numbers. */
function ofDataset(
  examples: number,
  batchSize: number,
  hidden: number,
  seed: number,
  loss: LossDescription,
): Case {
  const isClass = typeof loss === 'object';
  const generator = new Generator(seed);
  const x = new Float32Array(examples * 5);
  generator.uniform(x, -1, 1);
  const rows = Array.from({ length: examples }, (_, k) => [...x.slice(5 * k, 5 * k + 5)]);
  const y = rows.map(([a, b], k) => (isClass ? (k * k) % 3 : a * b));
  const layers = [
    { units: hidden, activation: 'tanh' as const },
    { units: 6, activation: 'relu' as const, bias: false },
    { units: isClass ? 3 : 1 },
  ];
  const order = new Generator(seed + 1);
  const batches: number[][] = [];
  const batchAt = (step: number): number[] => {
    while (batches.length <= step) {
      const epoch = [...order.randperm(examples)];
      while (epoch.length > 0) batches.push(epoch.splice(0, batchSize));
    }
    return batches[step];
  };
  const network = { inputs: 5, layers };
  return {
    network,
    loss,
    run: { network, data: { x, y }, loss, batchSize, seed, orderSeed: seed + 1 },
    batchOf: (step) => ({ x: batchAt(step).map((r) => rows[r]), y: batchAt(step).map((r) => [y[r]]) }),
  };
}

function ofSampler(batchSize: number, loss: LossDescription, options: object = {}): Case {
  const isClass = typeof loss === 'object';
  const parity = { inputs: 6, secret: [1, 4], noise: 0.1, signs: true };
  const network = {
    inputs: 6,
    layers: [{ units: 13, activation: 'relu' as const }, { units: isClass ? 2 : 1 }],
  };
  return {
    network,
    loss,
    run: { network, data: samplers.parity(parity), loss, batchSize, seed: 11, ...options },
    batchOf: (step, examples = batchSize, stream = 0) => {
      const drawn = Array.from({ length: examples }, (_, number) =>
        parityRow(parity, { seed: 11, step, number, stream }),
      );
      return { x: drawn.map(({ x }) => x), y: drawn.map(({ y }) => [y]) };
    },
  };
}

type Window = Extract<NetworkLockstepEvent, { type: 'window' }>;
type Options = Omit<NetworkLockstepOptions, 'runs'>;

/** What runs without settings of their own come to: 21 steps, of which the last is amid an interval. */
async function trained(runs: readonly NetworkRun[], options: Partial<Options> = {}, on = device) {
  const told = runs.map(() => ({
    windows: [] as Window[],
    evaluations: [] as unknown[],
    weights: {} as HostStateDict,
  }));
  for await (const event of trainLockstep(on, {
    runs: [...runs],
    maxSteps: 21,
    logInterval: 10,
    ...options,
  })) {
    if (event.type === 'window') told[event.run].windows.push(event);
    if (event.type === 'evaluation') told[event.run].evaluations.push(event);
    if (event.type === 'finish') told[event.run].weights = await event.weights();
  }
  return told;
}

const CLOSES = [1, 10, 20, 21];

/** The outputs of each layer in float64, by example. */
function layersOf({ network }: Case, weights: HostStateDict, rows: Batch['x']): number[][][] {
  let values = rows;
  return networkOf('', network).layers.map(({ place, activation }) => {
    const { data: w, shape } = weights[`${place}.weight`];
    const bias = weights[`${place}.bias`]?.data ?? new Float32Array(shape[0]);
    const rule = ACTIVATIONS[activation.type];
    const outputs = values.map((row) =>
      Array.from({ length: shape[0] }, (_, u) =>
        rule.value(
          row.reduce((sum, v, i) => sum + v * w[u * shape[1] + i], bias[u]),
          activation.parameter,
        ),
      ),
    );
    values = outputs;
    return outputs;
  });
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const root = (values: readonly number[]) => Math.sqrt(values.reduce((sum, g) => sum + g * g, 0));

/** What these weights' probes say of this batch, against float64. */
function expectProbed(one: Case, found: NetworkProbed, weights: HostStateDict, batch: Batch, where: string) {
  const layers = layersOf(one, weights, batch.x);
  expect(Object.keys(found).toSorted()).toEqual(['activeUnits', 'gradientNorm', 'norms', 'own', 'parities']);
  expect(found.activeUnits!.length).toBe(layers.length - 1);
  found.activeUnits!.forEach(({ units }, l) => {
    units.forEach((share, u) => {
      const outputs = layers[l].map((row) => row[u]);
      const open = outputs.filter((y) => Math.abs(y) < CORNER && y !== 0).length;
      const off = Math.abs(share * outputs.length - outputs.filter((y) => y > 0).length);
      expect(off, `${where}: layer ${l}, unit ${u}`).toBeLessThanOrEqual(open + 1e-9);
    });
  });
  const last = layers[layers.length - 1];
  subsets.forEach((inputs, k) => {
    const signs = batch.x.map((row) => inputs.reduce((p, i) => (row[i] > 0 ? p : -p), 1));
    found.parities![k].forEach((coefficient, o) => {
      const expected = mean(last.map((row, b) => row[o] * signs[b]));
      expect(Math.abs(coefficient - expected), `${where}: ${inputs}`).toBeLessThan(ROUNDED);
    });
  });
  const mixed = mean(batch.x.map((row, b) => row[1] * layers[0][b][2] + last[b][0] * batch.y[b][0]));
  expect(Math.abs(found.own!.mixed - mixed), where).toBeLessThan(ROUNDED);
  // A step of SGD of length 1 goes against the gradient.
  const sgd = optimizerOf('', { type: 'sgd', lr: 1 });
  const reference = new ReferenceNetwork(networkOf('', one.network), lossOf('', one.loss), sgd, weights);
  const before = reference.parameters();
  reference.step(batch);
  const gradient = reference.parameters().map((after, k) => before[k] - after);
  expect(root(gradient), where).toBeGreaterThan(100 * ROUNDED);
  expect(Math.abs(found.gradientNorm!.all - root(gradient)), where).toBeLessThan(ROUNDED);
  let at = 0;
  for (const [name, { data, shape }] of Object.entries(weights)) {
    const rows = Array.from({ length: shape[0] }, (_, u) => {
      const length = data.length / shape[0];
      return gradient.slice(at + u * length, at + (u + 1) * length);
    });
    at += data.length;
    found.gradientNorm!.units[name].forEach((norm, u) => {
      expect(Math.abs(norm - root(rows[u])), `${where}: unit ${u} of ${name}`).toBeLessThan(ROUNDED);
    });
  }
}

/** Whole epochs and parts of them, batches amid and beyond 32 examples and a tile, an ignored class, fresh examples. */
const cases: Case[] = [
  ofDataset(50, 8, 64, 3, 'mse'),
  ofDataset(37, 37, 9, 5, { type: 'crossEntropy', ignoreIndex: 1 }),
  ofDataset(203, 61, 5, 7, { type: 'crossEntropy', ignoreIndex: 1 }),
  ofSampler(9, 'hinge'),
];
const withProbes = cases.map(({ run }) => ({ ...run, probes }));
const weightsAfter = async (runs: readonly NetworkRun[], steps: number) =>
  (await trained(runs, { maxSteps: steps })).map(({ weights }) => weights);

it('are of the batch of its last step and of the weights after it, without an evaluation and beside one', async () => {
  const bare = cases.map(({ run }) => run);
  const alone = await trained(withProbes);
  const after: HostStateDict[][] = [];
  for (const steps of CLOSES) after.push(await weightsAfter(bare, steps));
  alone.forEach(({ windows, weights }, k) => {
    expect(weightBits(weights), `run ${k}`).toEqual(weightBits(after[3][k]));
    expect(windows.map(({ step }) => step)).toEqual(CLOSES);
    windows.forEach(({ step, probes: found }, w) => {
      expectProbed(cases[k], found!, after[w][k], cases[k].batchOf(step - 1), `run ${k}, step ${step}`);
    });
  });
  // Evaluations that fall on windows and between them, of the same memory.
  const evaluated = (run: NetworkRun) => ({
    ...run,
    evaluate: { data: run.data!, every: 5, examples: undefined },
  });
  const beside = await trained(withProbes.map(evaluated));
  expect(beside.map(({ windows }) => windows)).toEqual(alone.map(({ windows }) => windows));
  for (const work of [0, 40_000]) {
    vi.spyOn(NetworkPacer.prototype, 'mostWork', 'get').mockReturnValue(work);
    vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(4);
    expect(await trained(withProbes.map(evaluated))).toEqual(beside);
  }
  // The whole set is the batch: two ways to the same numbers.
  const [window, evaluation] = [beside[1].windows[3], beside[1].evaluations.at(-1) as Window];
  expect(evaluation.step).toBe(21);
  expect(Math.abs(window.probes!.gradientNorm!.all - evaluation.probes!.gradientNorm!.all)).toBeLessThan(
    ROUNDED,
  );
});

it('are of the examples that a sampler made, also where it makes some of a class that is ignored', async () => {
  const one = ofSampler(70, { type: 'crossEntropy', ignoreIndex: 1 }, { probes });
  const evaluate = { data: one.run.data!, every: 10, examples: 203 };
  const [{ windows, evaluations }] = await trained([{ ...one.run, evaluate }]);
  const [weights] = await weightsAfter([one.run], 20);
  expectProbed(one, windows[2].probes!, weights, one.batchOf(19), 'step 20');
  const { norms: _, ...ofSet } = { norms: 0, ...(evaluations[1] as Window).probes! };
  expectProbed(one, { norms: {} as never, ...ofSet }, weights, one.batchOf(20, 203, 1), 'evaluation');
});

it('are the same in a run that goes on from a checkpoint', async () => {
  const run = withProbes[2];
  const saved: NetworkRun[] = [];
  const whole: Window[] = [];
  const options = { runs: [run], maxSteps: 21, logInterval: 10, checkpointSeconds: 0 };
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(3);
  for await (const event of trainLockstep(device, options)) {
    if (event.type === 'checkpoint') saved.push({ ...run, checkpoint: event.runs[0].checkpoint });
    if (event.type === 'window') whole.push(event);
  }
  for (const steps of [10, 13]) {
    const from = saved.find(({ checkpoint }) => checkpoint!.steps === steps)!;
    const [{ windows }] = await trained([from]);
    expect(windows).toEqual(whole.slice(2));
  }
});
