/** All of `npm run bench`, as a user starts it, beside the referee as two processes. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Context, Report, Section, Target } from '../section.js';
import { fixed, median, spread } from '../statistics.js';

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const CONFIGS = [32, 50, 64];
const STRATEGY = 'feature-isolation';
const RUNS = 100;

interface Summary {
  metrics: { test_accuracy: number; mean_steps: number };
}

interface RefereeTime {
  features: number;
  /** For all runs, scaled up from those that were trained. */
  seconds: number;
  /** Share of the runs that were trained. */
  share: number;
  answers: { seconds: number; steps: number; accuracy: number }[];
}

/** Wall time of the program, and what it found. */
function ours(quick: boolean): Promise<{ seconds: number; summaries: Summary[] }> {
  const args = ['bench', '--json', '--strategy', STRATEGY, ...(quick ? ['--preset', 'smoke'] : [])];
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const seconds = (performance.now() - start) / 1e3;
      if (code === 0) resolve({ seconds, summaries: [JSON.parse(text)].flat() as Summary[] });
      else reject(new Error(`lockstep-gpu ${args.join(' ')} ended with ${code}`));
    });
  });
}

/** Seconds that two processes side by side take for all runs of one configuration, scaled up from some of them. */
async function referee({ peers, quick }: Context, features: number): Promise<RefereeTime | undefined> {
  const [one, other] = [peers.torch('one'), peers.torch('other')];
  if (!one || !other) return undefined;
  const part = quick ? { secrets: 1, orders: 1 } : { secrets: 2, orders: 3 };
  const answers = await Promise.all(
    [one, other].map((peer, k) =>
      peer.ask<{ seconds: number; steps: number; accuracy: number }>({
        do: 'evaluate',
        strategy: STRATEGY,
        features,
        seed: 42 + k,
        ...part,
      }),
    ),
  );
  if (!answers.every((answer) => answer !== undefined)) return undefined;
  const runs = part.secrets * part.orders;
  // Runs a second of both together, as long as both have work.
  const rate = answers.reduce((sum, { seconds }) => sum + runs / seconds, 0);
  return { features, seconds: RUNS / rate, share: (2 * runs) / RUNS, answers };
}

async function run(context: Context): Promise<Report> {
  const { quick, rounds, say } = context;
  const whole = [];
  const theirs: RefereeTime[] = [];
  for (let round = 1; round <= (quick ? 1 : Math.min(2, rounds)); round++) {
    say(`npm run bench, round ${round}`);
    whole.push(await ours(quick));
    for (const features of CONFIGS) {
      say(`the referee, n${features}, round ${round}`);
      const result = await referee(context, features);
      if (result) theirs.push(result);
    }
  }
  const seconds = whole.map((result) => result.seconds);
  const refereeSeconds = CONFIGS.map((features) =>
    theirs.filter((result) => result.features === features).map((result) => result.seconds),
  );
  const all = refereeSeconds.every((list) => list.length > 0)
    ? refereeSeconds.reduce((sum, list) => sum + median(list), 0)
    : Number.NaN;
  const share = theirs[0]?.share ?? Number.NaN;
  // The smoke preset is not the referee's job.
  const measured = quick ? Number.NaN : all / median(seconds);
  const target: Target = {
    what: '`npm run bench`, whole',
    against: 'the referee as two processes',
    atLeast: 3,
    hoped: 5,
    measured,
  };
  return {
    samples: { ours: whole, referee: theirs },
    targets: Number.isFinite(measured) ? [target] : [],
    tables: [
      {
        title: `End to end: ${STRATEGY}, three configurations${quick ? ', smoke preset' : ` of ${RUNS} runs`}`,
        head: ['', 'seconds', 'accuracy', 'mean steps'],
        rows: [
          [
            'npm run bench, the process whole',
            spread(seconds),
            whole[0].summaries.map(({ metrics }) => metrics.test_accuracy.toFixed(6)).join(', '),
            whole[0].summaries.map(({ metrics }) => metrics.mean_steps).join(', '),
          ],
          ...CONFIGS.map((features, k) => {
            const answers = theirs
              .filter((result) => result.features === features)
              .flatMap(({ answers }) => answers);
            return [
              `referee, n${features}, scaled to ${RUNS} runs`,
              spread(refereeSeconds[k]),
              answers.length > 0 ? fixed(median(answers.map(({ accuracy }) => accuracy)), 6) : '-',
              answers.length > 0 ? fixed(median(answers.map(({ steps }) => steps)), 0) : '-',
            ];
          }),
          ['referee, all three', fixed(all), '', ''],
          ['ratio', fixed(measured), '', ''],
        ],
        notes: [
          'Host clock. Ours: from the start of Node to its end, with opening the device and compiling (shader cache as it was).',
          `The referee: two single-threaded processes, ${fixed(100 * share, 0)}% of the runs trained and scored in full, ` +
            'datasets included, start of Python apart; the rest scaled by runs.',
        ],
      },
    ],
  };
}

export const endToEnd: Section = { name: 'whole', title: 'End to end', run };
