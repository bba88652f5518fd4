/**
 * Kernels one by one, in GB/s and GFLOP/s, beside what the device reaches when it only copies or only multiplies and
 * adds. Times are a profile's; bytes and operations are what the kernels' launchers count.
 */
import {
  add,
  BitMatrix,
  exp,
  Generator,
  matmul,
  measureCeilings,
  nn,
  ones,
  optim,
  rand,
  sigmoid,
  softmax,
  sum,
  type Tensor,
  tensor,
  trainLockstep,
  zeros,
} from 'lockstep-gpu';
import { takeProfile } from '../../src/profiler/take-profile.js';
import { runsOf } from '../runs.js';
import type { Context, Report, Section } from '../section.js';
import { fixed, median, spread } from '../statistics.js';

const CALLS = 5;

interface Work {
  name: string;
  shape: string;
  /** Launches what is timed: `CALLS` times, or for a number of steps. */
  run(): void | Promise<void>;
  /** How the name of the timed kernel ends, if others run beside it. */
  only?: string;
}

/** Microseconds for a call, and the bytes and operations that it needs; of all kernels of the work together. */
interface Sample {
  us: number;
  bytes?: number;
  flops?: number;
  kernels: string[];
  clock: 'device' | 'host';
}

/** Work that calls an operation and disposes of its result. */
function calls(name: string, shape: string, operation: () => Tensor): Work {
  return {
    name,
    shape,
    run: () => {
      for (let k = 0; k < CALLS; k++) operation().dispose();
    },
  };
}

function elementwiseAndReductions(n: number): Work[] {
  const side = Math.sqrt(n);
  const [a, b] = [rand([n]), rand([n])];
  const square = rand([side, side]);
  const each = `[${n}]`;
  const matrix = `[${side}, ${side}]`;
  return [
    calls('add', each, () => add(a, b)),
    calls('exp', each, () => exp(a)),
    calls('sigmoid', each, () => sigmoid(a)),
    calls('sum of all', each, () => sum(a)),
    calls('sum of rows', matrix, () => sum(square, 1)),
    calls('sum of columns', matrix, () => sum(square, 0)),
    calls('softmax of rows', matrix, () => softmax(square, 1)),
  ];
}

function products(large: number): Work[] {
  const product = (left: number[], right: number[]) => {
    const [a, b] = [rand(left), rand(right)];
    return calls('matmul', `[${left}] x [${right}]`, () => matmul(a, b));
  };
  return [
    product([large, large], [large, large]),
    product([128, 64], [64, 512]),
    product([16, 128, 64], [16, 64, 512]),
    product([512, 128], [128, 64]),
  ];
}

function adamw(n: number): Work {
  const parameter = zeros([n], { requiresGrad: true });
  parameter.grad = ones([n]);
  const optimizer = new optim.AdamW([parameter], { lr: 1e-3 });
  const run = () => {
    for (let k = 0; k < CALLS; k++) optimizer.step();
  };
  return { name: 'AdamW', shape: `[${n}]`, run };
}

function fused(features: number): Work {
  const model = new nn.FusedMlp(features, 512);
  const bits = BitMatrix.random(128, features, new Generator(1));
  const x = tensor(bits.words, { shape: [128, bits.wordsPerRow] });
  const y = ones([128, 1]);
  const run = () => {
    for (let k = 0; k < CALLS; k++) {
      using loss = model.bceLoss(x, y);
      loss.backward();
    }
  };
  return { name: 'fusedMlp and its gradients, bits', shape: `batch 128, N ${features}, W 512`, run };
}

/** The trainer's own kernel, in chunks of many steps; a call is a step of one run. */
function training({ device }: Context, features: number, steps: number): Work {
  const runs = runsOf({ strategy: 'multi-epoch', features }, 16);
  const run = async () => {
    for await (const _ of trainLockstep(device, { runs, features, maxSteps: steps }));
  };
  return { name: 'training step', shape: `16 runs, batch 128, N ${features}, W 512`, run, only: '-train' };
}

async function sampleOf({ device }: Context, { run, only }: Work, count: number): Promise<Sample> {
  const { kernels, timing } = await takeProfile(device, run);
  const spans = kernels.filter(({ kernel }) => !only || kernel.endsWith(only));
  const total = (key: 'bytes' | 'flops') =>
    spans.some((span) => span[key] === undefined)
      ? undefined
      : spans.reduce((all, span) => all + (span[key] ?? 0), 0) / count;
  return {
    us: (1e3 * spans.reduce((ms, { start, end }) => ms + end - start, 0)) / count,
    bytes: total('bytes'),
    flops: total('flops'),
    kernels: [...new Set(spans.map(({ kernel }) => kernel))],
    clock: timing.clock,
  };
}

async function run(context: Context): Promise<Report> {
  const { device, rounds, quick, say } = context;
  const n = device.info.isCpu ? 2 ** 22 : 2 ** 26;
  const steps = quick ? 40 : 200;
  const works: { work: Work; count: number }[] = [
    ...elementwiseAndReductions(n),
    ...products(device.info.isCpu ? 512 : 2048),
    adamw(n),
    ...(quick ? [64] : [32, 64]).map(fused),
  ].map((work) => ({ work, count: CALLS }));
  for (const features of quick ? [32] : [32, 64])
    works.push({ work: training(context, features, steps), count: 16 * steps });
  say('ceilings: a copy, multiply-adds');
  const ceilings = await measureCeilings(device);
  const results = [];
  for (const { work, count } of works) {
    say(`${work.name} ${work.shape}`);
    await work.run(); // compiles
    await device.sync();
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round++) samples.push(await sampleOf(context, work, count));
    results.push({ name: work.name, shape: work.shape, samples });
  }
  const { gbPerSecond, gflopPerSecond } = ceilings;
  const rows = results.map(({ name, shape, samples }) => {
    const us = samples.map((sample) => sample.us);
    const { bytes, flops, kernels } = samples[0];
    const rate = (of?: number) => (of === undefined ? Number.NaN : of / median(us) / 1e3);
    const shares = [(100 * rate(bytes)) / gbPerSecond, (100 * rate(flops)) / gflopPerSecond];
    const figures = [fixed(rate(bytes), 2), fixed(shares[0], 0), fixed(rate(flops), 2), fixed(shares[1], 0)];
    const ran = kernels.length > 2 ? `${kernels.length} kernels` : kernels.join(', ');
    return [name, shape, ran, spread(us), ...figures];
  });
  const clock = results[0].samples[0].clock;
  return {
    samples: { ceilings, results },
    tables: [
      {
        title: 'Kernels one by one',
        head: ['', 'shape', 'kernels', 'us a call', 'GB/s', '% of copy', 'GFLOP/s', '% of multiply-add'],
        rows: [
          ['ceiling: copy', '', '', '', fixed(gbPerSecond, 2), '100', '', ''],
          ['ceiling: multiply-add', '', '', '', '', '', fixed(gflopPerSecond, 2), '100'],
          ...rows,
        ],
        notes: [
          `Times by the ${clock}'s clock; ceilings are the best of twelve launches, by the ${ceilings.clock}'s.`,
          'Bytes and operations as the kernels count them: each word once, as if caches were perfect; a multiply-add is two.',
          'A training step keeps its weights in registers and looks sums up in tables instead of multiplying.',
        ],
      },
    ],
  };
}

export const kernels: Section = { name: 'kernels', title: 'Kernels one by one', run };
