/**
 * A training step of one run, by N, beside the peers: PyTorch as one and as two single-threaded processes, and with
 * all models stacked in one process; jax-js and TensorFlow.js on the same driver. All take turns, round after round.
 */
import type { ScriptPeer } from '../peers/peers.js';
import type { StepAnswer, StepRequest } from '../peers/request.js';
import { type Case, runsOf } from '../runs.js';
import type { Context, Report, Section, Target } from '../section.js';
import { fixed, median, ratio, spread } from '../statistics.js';
import { type ParityTime, timeTraining } from '../training.js';

const RUNS = 100;
/** With this many steps of a hundred runs, a training is long enough to time. */
const STEPS = { cpu: 500, gpu: 20_000 };
/** Seconds for 100 runs of 100,000 steps at N = 64, if their two products used all of an H200's 67 TFLOP/s. */
const H200_FLOOR = 2.5;
/** Models that each trains at once: of 4, 16 and 64, the number with the lowest cost of a model. */
const SCRIPT_MODELS = { 'jax-js': 16, tfjs: 4 };
const STRATEGIES = ['feature-isolation', 'multi-epoch'];
/** "At least" and "hoped for", by N. */
const GOALS: Record<number, [number, number]> = { 32: [4, 7], 50: [3, 5], 64: [2.7, 5] };

interface Samples {
  ours: ParityTime[];
  /** Microseconds for a step of one model. */
  one: number[];
  two: number[];
  bmm: number[];
  functorch: number[];
  'jax-js': number[];
  tfjs: number[];
}

async function torchSamples({ peers, quick }: Context, { strategy, features }: Case, samples: Samples) {
  const [one, other, wide] = [peers.torch('one'), peers.torch('other'), peers.torch('wide')];
  if (!one || !other || !wide) return;
  const request = { do: 'step', strategy, features, steps: quick ? 100 : 300 };
  const alone = await one.ask<{ ms: number }>(request);
  if (alone) samples.one.push(1e3 * alone.ms);
  const [left, right] = await Promise.all([one, other].map((peer) => peer.ask<{ ms: number }>(request)));
  if (left && right) samples.two.push(1e3 / (1 / left.ms + 1 / right.ms));
  for (const how of ['bmm', 'functorch'] as const) {
    const stacked = { do: 'stacked', how, strategy, features, models: RUNS, steps: quick ? 3 : 10 };
    const answer = await wide.ask<{ ms: number }>(stacked);
    if (answer) samples[how].push(1e3 * answer.ms);
  }
}

async function scriptSample({ peers }: Context, features: number, peer: ScriptPeer, samples: Samples) {
  const process = peers.script(peer);
  if (!process) return;
  const models = SCRIPT_MODELS[peer];
  const request: StepRequest = { features, hidden: 512, batch: 128, models, steps: Math.ceil(32 / models) };
  const answer = await process.ask<StepAnswer>(request);
  if (answer) samples[peer].push(1e3 * answer.ms);
}

async function measure(context: Context, one: Case) {
  const samples: Samples = { ours: [], one: [], two: [], bmm: [], functorch: [], 'jax-js': [], tfjs: [] };
  const { device, rounds, quick, say } = context;
  for (let round = 1; round <= rounds; round++) {
    say(`${one.strategy} n${one.features}, round ${round} of ${rounds}`);
    const runs = runsOf(one, quick ? 20 : RUNS);
    const steps = STEPS[device.info.isCpu ? 'cpu' : 'gpu'] / (quick ? 5 : 1);
    samples.ours.push(await timeTraining(device, { runs, features: one.features, maxSteps: steps }));
    await torchSamples(context, one, samples);
    for (const peer of ['jax-js', 'tfjs'] as const) await scriptSample(context, one.features, peer, samples);
  }
  return { ...one, samples };
}

type Measured = Awaited<ReturnType<typeof measure>>;

const wall = ({ samples }: Measured) => samples.ours.map((time) => time.wall);

function targets(results: readonly Measured[]): Target[] {
  return results.flatMap((result) => {
    const { strategy, features, samples } = result;
    const [atLeast, hoped] = GOALS[features] ?? [1, 1];
    const what = `training step, ${strategy}, N = ${features}`;
    return [
      {
        what,
        against: 'PyTorch, two processes',
        atLeast,
        hoped,
        measured: ratio(samples.two, wall(result)),
      },
      ...(['jax-js', 'tfjs'] as const).map((peer) => ({
        what,
        against: peer,
        atLeast: 50,
        hoped: 200,
        measured: ratio(samples[peer], wall(result)),
      })),
    ].filter(({ measured }) => Number.isFinite(measured));
  });
}

/** For a GPU: the time of 100 runs of 100,000 steps at the measured speed, as a multiple of an H200's floor. */
function gpuTarget(results: readonly Measured[]): Target[] {
  const widest = results.find(({ strategy, features }) => strategy === 'multi-epoch' && features === 64);
  if (!widest) return [];
  const seconds = (median(wall(widest)) / 1e6) * RUNS * 100_000;
  return [
    {
      what: '100 runs x 100,000 steps, N = 64',
      against: `an H200's arithmetic floor, ${H200_FLOOR} s`,
      atLeast: 4,
      hoped: 2,
      measured: seconds / H200_FLOOR,
      kind: 'multiple',
    },
  ];
}

async function run(context: Context): Promise<Report> {
  const features = context.quick ? [32] : [32, 50, 64];
  const results: Measured[] = [];
  for (const strategy of STRATEGIES) {
    for (const n of features) results.push(await measure(context, { strategy, features: n }));
  }
  const ratios = (result: Measured, keys: readonly (keyof Omit<Samples, 'ours'>)[]) =>
    keys.map((key) => fixed(ratio(result.samples[key], wall(result))));
  return {
    samples: results,
    targets: [...targets(results), ...(context.device.info.isCpu ? [] : gpuTarget(results))],
    tables: [
      {
        title: 'Training step by N: microseconds a step of one run',
        head: [
          'strategy',
          'N',
          'kernel',
          'ours',
          'processor',
          'PyTorch, 1 process',
          '2 processes',
          'bmm',
          'functorch',
        ],
        rows: results.map((result) => [
          result.strategy,
          result.features,
          result.samples.ours[0].kernel,
          spread(wall(result)),
          spread(result.samples.ours.map((time) => time.processor)),
          ...(['one', 'two', 'bmm', 'functorch'] as const).map((key) => spread(result.samples[key])),
        ]),
        notes: [
          'Medians and extremes; host clock, end to end: orders, gather, step, windows and stop rule, after compiling.',
          `${context.quick ? 20 : RUNS} runs together. Processor: all threads of our process, over the cores.`,
          'bmm, functorch: all models stacked in one PyTorch process on every core, without metrics and epoch orders.',
        ],
      },
      {
        title: 'Ratios: their time over ours',
        head: ['strategy', 'N', 'PyTorch, 1 process', '2 processes', 'bmm', 'functorch', 'jax-js', 'tfjs'],
        rows: results.map((result) => [
          result.strategy,
          result.features,
          ...ratios(result, ['one', 'two', 'bmm', 'functorch', 'jax-js', 'tfjs']),
        ]),
        notes: [
          `jax-js: vmap in jit, ${SCRIPT_MODELS['jax-js']} models at once; tfjs: stacked by hand, ${SCRIPT_MODELS.tfjs} (their best numbers).`,
          'Both on the same driver through Dawn, with the gather, without orders, metrics and stop rule; short runs after compiling.',
        ],
      },
      ...(['jax-js', 'tfjs'] as const).flatMap((peer) => scriptTable(peer, results)),
    ],
  };
}

function scriptTable(peer: ScriptPeer, results: readonly Measured[]) {
  const rows = results.filter(({ samples }) => samples[peer].length > 0);
  if (rows.length === 0) return [];
  return [
    {
      title: `${peer}: microseconds a step of one model`,
      head: ['measured beside', 'N', peer],
      rows: rows.map(({ strategy, features, samples }) => [strategy, features, spread(samples[peer], 0)]),
      notes: ['Host clock. To them all columns are alike: only N matters.'],
    },
  ];
}

export const trainingStep: Section = { name: 'step', title: 'Training step beside its peers', run };
