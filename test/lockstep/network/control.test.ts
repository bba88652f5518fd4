// Decisions in pauses: the same bits as if they had been known before, as ends, other settings, forks and resumes.
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Device } from '../../../src/gpu/device.js';
import {
  Generator,
  type HostStateDict,
  type NetworkLockstepEvent,
  type NetworkLockstepOptions,
  type NetworkRun,
  type OptimizerDescription,
  openDevice,
  optim,
  trainLockstep,
} from '../../../src/index.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import type { NetworkCheckpoint, ScheduledOptimizer } from '../../../src/lockstep/network/types.js';
import { weightBits } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

const generator = new Generator(5);
const x = new Float32Array(60 * 3);
generator.uniform(x, -1, 1);
const data = { x, y: Array.from({ length: 60 }, (_, k) => Math.sin(3 * x[3 * k]) * x[3 * k + 1]) };
const network = { inputs: 3, layers: [{ units: 9, activation: 'tanh' as const }, { units: 1 }] };
const shared = { network, data, maxSteps: 40, batchSize: 7, logInterval: 5 };

type Finish = Omit<Extract<NetworkLockstepEvent, { type: 'finish' }>, 'weights'> & { weights: HostStateDict };
type Pause = Extract<NetworkLockstepEvent, { type: 'pause' }>;

async function finishes(
  options: Omit<NetworkLockstepOptions, keyof typeof shared> & Partial<NetworkLockstepOptions>,
  decide: (pause: Pause) => void = () => {},
): Promise<Finish[]> {
  const ends: Finish[] = [];
  for await (const event of trainLockstep(device, { ...shared, ...options })) {
    if (event.type === 'pause') decide(event);
    if (event.type === 'finish') ends[event.run] = { ...event, weights: await event.weights() };
  }
  return ends;
}

it('a run that is stopped has the weights of one that takes no more steps', async () => {
  const stopped = await finishes({ runs: [{}, {}, {}], pauseEvery: 15 }, ({ runs, control }) => {
    if (runs.some(({ run, step }) => run === 1 && step === 15)) control.stop(1);
  });
  const [, short] = await finishes({ runs: [{}, { maxSteps: 15 }] });
  expect(stopped.map(({ steps, reason }) => [steps, reason])).toEqual([
    [40, 'max-steps'],
    [15, 'stopped'],
    [40, 'max-steps'],
  ]);
  expect(weightBits(stopped[1].weights)).toEqual(weightBits(short.weights));
});

it('a run that ends early is evaluated as it ends: by its rule, by a decision, after a checkpoint that has one', async () => {
  const loss = 'bceWithLogits' as const;
  const binary = { x, y: data.y.map((value) => Number(value > 0)) };
  const evaluate = { data: binary, every: 4, keepBest: true, groups: binary.y };
  const shortly: NetworkRun = { data: binary, loss, evaluate, probes: ['activeUnits', 'norms'] };
  const runs = [{ ...shortly, stop: { accuracy: 0, minSteps: 15 } }, shortly, shortly].map((run, k) => {
    return { ...run, seed: k };
  });
  type Told = Extract<NetworkLockstepEvent, { type: 'evaluation' | 'finish' }>;
  const told = async (options: Partial<NetworkLockstepOptions>) => {
    const events: Told[][] = [[], [], []];
    for await (const event of trainLockstep(device, { ...shared, runs, ...options })) {
      if (event.type === 'pause' && event.runs[0].step === 15) event.control.stop(event.runs.at(-1)!.run);
      if (event.type === 'evaluation') events[event.run].push(event);
      if (event.type !== 'finish') continue;
      const weights = weightBits(await event.weights()) as never;
      events[event.run].push({ ...event, reason: 'stopped', weights });
    }
    return events;
  };
  const expected = await told({ maxSteps: 15 });
  // Run 0 by its rule, run 2 by a decision; run 1 goes on.
  const events = await told({ pauseEvery: 15 });
  for (const k of [0, 2]) expect(events[k], `run ${k}`).toEqual(expected[k]);
  expect(events[0].map((event) => event.type === 'evaluation' && event.step)).toEqual([4, 8, 12, 15, false]);
  let checkpoint: NetworkCheckpoint | undefined;
  const one = { ...shared, runs: runs.slice(2), pauseEvery: 15, checkpointSeconds: 0 };
  for await (const event of trainLockstep(device, one)) {
    if (event.type === 'pause') event.control.stop(0);
    if (event.type === 'checkpoint') checkpoint = event.runs.at(0)?.checkpoint ?? checkpoint;
  }
  expect(checkpoint!.control!.stopped).toBe(true);
  const again = await told({ runs: [{ ...runs[2], checkpoint }] });
  expect(again[0]).toEqual(expected[2].slice(-2).map((event) => ({ ...event, run: 0 })));
});

it('another learning rate in a pause is the one of a schedule that steps there', async () => {
  const changed = await finishes(
    { runs: [{ optimizer: { lr: 0.01 } }], pauseEvery: 20 },
    ({ runs, control }) => {
      if (runs[0].step === 20) control.change(0, { lr: 0.002, betas: undefined });
    },
  );
  const schedule: NetworkLockstepOptions['schedule'] = ({ groups: [group] }) => {
    let steps = 0;
    return { step: () => (group.lr = ++steps < 20 ? 0.01 : 0.002) };
  };
  const scheduled = await finishes({ runs: [{ optimizer: { lr: 0.01 }, schedule }] });
  expect(weightBits(changed[0].weights)).toEqual(weightBits(scheduled[0].weights));
});

it('one cycle of rates and momentum is that of as many decisions', async () => {
  const cycle = (optimizer: ScheduledOptimizer) =>
    new optim.OneCycleLR(optimizer, { maxLr: 0.05, totalSteps: 40 });
  const kinds: OptimizerDescription[] = [
    { type: 'adam' },
    { type: 'sgd', momentum: 0.9, dampening: 0.1 },
    { type: 'signSgd', momentum: 0.9 },
  ];
  const scheduled = await finishes({ runs: kinds.map((optimizer) => ({ optimizer, schedule: cycle })) });
  const groups = kinds.map(({ type }): ScheduledOptimizer['groups'][number] => {
    return type === 'adam' ? { lr: 0, betas: [0.9, 0.999] } : { lr: 0, momentum: 0.9 };
  });
  const cycles = groups.map((group) => cycle({ groups: [group] }));
  const runs = kinds.map((kind, k) => ({ optimizer: { ...kind, ...groups[k] } as OptimizerDescription }));
  const decided = await finishes({ runs, pauseEvery: 1 }, ({ control }) => {
    groups.forEach((group, k) => {
      cycles[k].step();
      control.change(k, { ...kinds[k], ...group } as OptimizerDescription);
    });
  });
  for (const k of kinds.keys())
    expect(weightBits(scheduled[k].weights), `${kinds[k].type}`).toEqual(weightBits(decided[k].weights));
  await expect(finishes({ runs: [{ optimizer: { type: 'sgd' }, schedule: cycle }] })).rejects.toThrow(
    'the optimizer has neither momentum nor betas: false fits',
  );
  await expect(finishes({ runs: [{ schedule: () => undefined as never }] })).rejects.toThrow(
    'run 0: what schedule() gives is undefined; one with step() fits',
  );
});

it('decisions leave the momentum that a schedule sets, also in a run that goes on from a checkpoint', async () => {
  const cycle = (optimizer: ScheduledOptimizer) =>
    new optim.OneCycleLR(optimizer, { maxLr: 0.05, totalSteps: 40 });
  const kinds: OptimizerDescription[] = [{ type: 'adam' }, { type: 'sgd', momentum: 0.9 }];
  const runs = kinds.map((optimizer) => ({ optimizer, schedule: cycle }));
  const alone = await finishes({ runs });
  const changing = (settings: object) => (pause: Pause) => {
    if (pause.runs[0].step === 10) for (const k of kinds.keys()) pause.control.change(k, settings);
  };
  const unchanged = await finishes({ runs, pauseEvery: 10 }, changing({ weightDecay: 0 }));
  for (const k of kinds.keys())
    expect(weightBits(unchanged[k].weights)).toEqual(weightBits(alone[k].weights));
  const saved: Extract<NetworkLockstepEvent, { type: 'checkpoint' }>['runs'][] = [];
  const decayed: Finish[] = [];
  const options = { ...shared, runs, pauseEvery: 10, checkpointSeconds: 0 };
  for await (const event of trainLockstep(device, options)) {
    if (event.type === 'pause') changing({ weightDecay: 0.1, lr: undefined })(event);
    if (event.type === 'checkpoint') saved.push(event.runs);
    if (event.type === 'finish') decayed[event.run] = { ...event, weights: await event.weights() };
  }
  const later = saved.find((list) => list.every(({ checkpoint }) => checkpoint.steps >= 20))!;
  const resumed = await finishes({
    runs: runs.map((run, k) => ({ ...run, checkpoint: later[k].checkpoint })),
  });
  for (const k of kinds.keys()) {
    expect(weightBits(decayed[k].weights)).not.toEqual(weightBits(alone[k].weights));
    expect(weightBits(resumed[k].weights)).toEqual(weightBits(decayed[k].weights));
  }
  const refused = 'the run has a schedule, which sets it';
  await finishes({ runs, pauseEvery: 20 }, ({ control }) => {
    expect(() => control.change(0, { betas: [0.5, 0.999] })).toThrow(
      `betas[0] is the number 0.5; ${refused}`,
    );
    expect(() => control.change(1, { type: 'sgd', momentum: 0.8 })).toThrow(
      `momentum is the number 0.8; ${refused}`,
    );
    control.change(0, { betas: [0.9, 0.99] });
  });
});

it('a fork of a run of the same data goes the way of that run, in any chunks', async () => {
  const runs = [{ seed: 1 }, { seed: 2, orderSeed: 1 }];
  const fork = ({ runs: here, control }: Pause) => {
    if (here[0].step === 10) control.fork(1, { from: 0 });
  };
  const forked = await finishes({ runs, pauseEvery: 10 }, fork);
  expect(weightBits(forked[1].weights)).toEqual(weightBits(forked[0].weights));
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(3);
  const cut = await finishes({ runs, pauseEvery: 10 }, fork);
  vi.restoreAllMocks();
  expect(weightBits(cut[1].weights)).toEqual(weightBits(forked[1].weights));
});

it('a checkpoint after decisions goes on with them', async () => {
  const runs = [{ seed: 1, optimizer: { lr: 0.01 } }, { seed: 2 }];
  const decide = ({ runs: here, control }: Pause) => {
    if (here[0].step !== 10) return;
    control.change(0, { lr: 0.03, weightDecay: 0.2 });
    control.fork(1, { from: 0 });
  };
  const saved: Extract<NetworkLockstepEvent, { type: 'checkpoint' }>['runs'][] = [];
  const options = { ...shared, runs, pauseEvery: 10, checkpointSeconds: 0 };
  let whole: Finish[] = [];
  for await (const event of trainLockstep(device, options)) {
    if (event.type === 'pause') decide(event);
    if (event.type === 'checkpoint') saved.push(event.runs);
    if (event.type === 'finish') whole = [...whole, { ...event, weights: await event.weights() }];
  }
  const later = saved.find((list) => list.every(({ checkpoint }) => checkpoint.steps >= 20))!;
  expect(later.map(({ checkpoint }) => checkpoint.control?.optimizer)).toEqual([
    { lr: 0.03, weightDecay: 0.2 },
    {},
  ]);
  const resumed = await finishes({
    runs: runs.map((run, k) => ({ ...run, checkpoint: later[k].checkpoint })),
  });
  for (const end of whole) expect(weightBits(resumed[end.run].weights)).toEqual(weightBits(end.weights));
});

it('a pause after a checkpoint tells the loss of the window before it', async () => {
  const options = { ...shared, runs: [{}], logInterval: 15, pauseEvery: 20 };
  const told: number[] = [];
  const saved: NetworkCheckpoint[] = [];
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(4);
  for await (const event of trainLockstep(device, { ...options, checkpointSeconds: 0 })) {
    if (event.type === 'pause') told.push(event.runs[0].loss);
    if (event.type === 'checkpoint') saved.push(event.runs[0].checkpoint);
  }
  const resumed: number[] = [];
  const checkpoint = saved.find(({ steps }) => steps === 16)!;
  expect(checkpoint.lastWindow[0]).toBe(told[0]);
  await finishes({ ...options, runs: [{ checkpoint }] }, ({ runs }) => resumed.push(runs[0].loss));
  vi.restoreAllMocks();
  expect(resumed).toEqual(told);
});

it('the best weights are those that the run had at its best evaluation', async () => {
  // A learning rate that soon leaves the minimum: the best evaluation is not the last.
  const run = { optimizer: { type: 'sgd' as const, lr: 0.9, momentum: 0.9 }, evaluate: { data, every: 4 } };
  const [best] = await finishes({ runs: [{ ...run, evaluate: { ...run.evaluate, keepBest: true } }] });
  expect(best.weightsOf).toBeLessThan(40);
  const [there] = await finishes({ runs: [{ ...run, maxSteps: best.weightsOf }] });
  expect(weightBits(best.weights)).toEqual(weightBits(there.weights));
  expect([best.loss, best.accuracy]).toEqual([there.loss, there.accuracy]);
});

it('a run finishes with the loss of its last window where nothing evaluates it, and with none where it diverged', async () => {
  const windows: number[] = [];
  for await (const event of trainLockstep(device, { ...shared, runs: [{}], logInterval: 15 })) {
    if (event.type === 'window') windows.push(event.loss);
    if (event.type === 'finish') expect(event.loss).toBe(windows[windows.length - 1]);
  }
  expect(windows.length).toBeGreaterThan(1);
  const diverges = { optimizer: { type: 'sgd' as const, lr: 1e30 }, evaluate: { data, every: 1 } };
  const [there] = await finishes({ runs: [diverges] });
  expect([there.reason, there.loss, there.accuracy]).toEqual(['non-finite', Number.NaN, Number.NaN]);
});

it('the plan counts the best weights', async () => {
  const bytesWith = async (keepBest: boolean) => {
    for await (const event of trainLockstep(device, { ...shared, runs: [{ evaluate: { data, keepBest } }] }))
      if (event.type === 'plan') return event.bytes;
    return 0;
  };
  // Rows of 9 units take 12 numbers, those of 1 unit 4: (3 + 1) x 12 + (9 + 1) x 4.
  expect((await bytesWith(true)) - (await bytesWith(false))).toBe(4 * 88);
});

it('refuses what cannot be, by name', async () => {
  const wide = { network: { inputs: 3, layers: [{ units: 10 }, { units: 1 }] } };
  let late: Pause | undefined;
  await finishes({ runs: [{}, wide, { optimizer: { type: 'sgd', lr: 0.1 } }], pauseEvery: 20 }, (pause) => {
    const { control } = pause;
    late = pause;
    expect(() => control.stop(7)).toThrow('stop: the run is the number 7; under way are 0, 1, 2');
    expect(() => control.fork(0, { from: 1 })).toThrow('they must be the same');
    expect(() => control.fork(0, { from: 2 })).toThrow('adamw, run 2 with sgd');
    expect(() => control.fork(0, { from: 2, moments: false } as never)).toThrow(
      'fork: unknown option moments',
    );
    expect(() => control.change(0, { type: 'sgd' })).toThrow('change of run 0');
    expect(() => control.change(0, { lr: -1 })).toThrow('lr is the number -1');
    control.stop(2);
    expect(() => control.stop(2)).toThrow('under way are 0, 1.');
    expect(() => control.change(2, { lr: 0.1 })).toThrow('under way are 0, 1.');
    expect(() => control.fork(0, { from: 2 })).toThrow('under way are 0, 1.');
  });
  expect(() => late!.control.stop(0)).toThrow('the pause is over');
});
