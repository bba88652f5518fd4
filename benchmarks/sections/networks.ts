/**
 * Networks of any shape beside the peers, and the parity evaluation's network beside those of them that a user of today
 * would take on a CPU: two PyTorchs as two single-threaded processes and stacked in one, JAX, jax-js and TensorFlow.js.
 * All in turn, round after round.
 */
import { NETWORKS, type NetworkCase, operations, parityNetwork, stepsOf, trainingOf } from '../networks.js';
import type { Peer, Threads } from '../peers/peers.js';
import { runsOf } from '../runs.js';
import type { Context, Report, ReportTable, Section, Target } from '../section.js';
import { fixed, median, ratio, spread } from '../statistics.js';
import { type TrainingTime, timeNetworks, timeTraining } from '../training.js';

const RUNS = 100;
/** Operations that a training of ours has, which is a few seconds, and how many steps that may be. */
const OPERATIONS = { cpu: 6e10, gpu: 1e13 };
const MOST_STEPS = 1500;
/** Models that the peers in JavaScript train at once. */
const SCRIPT_MODELS = 16;
const PARITY_FEATURES = [32, 50, 64];

/** The columns of the tables: whom we are compared with, and how they train. */
const WAYS = [
  ...(['torch', 'torch-2'] as const).flatMap((peer) =>
    (['alone', 'bmm', 'vmap'] as const).map((how) => ({ key: `${peer} ${how}`, peer, how })),
  ),
  { key: 'jax', peer: 'jax', how: 'vmap' },
  { key: 'jax-js', peer: 'jax-js', how: 'vmap' },
  { key: 'tfjs', peer: 'tfjs', how: 'stacked' },
] as const;

type Way = (typeof WAYS)[number];

interface Measured {
  one: NetworkCase;
  ours: TrainingTime[];
  /** Milliseconds a step of all runs, by {@link WAYS}' key. */
  theirs: Record<string, number[]>;
}

/** Milliseconds a step of one model, or undefined where there is no answer. */
async function ask(
  { peers, quick }: Context,
  one: NetworkCase,
  { peer, how }: Way,
): Promise<number | undefined> {
  const isScript = peer === 'jax-js' || peer === 'tfjs';
  const request = {
    ...{ do: 'train', case: one, how, models: isScript ? SCRIPT_MODELS : RUNS },
    ...{ seconds: quick ? 0.2 : 1, steps: 2 },
  };
  const answers = await Promise.all(
    (how === 'alone' ? (['one', 'other'] as Threads[]) : (['wide'] as Threads[])).map((threads) =>
      peers.networks(peer, threads)?.ask<{ ms: number }>(request),
    ),
  );
  const rate = answers.reduce((sum, answer) => sum + (answer ? 1 / answer.ms : Number.NaN), 0);
  return Number.isNaN(rate) ? undefined : 1 / rate;
}

async function measure(
  context: Context,
  one: NetworkCase,
  ours: (runs: number, share: number) => Promise<TrainingTime>,
): Promise<Measured> {
  const { rounds, quick, say } = context;
  const measured: Measured = { one, ours: [], theirs: Object.fromEntries(WAYS.map(({ key }) => [key, []])) };
  for (let round = 1; round <= rounds; round++) {
    say(`${one.name}, round ${round} of ${rounds}`);
    measured.ours.push(await ours(quick ? 20 : RUNS, quick ? 0.05 : 1));
    for (const way of WAYS) {
      const ms = await ask(context, one, way);
      if (ms !== undefined) measured.theirs[way.key].push(RUNS * ms);
    }
  }
  return measured;
}

const measureNetwork = (context: Context, one: NetworkCase): Promise<Measured> =>
  measure(context, one, (runs, share) => {
    const all = share * OPERATIONS[context.device.info.isCpu ? 'cpu' : 'gpu'];
    return timeNetworks(context.device, trainingOf(one, runs, stepsOf(one, runs, all, MOST_STEPS)));
  });

const measureParity = (context: Context, features: number): Promise<Measured> =>
  measure(context, parityNetwork(features), (count, share) => {
    const runs = runsOf({ strategy: 'multi-epoch', features }, count);
    const maxSteps = Math.max(100, 500 * share);
    return timeTraining(context.device, { runs, features, maxSteps });
  });

const wall = ({ ours }: Measured) => ours.map((time) => (RUNS * time.wall) / 1e3);

const over = (result: Measured, key: string) => ratio(result.theirs[key], wall(result));

/** The faster of the two ways in which a PyTorch is stacked. */
const overStacked = (result: Measured, peer: Peer) =>
  Math.min(...['bmm', 'vmap'].map((how) => over(result, `${peer} ${how}`)).filter(Number.isFinite));

function targets(networks: readonly Measured[], parity: readonly Measured[], names: Names): Target[] {
  const rows = (result: Measured, against: readonly (readonly [string, number, number, number])[]) =>
    against.map(([who, measured, atLeast, hoped]) => ({
      ...{ what: result.one.name, against: who, measured, atLeast, hoped },
    }));
  const torches = (result: Measured, peers: readonly Peer[], goal: readonly [number, number]) =>
    peers.flatMap((peer) => [
      [`${names[peer]}, two processes`, over(result, `${peer} alone`), ...goal] as const,
      [`${names[peer]}, stacked`, overStacked(result, peer), ...goal] as const,
    ]);
  return [
    ...networks.flatMap((result, k) =>
      rows(result, [
        ...torches(result, ['torch', 'torch-2'], NETWORKS[k].goal),
        ['jax-js', over(result, 'jax-js'), 10, 10],
        ['tfjs', over(result, 'tfjs'), 10, 10],
      ]),
    ),
    ...parity.flatMap((result) =>
      rows(result, [...torches(result, ['torch-2'], [1, 2]), [names.jax, over(result, 'jax'), 1, 2]]),
    ),
  ].filter(({ measured }) => Number.isFinite(measured));
}

/** What the peers are called, with the versions that are installed. */
type Names = Record<Peer, string>;

async function namesOf({ peers }: Context): Promise<Names> {
  const version = async (peer: Peer) =>
    (await peers.networks(peer)?.ask<{ version: string }>({ do: 'version' }))?.version ?? '';
  return {
    torch: `PyTorch ${await version('torch')}`.trim(),
    'torch-2': `PyTorch ${await version('torch-2')}`.trim(),
    jax: `JAX ${await version('jax')}`.trim(),
    'jax-js': 'jax-js',
    tfjs: 'tfjs',
  };
}

async function run(context: Context): Promise<Report> {
  const names = await namesOf(context);
  const { quick } = context;
  const networks: Measured[] = [];
  for (const one of quick ? NETWORKS.slice(0, 2) : NETWORKS)
    networks.push(await measureNetwork(context, one));
  const parity: Measured[] = [];
  for (const n of quick ? [] : PARITY_FEATURES) parity.push(await measureParity(context, n));
  const all = [...networks, ...parity];
  return {
    samples: all,
    targets: targets(networks, parity, names),
    tables: [ours(all, context), theirs(all, names), ratios(all, names)],
  };
}

const headOf = (names: Names) => ['network', ...WAYS.map(({ peer, how }) => `${names[peer]}, ${how}`)];

function ours(results: readonly Measured[], { quick }: Context): ReportTable {
  return {
    title: `Networks of any shape: milliseconds a step of ${RUNS} runs`,
    head: ['network', 'wall', 'processor', 'operations', 'GFLOP/s'],
    rows: results.map((result) => [
      result.one.name,
      spread(wall(result), 2),
      spread(
        result.ours.map((time) => (RUNS * time.processor) / 1e3),
        2,
      ),
      `${fixed((RUNS * operations(result.one)) / 1e6, 0)} M`,
      fixed((RUNS * operations(result.one)) / 1e6 / median(wall(result))),
    ]),
    notes: [
      'Medians and extremes; host clock, end to end, after compiling. Processor: all threads of our process, over the cores.',
      'Operations: those of the products, a multiply-add is two. parity: by its own kernel, which looks sums up.',
      ...(quick ? ['20 runs, scaled to 100.'] : []),
    ],
  };
}

function theirs(results: readonly Measured[], names: Names): ReportTable {
  return {
    title: `The peers: milliseconds a step of ${RUNS} models`,
    head: headOf(names),
    rows: results.map(({ one, theirs }) => [one.name, ...WAYS.map(({ key }) => spread(theirs[key]))]),
    notes: [
      'PyTorch: alone is two single-threaded processes side by side, a model at a time; bmm and vmap have all models stacked in one',
      'process on every core. JAX: vmap over all models in jit, four steps a call. Both draw their batches as they train.',
      `jax-js: vmap in jit, tfjs: stacked by hand, ${SCRIPT_MODELS} models at once, on the same driver, scaled; batches from a dataset.`,
    ],
  };
}

function ratios(results: readonly Measured[], names: Names): ReportTable {
  return {
    title: 'Networks of any shape: their time over ours',
    head: headOf(names),
    rows: results.map((result) => [result.one.name, ...WAYS.map(({ key }) => fixed(over(result, key)))]),
    notes: [],
  };
}

export const networks: Section = { name: 'networks', title: 'Networks of any shape beside their peers', run };
