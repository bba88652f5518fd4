/** How much of a training is the host's: processor time of the main thread while the driver works, over the wall time. */
import { type Case, runsOf } from '../runs.js';
import type { Context, Report, Section, Target } from '../section.js';
import { fixed, median, spread } from '../statistics.js';
import { type TrainingTime, timeTraining } from '../training.js';

const RUNS = 100;
/** `default` with a tenth of its rows: ten secrets of all of them take 1 GB. */
const CASES: readonly Case[] = [
  { strategy: 'feature-isolation', features: 32 },
  { strategy: 'multi-epoch', features: 32 },
  { strategy: 'multi-epoch', features: 64 },
  { strategy: 'default', features: 64, rows: 1_280_000 },
];

async function run({ device, rounds, quick, say }: Context): Promise<Report> {
  const results: { one: Case; samples: TrainingTime[] }[] = [];
  for (const one of quick ? CASES.slice(0, 1) : CASES) {
    const samples: TrainingTime[] = [];
    for (let round = 1; round <= Math.min(2, rounds); round++) {
      say(`${one.strategy} n${one.features}, round ${round}`);
      const runs = runsOf(one, quick ? 20 : RUNS);
      samples.push(await timeTraining(device, { runs, features: one.features, maxSteps: quick ? 150 : 500 }));
    }
    results.push({ one, samples });
  }
  const percent = (values: readonly number[]) => spread(values.map((share) => 100 * share));
  const shares = results.map(({ samples }) => median(samples.map((time) => time.mainShare)));
  const target: Target = {
    what: 'host share, the worst of these cases',
    against: 'wall time',
    atLeast: 0.05,
    hoped: 0.01,
    measured: Math.max(...shares),
    kind: 'share',
  };
  return {
    samples: results,
    targets: Number.isFinite(target.measured) ? [target] : [],
    tables: [
      {
        title: 'Host share of a training',
        head: ['strategy', 'N', 'main thread, % of wall time', 'us a step and run', 'event loop not idle, %'],
        rows: results.map(({ one, samples }) => {
          const main = samples.map((time) => time.mainShare);
          const each = fixed(median(samples.map((time) => time.mainShare * time.steady)), 2);
          const loop = percent(samples.map((time) => time.loopShare));
          return [one.strategy, one.features, percent(main), each, loop];
        }),
        notes: [
          "Processor time of the main thread (orders, packing, encoding, reading, events), from the kernel's scheduler; " +
            'workers of strategies and threads of the driver are not in it.',
          'The last two thirds of the steps; uploads of datasets are before. default has a tenth of its rows here.',
        ],
      },
    ],
  };
}

export const hostShare: Section = { name: 'host', title: 'Host share', run };
