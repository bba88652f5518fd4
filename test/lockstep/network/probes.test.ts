// Probes against the same numbers in float64, of the weights that the run has at that step; training keeps its bits.
import '../../quick-to-compile.js';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type {
  Device,
  HostStateDict,
  NetworkLockstepEvent,
  NetworkLockstepOptions,
  NetworkProbe,
  NetworkProbed,
  NetworkRun,
} from '../../../src/index.js';
import { Generator, openDevice, samplers, trainLockstep } from '../../../src/index.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import { lossOf } from '../../../src/network/losses.js';
import { networkOf } from '../../../src/network/network.js';
import { optimizerOf } from '../../../src/network/optimizers.js';
import { ReferenceNetwork } from '../../network/reference.js';
import { weightBits } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

/** Of a sum of at most 130 squares in float32, rounded 16 + 9 times at most by 2^-24 each, and of its root. */
const SUM = 25 * 2 ** -24;

const generator = new Generator(3);
const x = new Float32Array(50 * 5);
generator.uniform(x, -1, 1);
const data = { x, y: Float32Array.from({ length: 50 }, (_, k) => x[5 * k] * x[5 * k + 1]) };

const network = (units: number, bias: boolean) => ({
  inputs: 5,
  layers: [
    { units, activation: 'tanh' as const, bias },
    { units: 7, activation: 'relu' as const },
    { units: 1 },
  ],
});
const probes: NetworkProbe[] = ['norms', 'distance'];
/** Columns of one workgroup, of two, one that ends amid the first; with the probes, with one, and with none. */
const runs: NetworkRun[] = [
  { network: network(64, true), probes },
  { network: network(130, false), probes: ['distance'] },
  { network: network(3, true) },
  { network: network(65, true), probes, optimizer: { type: 'sgd', lr: 0.1 } },
  { network: network(9, false), probes: ['norms'], batchSize: 3 },
];
const shared = { data, batchSize: 8, maxSteps: 21, logInterval: 10 };

interface Told {
  windows: Extract<NetworkLockstepEvent, { type: 'window' }>[];
  weights: HostStateDict;
}

async function told(of: readonly NetworkRun[], options: object = {}): Promise<Told[]> {
  const result: Told[] = [];
  for await (const event of trainLockstep(device, { runs: of, ...shared, ...options })) {
    if (event.type === 'window') {
      result[event.run] ??= { windows: [], weights: {} };
      result[event.run].windows.push(event);
    }
    if (event.type === 'finish') result[event.run].weights = await event.weights();
  }
  return result;
}

const root = (squares: number[]) => Math.sqrt(squares.reduce((a, b) => a + b, 0));
const near = (actual: number, expected: number, where: string) =>
  expect(Math.abs(actual - expected), where).toBeLessThanOrEqual(SUM * expected);

/** What probes of these weights have to say, in float64. */
function expectProbed(
  { norms, distance }: NetworkProbed,
  weights: HostStateDict,
  initial: HostStateDict,
  where: string,
) {
  const names = Object.keys(weights);
  const moved = (name: string) => Array.from(weights[name].data, (w, k) => w - initial[name].data[k]);
  if (norms) {
    expect(Object.keys(norms.parameters)).toEqual(names);
    near(norms.all, root(names.flatMap((name) => Array.from(weights[name].data, (w) => w * w))), where);
    for (const name of names) {
      const { data: values, shape } = weights[name];
      const squares = Array.from(values, (w) => w * w);
      near(norms.parameters[name], root(squares), `${where}, ${name}`);
      const row = values.length / shape[0];
      expect(norms.units[name]).toHaveLength(shape[0]);
      norms.units[name].forEach((norm, u) => {
        near(norm, root(squares.slice(u * row, (u + 1) * row)), `${where}, unit ${u} of ${name}`);
      });
    }
  }
  if (!distance) return;
  expect(Object.keys(distance.parameters)).toEqual(names);
  const of = [
    ['all', names, distance] as const,
    ...names.map((n) => [n, [n], distance.parameters[n]] as const),
  ];
  for (const [what, parts, { l2, max }] of of) {
    const values = parts.flatMap(moved);
    // A difference is rounded once more.
    expect(Math.abs(l2 - root(values.map((d) => d * d))), `${where}, ${what}`).toBeLessThan(
      (SUM + 2 ** -23) * l2,
    );
    expect(max).toBe(Math.fround(values.reduce((a, b) => Math.max(a, Math.abs(b)), 0)));
  }
}

/** The weights that the runs have after so many steps, trained without probes. */
const weightsAfter = async (steps: number) =>
  (
    await told(
      runs.map((run) => ({ ...run, probes: [] })),
      { maxSteps: steps },
    )
  ).map(({ weights }) => weights);

it('of the weights: norms and distances at the end of each window, whoever else trains; training has the same bits', async () => {
  const probed = await told(runs);
  // In other chunks, twice: the first training leaves the device with the buffers that it reads through.
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(4);
  expect(await told(runs)).toEqual(probed);
  const before = device.memory().bytes;
  await told(runs);
  expect(device.memory().bytes).toBe(before);
  vi.restoreAllMocks();
  const steps = [1, 10, 20, 21];
  const after = await Promise.all(steps.map(weightsAfter));
  // A step of no length leaves the initial weights.
  const still = { optimizer: { type: 'sgd' as const, lr: 0 } };
  const initial = await told(
    runs.map((run) => ({ ...run, ...still, probes })),
    { maxSteps: 1 },
  );
  for (const { windows } of initial) expect(windows[0].probes!.distance).toMatchObject({ l2: 0, max: 0 });
  probed.forEach(({ windows, weights }, run) => {
    expect(windows.map(({ step }) => step)).toEqual(steps);
    expect(weightBits(weights)).toEqual(weightBits(after[3][run]));
    windows.forEach(({ probes: found, step }, k) => {
      const asked = runs[run].probes ?? [];
      expect(Object.keys(found ?? {})).toEqual(probes.filter((name) => asked.includes(name as never)));
      expectProbed(found ?? {}, after[k][run], initial[run].weights, `run ${run}, step ${step}`);
    });
  });
});

it('a run that goes on from a checkpoint is as far from its beginning as if it had not stopped', async () => {
  const run: NetworkRun = { ...runs[0], maxSteps: 20 };
  const saved: NetworkRun[] = [];
  const whole: unknown[] = [];
  for await (const event of trainLockstep(device, { runs: [run], ...shared, checkpointSeconds: 0 })) {
    if (event.type === 'checkpoint') saved.push({ ...run, checkpoint: event.runs[0].checkpoint });
    if (event.type === 'window') whole.push(event);
  }
  const [{ windows }] = await told([saved.find(({ checkpoint }) => checkpoint!.steps === 10)!]);
  expect(windows).toEqual(whole.slice(2));
});

it('weights that are no numbers show', async () => {
  const large = { type: 'sgd' as const, lr: 1e38 };
  const [{ windows }] = await told([{ ...runs[0], optimizer: large, maxSteps: 1 }]);
  const { norms, distance } = windows[0].probes!;
  expect(norms!.all).toBe(Number.POSITIVE_INFINITY);
  expect(distance!.max).toBeGreaterThan(1e30);
});

/** Outputs of each layer in float64, by example. */
function layersOf(weights: HostStateDict, rows: readonly (readonly number[])[]): number[][][] {
  const layers: number[][][] = [];
  let values: readonly (readonly number[])[] = rows;
  for (const [l, place] of [0, 2, 4].entries()) {
    const { data: w, shape } = weights[`${place}.weight`];
    const bias = weights[`${place}.bias`]?.data ?? new Float32Array(shape[0]);
    const out = values.map((row) =>
      Array.from({ length: shape[0] }, (_, u) => {
        const z = row.reduce((sum, v, i) => sum + v * w[u * shape[1] + i], bias[u]);
        return [Math.tanh(z), Math.max(0, z), z][l];
      }),
    );
    layers.push(out);
    values = out;
  }
  return layers;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
/** An output of some tenths, in float32. */
const OUTPUT = 1e-6;
/** Nearer to 0 than this, float32 may have a unit on the other side. */
const CORNER = 1e-6;
const subsets = [[0], [1, 3], [4, 2, 0], [0, 1, 2, 3, 4]];
const ofExamples: NetworkProbe[] = [
  'activeUnits',
  { parities: subsets.slice(0, 1) },
  { parities: subsets.slice(1) },
];

type Evaluation = Extract<NetworkLockstepEvent, { type: 'evaluation' }>;

async function evaluated(options: Partial<NetworkLockstepOptions>, of: readonly NetworkRun[]) {
  const evaluations: Evaluation[][] = of.map(() => []);
  const weights: HostStateDict[] = [];
  for await (const event of trainLockstep(device, { runs: of, ...shared, ...options })) {
    if (event.type === 'evaluation') evaluations[event.run].push(event);
    if (event.type === 'finish') weights[event.run] = await event.weights();
  }
  return { evaluations, weights };
}

it('of examples: active units and parities of each evaluation, with groups and without', async () => {
  const rows = Array.from({ length: 50 }, (_, k) => [...x.slice(5 * k, 5 * k + 5)]);
  const probing = runs.map((run, k) => ({ ...run, probes: k === 2 ? [] : ofExamples }));
  for (const groups of [undefined, rows.map((_, k) => k % 3)]) {
    const evaluate = { data, every: 21, ...(groups && { groups }) };
    const { evaluations, weights } = await evaluated({ evaluate }, probing);
    const without = await evaluated(
      { evaluate },
      runs.map((run) => ({ ...run, probes: [] })),
    );
    expect(weights.map(weightBits)).toEqual(without.weights.map(weightBits));
    for (const [run, [{ probes: found, ...rest }]] of evaluations.entries()) {
      expect([rest]).toEqual(without.evaluations[run]);
      if (run === 2) expect(found).toBeUndefined();
      if (!found) continue;
      const layers = layersOf(weights[run], rows);
      expect(found.activeUnits).toHaveLength(2);
      found.activeUnits!.forEach((active, l) => {
        active.units.forEach((share, u) => {
          const outputs = layers[l].map((units) => units[u]);
          const open = outputs.filter((y) => Math.abs(y) < CORNER && y !== 0).length;
          const off = Math.abs(50 * share - outputs.filter((y) => y > 0).length);
          expect(off, `run ${run}, layer ${l}, unit ${u}`).toBeLessThanOrEqual(open + 1e-9);
        });
        expect(active.mean).toBeCloseTo(mean(active.units), 12);
      });
      expect(found.activeUnits![0].mean).toBeGreaterThan(0.1);
      subsets.forEach((inputs, k) => {
        const products = layers[2].map(
          ([y], row) => y * inputs.reduce((p, i) => (rows[row][i] > 0 ? p : -p), 1),
        );
        expect(Math.abs(found.parities![k][0] - mean(products)), `run ${run}, ${inputs}`).toBeLessThan(
          OUTPUT,
        );
      });
    }
  }
});

/** Gradients are sums of products of both signs, of layers whose outputs are rounded. */
const GRADIENT = 1e-5;

it('of the gradient: its norms at each evaluation, in memory of its own', async () => {
  const rows = Array.from({ length: 50 }, (_, k) => [...x.slice(5 * k, 5 * k + 5)]);
  const probing = runs.map((run, k) => ({
    ...run,
    probes: k === 2 ? [] : (['gradientNorm', 'activeUnits'] as const),
  }));
  const evaluate = { data, every: 9, groups: rows.map((_, k) => k % 2) };
  const { evaluations, weights } = await evaluated({ evaluate }, probing);
  const without = await evaluated(
    { evaluate },
    runs.map((run) => ({ ...run, probes: [] })),
  );
  expect(weights.map(weightBits)).toEqual(without.weights.map(weightBits));
  for (const [run, all] of evaluations.entries()) {
    expect(all.map(({ probes: _, ...rest }) => rest)).toEqual(without.evaluations[run]);
    const { step, probes: found } = all[2];
    expect(step).toBe(21);
    if (run === 2) expect(found).toBeUndefined();
    if (!found) continue;
    // A step of SGD of length 1 goes against the gradient.
    const described = networkOf('', runs[run].network!);
    const sgd = optimizerOf('', { type: 'sgd', lr: 1 });
    const reference = new ReferenceNetwork(described, lossOf('', 'mse'), sgd, weights[run]);
    const before = reference.parameters();
    reference.step({ x: rows, y: Array.from(data.y, (y) => [y]) });
    const gradient = reference.parameters().map((after, k) => before[k] - after);
    const { all: norm, parameters, units } = found.gradientNorm!;
    const off = (actual: number, expected: readonly number[]) =>
      Math.abs(actual - root(expected.map((g) => g * g)));
    expect(norm).toBeGreaterThan(100 * GRADIENT);
    expect(off(norm, gradient), `run ${run}`).toBeLessThan(GRADIENT * norm);
    let at = 0;
    for (const [name, { data: values, shape }] of Object.entries(weights[run])) {
      const own = gradient.slice(at, at + values.length);
      at += values.length;
      expect(off(parameters[name], own), `run ${run}, ${name}`).toBeLessThan(GRADIENT * norm);
      units[name].forEach((one, u) => {
        const row = own.slice((u * own.length) / shape[0], ((u + 1) * own.length) / shape[0]);
        expect(off(one, row), `run ${run}, unit ${u} of ${name}`).toBeLessThan(GRADIENT * norm);
      });
    }
  }
});

it("of one's own: the mean of a function in WGSL of inputs, units, outputs and targets", async () => {
  const rows = Array.from({ length: 50 }, (_, k) => [...x.slice(5 * k, 5 * k + 5)]);
  const error = {
    name: 'error',
    wgsl: 'fn probe(e: Example) -> f32 { return abs(outputOf(e, 0u) - targetOf(e, 0u)); }',
  };
  const mixed = {
    name: 'mixed',
    wgsl: 'fn probe(e: Example) -> f32 { return inputOf(e, 4u) * unitOf(e, 0u, 2u) + unitOf(e, 1u, 6u); }',
  };
  const asked: NetworkProbe[][] = [
    [error, mixed],
    [mixed],
    [],
    [{ ...error, name: 'other' }],
    ['activeUnits'],
  ];
  const probing = runs.map((run, k) => ({ ...run, probes: asked[k] }));
  const { evaluations, weights } = await evaluated({ evaluate: { data, every: 21 } }, probing);
  evaluations.forEach(([{ probes: found }], run) => {
    const names = asked[run].flatMap((probe) =>
      typeof probe === 'object' && 'name' in probe ? [probe.name] : [],
    );
    expect(Object.keys(found?.own ?? {})).toEqual(names);
    const [first, second, last] = layersOf(weights[run], rows);
    const errors = mean(last.map(([y], k) => Math.abs(y - data.y[k])));
    const mixture = mean(rows.map((row, k) => row[4] * first[k][2] + second[k][6]));
    for (const [name, value] of Object.entries(found?.own ?? {})) {
      expect(Math.abs(value - (name === 'mixed' ? mixture : errors)), `run ${run}, ${name}`).toBeLessThan(
        OUTPUT,
      );
    }
  });
});

it("of one's own that read no outputs, or nothing", async () => {
  const bodies = { target: 'targetOf(e, 0u)', input: 'inputOf(e, 3u)', row: 'f32(e.row % 2u)', one: '1.0' };
  const asked = Object.entries(bodies).map(([name, body]) => {
    return { name, wgsl: `fn probe(e: Example) -> f32 { return ${body}; }` };
  });
  const [run] = runs;
  const { evaluations } = await evaluated({ evaluate: { data, every: 21 } }, [{ ...run, probes: asked }]);
  const { target, input, row, one } = evaluations[0][0].probes!.own!;
  expect(Math.abs(target - mean([...data.y]))).toBeLessThan(OUTPUT);
  expect(Math.abs(input - mean([...x].filter((_, k) => k % 5 === 3)))).toBeLessThan(OUTPUT);
  // 50 examples, in batches of 32.
  expect([row, one]).toEqual([0.5, 1]);
});

it('of fresh examples: the same ones in batches of any size, and bits count as signs do', async () => {
  const network = { inputs: 6, layers: [{ units: 70, activation: 'relu' as const }, { units: 2 }] };
  const probes: NetworkProbe[] = ['gradientNorm', 'activeUnits', { parities: [[1, 4], [0, 1, 2], [5]] }];
  const told = async (signs: boolean, run: NetworkRun) => {
    const data = samplers.parity({ inputs: 6, secret: [1, 4], signs });
    // A step of no length: the weights are the initial ones.
    const still = { optimizer: { type: 'sgd' as const, lr: 0 }, maxSteps: 1, seed: 11, orderSeed: 4 };
    const options = { evaluate: { data, examples: 100 }, loss: 'crossEntropy' as const };
    const { evaluations, weights } = await evaluated(options, [{ network, data, probes, ...still, ...run }]);
    return { ...evaluations[0][0], weights: weights[0] };
  };
  const whole = await told(true, { batchSize: 100 });
  const cut = await told(true, { batchSize: 7 });
  const without = await told(true, { batchSize: 7, probes: [] });
  expect({ ...cut, probes: undefined }).toEqual({ ...without, probes: undefined });
  expect(cut.probes!.activeUnits).toEqual(whole.probes!.activeUnits);
  // The same network of bits, 2 w x + (b - w) for w (2 x - 1) + b.
  const { '0.weight': w, '0.bias': b } = whole.weights;
  const doubled = { ...w, data: w.data.map((value) => 2 * value) };
  const moved = b.data.map((value, u) => w.data.slice(6 * u, 6 * u + 6).reduce((z, one) => z - one, value));
  const ofBits = { ...whole.weights, '0.weight': doubled, '0.bias': { ...b, data: moved } };
  const bits = await told(false, { batchSize: 100, weights: ofBits });
  const expected = whole.probes!.parities!.flat();
  expect(new Set(expected).size).toBe(6);
  expect(whole.probes!.gradientNorm!.all).toBeGreaterThan(0.01);
  expect(Math.abs(cut.probes!.gradientNorm!.all - whole.probes!.gradientNorm!.all)).toBeLessThan(GRADIENT);
  for (const other of [cut, bits]) {
    other.probes!.parities!.flat().forEach((coefficient, k) => {
      expect(Math.abs(coefficient - expected[k])).toBeLessThan(OUTPUT);
    });
  }
});

it('refuses by name what there is no probe of', async () => {
  const run = { network: network(3, true) };
  const refused = (wrong: unknown, more: object = {}) =>
    told([{ ...run, ...more, probes: wrong as NetworkProbe[] }]);
  const evaluate = { data, every: 5 };
  await expect(refused(['norms', 'norm'])).rejects.toThrow(
    'run 0: probes[1] is the text "norm"; did you mean norms?',
  );
  await expect(refused([3])).rejects.toThrow(
    'run 0: probes[0] is the number 3; norms, distance, gradientNorm, activeUnits fit.',
  );
  await expect(refused('norms')).rejects.toThrow('run 0: probes is the text');
  await expect(refused([{ parities: [[0, 5]] }], { evaluate })).rejects.toThrow(
    'probes[0]: parities[0][1] is the number 5',
  );
  await expect(refused([{ parity: [[0]] }], { evaluate })).rejects.toThrow(
    'probes[0]: unknown option parity; there is parities',
  );
  await expect(refused([{ parities: [] }], { evaluate })).rejects.toThrow(
    'the number of parities is the number 0',
  );
  const text = 'fn probe(e: Example) -> f32 { return 0; }';
  const twice = [
    { name: 'a', wgsl: text },
    { name: 'a', wgsl: text },
  ];
  await expect(refused(twice, { evaluate })).rejects.toThrow(
    'probes[1]: name is the text "a"; another probe has it',
  );
  await expect(refused([{ wgsl: text }], { evaluate })).rejects.toThrow('probes[0]: name is undefined');
  const wrong = [{ name: 'a', wgsl: text.replace('0;', 'x;') }];
  await expect(refused(wrong, { evaluate })).rejects.toThrow(
    'run 0: the WGSL of a probe in the kernel: The shader',
  );
  await expect(refused([null], { evaluate })).rejects.toThrow('probes[0]: it is null');
});
