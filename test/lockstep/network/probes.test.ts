// Probes against the same numbers in float64, of the weights that the run has at that step; training keeps its bits.
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type {
  Device,
  HostStateDict,
  NetworkLockstepEvent,
  NetworkProbe,
  NetworkProbed,
  NetworkRun,
} from '../../../src/index.js';
import { Generator, openDevice, trainLockstep } from '../../../src/index.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import { weightBits } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
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

it('refuses by name what there is no probe of', async () => {
  const refused = (wrong: unknown) => told([{ network: network(3, true), probes: wrong as NetworkProbe[] }]);
  await expect(refused(['norms', 'norm'])).rejects.toThrow(
    'run 0: probes[1] is the text "norm"; did you mean norms?',
  );
  await expect(refused([3])).rejects.toThrow('run 0: probes[0] is the number 3; norms, distance fit.');
  await expect(refused('norms')).rejects.toThrow('run 0: probes is the text');
});
