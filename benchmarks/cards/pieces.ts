/**
 * The work that a faked card is given (child.ts): trainings on every kernel that a GPU is given, networks of any shape, tensor
 * operations, reads and an error. Between them they compile all pipelines of the library but those of the kernel
 * `subgroup`, which `auto` never gives to a GPU. Numbers cannot be checked here: the card computes nothing and all read 0.
 */
import * as ls from 'lockstep-gpu';
import { type Case, runsOf } from '../runs.js';

/** Does its work on a device and says what it found, one remark each; throws where something is not as it must be. */
export type Piece = (device: ls.Device, steps: number) => Promise<string[]>;

function mustBe(what: string, found: unknown, wanted: unknown): void {
  const [is, be] = [found, wanted].map((value) => JSON.stringify(value));
  if (is !== be) throw new Error(`${what}: ${is}, and had to be ${be}`);
}

const ALL_LIVE: Case = { strategy: 'multi-epoch', features: 64, rows: 4096 };
const EIGHT_LIVE: Case = { strategy: 'feature-isolation', features: 64, rows: 4096 };

interface Asked {
  kernel: ls.LockstepOptions['kernel'];
  runs: number;
  steps: number;
}

/** Trains to the end: a plan first, no run lost, every run all of its steps, its network scored. */
async function trained(device: ls.Device, data: Case, { kernel, runs, steps }: Asked): Promise<string[]> {
  const generator = new ls.Generator(1);
  const x = ls.BitMatrix.random(1000, data.features, generator);
  const testSet = { x, y: ls.parity(x, [0, 1, 2]) };
  const list = runsOf(data, runs).map((run) => ({ ...run, testSet }));
  const ended: number[] = [];
  const took: string[] = [];
  for await (const event of ls.trainLockstep(device, {
    runs: list,
    features: data.features,
    maxSteps: steps,
    kernel,
  })) {
    if (event.type === 'plan')
      took.push(`${event.kernel}, ${event.features} features, ${event.runsAtOnce} runs at once`);
    if (event.type === 'finish') {
      mustBe('steps of a run', event.steps, steps);
      ended.push(event.run);
      if (ended.length === 1)
        mustBe('weights of a run', (await event.weights()).w1.length, 512 * data.features);
    }
  }
  mustBe('runs that ended', new Set(ended).size, runs);
  mustBe('plans', took.length, 1);
  return took;
}

/** The kernel for matrix units trains where a card has them, and else says what is missing. */
async function matrices(device: ls.Device): Promise<string[]> {
  const training = trained(device, ALL_LIVE, { kernel: 'tiles-f16', runs: 100, steps: 2 });
  if (device.info.subgroupMatrices) return training;
  const why = String(await training.catch(String));
  if (!/no (shader-f16 and no )?chromium-experimental-subgroup-matrix/.test(why)) throw new Error(why);
  return ['tiles-f16: no matrix units'];
}

const own: ls.Sampler = {
  inputs: 6,
  wgsl: `fn sample(e: Example) {
    let u = random(e, 0u);
    setInput(e, 0u, uniformOf(u.x));
    setTarget(e, 0u, uniformOf(u.y));
  }`,
};

const EXAMPLES = { x: Array(8).fill([0, 1, 0, 1, 0, 1]), y: Array(8).fill(1) };
const PROBES: readonly ls.NetworkProbe[] = [
  'norms',
  'distance',
  'gradientNorm',
  'activeUnits',
  { parities: [[0, 3]] },
  { name: 'mean', wgsl: 'fn probe(e: Example) -> f32 { return outputOf(e, 0u); }' },
];

async function networks(
  device: ls.Device,
  data: ls.NetworkRun['data'],
  kernel: ls.NetworkSchedule = 'persistent',
): Promise<string[]> {
  const network: ls.NetworkDescription = {
    inputs: 6,
    layers: [{ units: 10, activation: 'tanh' }, { units: 1 }],
  };
  let ended = 0;
  for await (const event of ls.trainLockstep(device, {
    runs: [{}, {}],
    network,
    data,
    kernel,
    maxSteps: 3,
    loss: 'mse',
    evaluate: { data: EXAMPLES, every: 3 },
    probes: PROBES,
  })) {
    if (event.type === 'finish') ended++;
  }
  mustBe('networks that ended', ended, 2);
  return [];
}

/** Each kernel of src/kernels/tensor/ in each of its variants, forward and backward. */
async function tensors(device: ls.Device): Promise<string[]> {
  const random = (...shape: number[]) => {
    const tensor = ls.rand(shape, { device });
    tensor.requiresGrad = true;
    return tensor;
  };
  const [a, b, long] = [random(128, 128), random(128, 128), random(2 ** 16)];
  const [row, small] = [random(128), random(40, 32)];
  const indices = ls.arange(0, 64, 2, { device });
  const [w1, b1, w2, b2] = [random(512, 32), random(512), random(1, 512), random(1)];
  const [x, y] = [random(128, 32), ls.rand([128], { device })];
  const results = [
    ls.matmul(a, b),
    ls.matmul(random(32, 32), random(32, 256)),
    ls.matmul(small, random(32, 4)),
    ls.linear(a, b, row),
    ls.tanh(ls.add(ls.mul(a, 2), b)),
    ls.where(ls.gt(a, b), a, b),
    ls.sum(long),
    ls.sum(a, 1),
    ls.sum(random(64, 8), 1),
    ls.max(a, 1),
    ls.min(a, 1),
    ls.softmax(a),
    ls.logSoftmax(a),
    ls.cumsum(a, 1),
    ls.indexSelect(a, 0, indices),
    ls.gather(a, 1, ls.randint(0, 128, [128, 4], { device })),
    ls.contiguous(ls.transpose(a)),
    ls.fusedMlp(x, w1, b1, w2, b2),
    ls.fusedMlpBce(x, y, w1, b1, w2, b2),
  ];
  for (const result of results) ls.sum(result).backward();
  ls.argmax(a, 1);
  ls.cast(a, 'i32');
  ls.full([3], 2, { device });
  const parameters = [a, b, row];
  const optimizers = [
    new ls.optim.AdamW(parameters, {}),
    new ls.optim.Adam(parameters, { amsgrad: true }),
    new ls.optim.SGD(parameters, { lr: 0.1 }),
    new ls.optim.SGD(parameters, { lr: 0.1, momentum: 0.9, nesterov: true }),
    new ls.optim.RMSprop(parameters, { centered: true, momentum: 0.9 }),
    new ls.optim.SignSGD(parameters, { lr: 0.1, momentum: 0.9 }),
  ];
  for (const optimizer of optimizers) optimizer.step();
  mustBe('numbers that were read', (await ls.sum(a, 0).data()).length, 128);
  return [];
}

/** A shader that is wrong and a buffer that is too large are refused as anywhere. */
async function errors(device: ls.Device): Promise<string[]> {
  const codeOf = (error: unknown) => (error instanceof ls.LockstepError ? error.code : String(error));
  const code = '@compute @workgroup_size(1) fn main() { let x = nothing; }';
  mustBe('a wrong shader', await device.pipeline({ label: 'wrong', code }).then(String, codeOf), 'shader');
  let refused = '';
  try {
    device.allocate('too large', 2 * device.limits.maxBufferSize, ls.BufferUsage.STORAGE);
  } catch (error) {
    refused = codeOf(error);
  }
  mustBe('a buffer that is too large', refused, 'unsupported');
  return [];
}

/** By name, in the order in which they are done. */
export const PIECES: Record<string, Piece> = {
  'N = 64': (device, steps) => trained(device, ALL_LIVE, { kernel: 'auto', runs: 100, steps }),
  '8 live': (device) => trained(device, EIGHT_LIVE, { kernel: 'auto', runs: 100, steps: 2 }),
  persistent: (device) => trained(device, ALL_LIVE, { kernel: 'tiles-persistent', runs: 100, steps: 2 }),
  batched: (device) => trained(device, ALL_LIVE, { kernel: 'tiles-batched', runs: 100, steps: 2 }),
  'few runs': (device) => trained(device, ALL_LIVE, { kernel: 'tiles-batched', runs: 2, steps: 2 }),
  f16: matrices,
  portable: (device) => trained(device, ALL_LIVE, { kernel: 'portable', runs: 2, steps: 2 }),
  networks: (device) => networks(device, EXAMPLES),
  'networks by stages': (device) => networks(device, EXAMPLES, 'batched'),
  'built-in samplers': (device) => networks(device, ls.samplers.parity({ inputs: 6, secret: [0, 3] })),
  'own sampler': (device) => networks(device, own),
  tensors,
  errors,
};
