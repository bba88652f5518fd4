/**
 * How much of a training is the host's: processor time of the main thread while the driver works, over the wall time.
 * Measured from the end of the first chunk, and so without compiling, until the last run has finished.
 */
import { performance } from 'node:perf_hooks';
import { type Device, type LockstepOptions, trainLockstep } from 'lockstep-gpu';
import { noCards, onCard } from '../cards/card.js';
import { type Case, runsOf } from '../runs.js';
import type { Context, Report, ReportTable, Section, Target } from '../section.js';
import { fixed, median, spread } from '../statistics.js';
import { mainThreadMs } from '../thread-time.js';

const RUNS = 100;
/**
 * Steps: enough for several chunks of a second, so that not all orders are drawn before the clock starts. As many as
 * in an evaluation, except for `default`, which there goes on for up to 100,000. `default` has a tenth of its rows
 * here, because ten secrets with all of them take 1 GB.
 */
const CASES: readonly (Case & { steps: number })[] = [
  { strategy: 'feature-isolation', features: 32, steps: 1000 },
  { strategy: 'multi-epoch', features: 32, steps: 1000 },
  { strategy: 'multi-epoch', features: 64, steps: 1000 },
  { strategy: 'default', features: 64, rows: 1_280_000, steps: 3000 },
];

interface HostTime {
  /** Processor time of the main thread over the wall time; NaN if nothing reports it. */
  mainShare: number;
  /** Microseconds of that time for a step of one run. */
  each: number;
  /** Share of the wall time in which the event loop was not idle. */
  loopShare: number;
}

async function timeHost(device: Device, options: LockstepOptions): Promise<HostTime> {
  const now = () => ({ at: performance.now(), main: mainThreadMs() ?? Number.NaN });
  let start: ReturnType<typeof now> | undefined;
  let loop = performance.eventLoopUtilization();
  let before = 0;
  let steps = 0;
  for await (const event of trainLockstep(device, options)) {
    if (event.type !== 'progress') continue;
    steps = event.steps;
    if (start) continue;
    start = now();
    loop = performance.eventLoopUtilization();
    before = steps;
  }
  if (!start) throw new Error('nothing was trained');
  const end = now();
  const main = end.main - start.main;
  return {
    mainShare: main / (end.at - start.at),
    each: (1e3 * main) / (steps - before),
    loopShare: performance.eventLoopUtilization(loop).utilization,
  };
}

/** On a card that is not there and takes no time, where one can be faked. */
async function alone(say: Context['say']): Promise<ReportTable[]> {
  const why = noCards();
  if (why !== undefined) {
    say(`no faked card: ${why}`);
    return [];
  }
  say('on a card that computes nothing');
  const { host = [], adapter } = await onCard('navi31', ['--host']);
  return [
    {
      title: 'Host time where the device takes none',
      head: ['kernel', 'runs', 'threads that draw batches', 'main thread, us a step and run'],
      rows: host.map(({ kernel, runs, threads, each }) => [
        kernel,
        runs,
        threads,
        fixed(each, each < 1 ? 3 : 1),
      ]),
      notes: [
        `multi-epoch, N = 64, on ${adapter}, which is faked and computes nothing. A GPU that takes less than this for a step and run`,
        'waits for the host. Threads: by default two fewer than there are cores, up to 8. The lower quartile of stretches of 40 ms, without',
        'what Dawn takes to ask whether the device is done, which it does in the time that the host has left.',
      ],
    },
  ];
}

async function run({ device, rounds, quick, say }: Context): Promise<Report> {
  const results: { one: Case; steps: number; samples: HostTime[] }[] = [];
  for (const { steps, ...one } of quick ? CASES.slice(0, 1) : CASES) {
    const samples: HostTime[] = [];
    for (let round = 1; round <= Math.min(2, rounds); round++) {
      say(`${one.strategy} n${one.features}, round ${round}`);
      const runs = runsOf(one, quick ? 20 : RUNS);
      samples.push(await timeHost(device, { runs, features: one.features, maxSteps: quick ? 150 : steps }));
    }
    results.push({ one, steps, samples });
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
      ...(quick ? [] : await alone(say)),
      {
        title: 'Host share of a training',
        head: [
          'strategy',
          'N',
          'steps',
          'main thread, % of wall time',
          'us a step and run',
          'event loop not idle, %',
        ],
        rows: results.map(({ one, steps, samples }) => {
          const main = samples.map((time) => time.mainShare);
          const each = fixed(median(samples.map((time) => time.each)), 2);
          const loop = percent(samples.map((time) => time.loopShare));
          return [one.strategy, one.features, steps, percent(main), each, loop];
        }),
        notes: [
          'Processor time of the main thread: admitting runs, orders, packing, encoding, looking whether the driver is done, ' +
            "reading, events, collecting garbage. From the kernel's scheduler; threads of the driver are not in it.",
          `${RUNS} runs, from the end of the first chunk until the last run has finished. default has a tenth of ` +
            'its rows and 3 of 100 of its steps here; the first touch of its memory counts most. Making the datasets is before.',
        ],
      },
    ],
  };
}

export const hostShare: Section = { name: 'host', title: 'Host share', run };
