/**
 * The two schedules of the kernel for networks of any shape: a workgroup for each run, or a launch for each part of a step. Which one
 * is faster depends on the adapter, on the network and on how many runs there are; both in turn, round after round.
 */
import { NETWORKS, type NetworkCase, stepsOf, trainingOf } from '../networks.js';
import type { Context, Report, Section } from '../section.js';
import { fixed, median, spread } from '../statistics.js';
import { timeNetworks } from '../training.js';

const SCHEDULES = ['persistent', 'batched'] as const;
const RUNS = [1, 10, 100];
/** Operations that a training has, which is a second or so, and how many steps that may be. */
const OPERATIONS = { cpu: 1e10, gpu: 2e11 };
const MOST_STEPS = 1000;

interface Measured {
  one: NetworkCase;
  runs: number;
  /** Milliseconds a step of all runs. */
  times: Record<(typeof SCHEDULES)[number], number[]>;
}

async function measure({ device, rounds }: Context, one: NetworkCase, runs: number): Promise<Measured> {
  const all = OPERATIONS[device.info.isCpu ? 'cpu' : 'gpu'];
  const steps = stepsOf(one, runs, all, MOST_STEPS);
  const times: Measured['times'] = { persistent: [], batched: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const kernel of SCHEDULES) {
      const { wall } = await timeNetworks(device, { ...trainingOf(one, runs, steps), kernel });
      times[kernel].push((runs * wall) / 1e3);
    }
  }
  return { one, runs, times };
}

async function run(context: Context): Promise<Report> {
  const { quick, say } = context;
  const samples: Measured[] = [];
  for (const one of quick ? NETWORKS.slice(0, 2) : NETWORKS) {
    for (const runs of RUNS) {
      say(`${one.name}, ${runs} runs`);
      samples.push(await measure(context, one, runs));
    }
  }
  const rows = samples.map(({ one, runs, times }) => [
    one.name,
    String(runs),
    ...SCHEDULES.map((kernel) => spread(times[kernel], 2)),
    fixed(median(times.persistent) / median(times.batched), 2),
  ]);
  return {
    samples,
    tables: [
      {
        title: 'Networks of any shape by schedule: milliseconds a step of all runs',
        head: ['network', 'runs', ...SCHEDULES, 'persistent over batched'],
        rows,
        notes: [
          'Medians and extremes; host clock, end to end, after compiling. Both schedules give the same bits.',
        ],
      },
    ],
  };
}

export const schedules: Section = {
  name: 'schedules',
  title: 'The two schedules of networks of any shape',
  run,
};
