// Runs of many shapes in one call: the same bits alone and among others, a thousand of a hundred shapes, memory as before.
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type {
  Device,
  HostStateDict,
  NetworkLockstepEvent,
  NetworkLockstepOptions,
  NetworkRun,
} from '../../../src/index.js';
import { Generator, nn, openDevice, samplers, tensor, trainLockstep } from '../../../src/index.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import { weightBits } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

const generator = new Generator(3);
const x = new Float32Array(40 * 4);
generator.uniform(x, -1, 1);
const y = Float32Array.from({ length: 40 }, (_, k) => x[4 * k] * x[4 * k + 1]);
const data = { x, y };

async function finished(options: NetworkLockstepOptions) {
  const ends: { weights: HostStateDict }[] = [];
  for await (const event of trainLockstep(device, options))
    if (event.type === 'finish') ends[event.run] = { weights: await event.weights() };
  return ends;
}

const networkOf = (k: number) => ({
  inputs: 4,
  layers: [
    { units: 1 + (k % 10), activation: (['relu', 'tanh', 'gelu', 'silu'] as const)[k % 4], bias: k % 3 > 0 },
    ...(k % 2 ? [{ units: 1 + Math.floor(k / 10), activation: 'sigmoid' as const }] : []),
    { units: 1 },
  ],
});
const settings = (k: number) => ({ network: networkOf(k), batchSize: 3 + (k % 17), seed: k });

it('a thousand runs of a hundred shapes, each with the bits that it has alone; memory is as before', async () => {
  const runs = Array.from({ length: 1000 }, (_, k) => settings(k % 100));
  // A device keeps the buffers that it read through: a first training of the same size, in the same chunks, has them made.
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(4);
  await finished({ runs, data, maxSteps: 9, mostRuns: 400 });
  const before = device.memory().bytes;
  const ends = await finished({ runs, data, maxSteps: 9, mostRuns: 400 });
  expect(ends).toHaveLength(1000);
  for (const k of [0, 37, 99]) {
    const [alone] = await finished({ runs: [settings(k)], data, maxSteps: 9 });
    for (const run of [k, 500 + k])
      expect(weightBits(ends[run].weights), `run ${run}`).toEqual(weightBits(alone.weights));
  }
  vi.restoreAllMocks();
  expect(device.memory().bytes).toBe(before);
});

it('leaving the loop early frees everything', async () => {
  const before = device.memory().bytes;
  for await (const { type } of trainLockstep(device, { runs: [settings(5)], data, maxSteps: 500 })) {
    if (type === 'progress') break;
  }
  expect(device.memory().bytes).toBe(before);
});

it('weights are read before the next event is asked for, with keepWeights at any time', async () => {
  const options = { runs: [settings(1), settings(2)], data, maxSteps: 4 };
  const [expected] = await finished(options);
  for (const keepWeights of [false, true]) {
    const events: Extract<NetworkLockstepEvent, { type: 'finish' }>[] = [];
    for await (const event of trainLockstep(device, { ...options, keepWeights }))
      if (event.type === 'finish') events[event.run] = event;
    if (keepWeights) expect(weightBits(await events[0].weights())).toEqual(weightBits(expected.weights));
    else
      await expect(events[0].weights()).rejects.toThrow(
        'the weights of run 0 are freed. Call weights() before',
      );
  }
});

it('a trained run is loaded into a module, and a module, also from a file, is trained in lockstep', async () => {
  const make = () => new nn.Sequential(new nn.Linear(4, 5), new nn.Tanh(), new nn.Linear(5, 1));
  const shared = {
    network: { inputs: 4, layers: [{ units: 5, activation: 'tanh' as const }, { units: 1 }] },
    data,
  };
  const [half] = await finished({ ...shared, runs: [{ optimizer: { type: 'sgd' } }], maxSteps: 6 });
  const model = make();
  model.loadStateDict(half.weights);
  const file = nn.loadSafetensors(await nn.saveSafetensors(model.stateDict()));
  const given = [half.weights, model.stateDict(), file];
  const [host, ...others] = await finished({
    ...shared,
    runs: given.map((weights) => ({ weights, seed: 9 })),
    maxSteps: 7,
  });
  for (const other of others) expect(weightBits(other.weights)).toEqual(weightBits(host.weights));
  expect(weightBits(host.weights)).not.toEqual(weightBits(half.weights));
  const wrong = { ...file, '0.bias': tensor([1, 2]) };
  await expect(finished({ ...shared, runs: [{ weights: wrong }], maxSteps: 7 })).rejects.toThrow(
    'run 0: weights: 0.bias is [2] of 2 values, not [5]',
  );
  file['2.bias'].dispose();
  await expect(finished({ ...shared, runs: [{ weights: file }], maxSteps: 7 })).rejects.toThrow(
    'run 0: weights',
  );
});

it('data may be tensors, and settings of a run change those of the options', async () => {
  const tensors = { x: tensor(x, { shape: [40, 4], device }), y: tensor(y, { device }) };
  const shared = {
    network: networkOf(7),
    maxSteps: 12,
    optimizer: { type: 'sgd' as const, lr: 0.1, momentum: 0.9 },
  };
  const [a] = await finished({ ...shared, runs: [{ seed: 1, optimizer: { lr: 0.02 } }], data: tensors });
  const [b] = await finished({
    ...shared,
    runs: [{ seed: 1, optimizer: { ...shared.optimizer, lr: 0.02 } }],
    data,
  });
  expect(weightBits(a.weights)).toEqual(weightBits(b.weights));
});

it('patience ends a run after as many evaluations without a better loss; without evaluations in a row it is refused', async () => {
  const run = { ...settings(1), optimizer: { type: 'sgd' as const, lr: 0.5 } };
  const losses: number[] = [];
  const evaluate = { data, every: 1 };
  for await (const event of trainLockstep(device, { runs: [run], data, maxSteps: 60, evaluate }))
    if (event.type === 'evaluation') losses.push(event.loss);
  for (const [patience, minSteps] of [
    [1, 0],
    [2, 0],
    [3, 0],
    [2, 20],
  ] as const) {
    // biome-ignore format: pairs
    let [least, bad, expected] = [Number.POSITIVE_INFINITY, 0, 0];
    while (bad < patience && expected < 60) {
      const loss = losses[expected++];
      if (expected < minSteps) continue;
      bad = loss < least ? 0 : bad + 1;
      least = Math.min(least, loss);
    }
    expect(expected).toBeLessThan(60);
    const options = { runs: [run], data, maxSteps: 60, evaluate, stop: { patience, minSteps } };
    for await (const event of trainLockstep(device, options)) {
      if (event.type === 'finish') expect([event.reason, event.steps]).toEqual(['stopped', expected]);
    }
  }
  const message = 'run 0: stop: patience is the number 2; it is of evaluations in a row';
  for (const without of [undefined, { data }]) {
    const options = { runs: [run], data, maxSteps: 60, stop: { patience: 2 }, evaluate: without };
    await expect(finished(options)).rejects.toThrow(message);
  }
});

it('runs of an iterable may have everything of their own', async () => {
  const own = { ...settings(3), data };
  const [expected] = await finished({ runs: [own], maxSteps: 4 });
  async function* later() {
    yield own;
  }
  for (const runs of [new Set([own]), later()]) {
    const [end] = await finished({ runs, maxSteps: 4, kernel: 'batched' });
    expect(weightBits(end.weights)).toEqual(weightBits(expected.weights));
  }
});

it('what is undefined counts as left out, also in the options of an option', async () => {
  const optimizer = { type: 'sgd', momentum: 0.9, lr: 0.1 } as const;
  const shared = { data, maxSteps: 5, optimizer, loss: 'bceWithLogits' as const };
  const layers = [{ units: 6, bias: undefined, activation: undefined }, { units: 1 }];
  const bare = { inputs: 4, layers: [{ units: 6 }, { units: 1 }] };
  const binary = { x, y: y.map((value) => Number(value > 0)), signs: undefined };
  const runs: NetworkRun[] = [
    { network: bare, optimizer: { lr: 0.02 }, stop: { accuracy: 1 } },
    {
      network: { inputs: 4, layers },
      optimizer: { type: undefined, lr: 0.02, betas: undefined },
      stop: { accuracy: 1, windows: undefined, minSteps: undefined, patience: undefined },
    },
    { network: bare, evaluate: { data: binary, every: 2 }, stop: { patience: 2 } },
    {
      network: bare,
      evaluate: {
        data: binary,
        every: 2,
        examples: undefined,
        keepBest: undefined,
        groups: undefined,
      },
      stop: { patience: 2, minSteps: undefined, accuracy: undefined } as never,
    },
  ].map((run) => ({ ...run, data: binary, seed: 3 }) as NetworkRun);
  const [a, b, c, d] = (await finished({ ...shared, runs })).map(({ weights }) => weightBits(weights));
  expect(b).toEqual(a);
  expect(d).toEqual(c);
  expect(c).not.toEqual(a);
});

type Checkpoint = Extract<NetworkLockstepEvent, { type: 'checkpoint' }>['runs'][number]['checkpoint'];

async function checkpointWith(
  fits: (checkpoint: Checkpoint) => boolean,
  options: NetworkLockstepOptions,
): Promise<Checkpoint> {
  for await (const event of trainLockstep(device, { ...options, checkpointSeconds: 0 })) {
    const [checkpoint] = event.type === 'checkpoint' ? event.runs.map((run) => run.checkpoint) : [];
    if (checkpoint && fits(checkpoint)) return checkpoint;
  }
  throw new Error('there was no checkpoint');
}

const looking = { data, maxSteps: 300, evaluate: { data, every: 1, keepBest: true } };

it('a checkpoint goes on only with the examples that it has seen, in their order', async () => {
  const options = { ...looking, network: networkOf(0) };
  const checkpoint = await checkpointWith(() => true, { runs: [{}, {}], ...options });
  const end = async (run: NetworkRun) => (await finished({ ...options, runs: [run] }))[0].weights;
  expect(weightBits(await end({ checkpoint }))).toEqual(weightBits(await end({})));
  const other: [Partial<NetworkRun>, string][] = [
    // The second of two runs, alone, has another number and with it another seed.
    [
      { seed: 1 },
      'checkpoint: it is of orderSeed 0, and the run has 1 (a network without orderSeed and seed',
    ],
    [{ batchSize: 7 }, 'checkpoint: it is of batchSize 32, and the run has 7.'],
    [
      { loss: { type: 'huber', delta: 2 } },
      'it is of loss the text "mse", and the run has the text "huber (2)"',
    ],
    [
      { data: { x, y: y.map((one, k) => (k === 3 ? one + 1e-6 : one)) } },
      'of data the text "40 examples, checksum',
    ],
    [{ data: samplers.parity({ inputs: 4, secret: [0] }) }, 'and the run has the text "a sampler, checksum'],
  ];
  for (const [run, message] of other) {
    await expect(end({ checkpoint, ...run }), JSON.stringify(run)).rejects.toThrow(message);
  }
});

it('a checkpoint of another network, or one that was changed, is refused by name', async () => {
  const whole = await checkpointWith(({ best }) => best !== undefined, { runs: [settings(1)], ...looking });
  const { best, steps } = whole;
  const control = { optimizerSteps: 3, optimizer: { lr: 0.1 } };
  const refused: [number, object, string][] = [
    [2, {}, 'it is of network the text'],
    [1, { of: 'this' }, 'it says that it is of the text "this"'],
    [1, { steps: 300 }, 'checkpoint: steps is'],
    [1, { state: whole.state.slice(1) }, 'checkpoint: state does not fit'],
    [1, { state: [...whole.state] }, 'checkpoint: state does not fit'],
    [1, { window: [1, 2, 3] }, 'checkpoint: window is'],
    [
      1,
      { best: { ...best, weights: new Float32Array(best!.weights.length + 4) } },
      'best: weights does not fit',
    ],
    [1, { best: { ...best, step: steps + 1 } }, 'best: step is'],
    [1, { best: { ...best, lose: 1 } }, 'best: unknown option lose; did you mean loss?'],
    [1, { control: { ...control, optimizerSteps: 0.5 } }, 'control: optimizerSteps is'],
    [1, { control: { ...control, optimizer: { lr: -1 } } }, 'control: adamw: lr is'],
    [1, { control: { ...control, optimizer: { type: 'sgd' } } }, 'control: optimizer is'],
  ];
  for (const [k, change, message] of refused) {
    const runs = [{ ...settings(k), checkpoint: { ...whole, ...change } }];
    await expect(finished({ runs, ...looking }), JSON.stringify(change)).rejects.toThrow(message);
  }
  // Its moments would be written over the memory of other runs.
  const sgd = { optimizer: { type: 'sgd' as const } };
  const plain = await checkpointWith(() => true, { runs: [settings(1)], ...looking, ...sgd });
  const momentum = { type: 'sgd' as const, momentum: 0.9 };
  const checkpoint = { ...plain, control: { ...control, optimizer: momentum } };
  await expect(finished({ runs: [{ ...settings(1), checkpoint }], ...looking, ...sgd })).rejects.toThrow(
    'control: optimizer is the text "sgd with 1 moments"; the run has sgd with 0 moments',
  );
});
