/** How the cost of a training step depends on the number of runs R, the hidden width W and the kernel variant. */
import { KERNEL_NAMES } from '../../src/kernels/train/training-kernel.js';
import { type Case, runsOf } from '../runs.js';
import type { Context, Report, ReportTable, Section, Target } from '../section.js';
import { fixed, median, spread } from '../statistics.js';
import { type ParityTime, timeTraining } from '../training.js';

const BATCH = 128;
const LONG_MS = 12_000;
/** A training that takes this long, on a slow driver, is timed only once. */
const TOO_LONG_MS = 30_000;
/** On a GPU, this many steps for each of a CPU driver's, so that a training is long enough to time. */
const GPU_STEPS = 20;
/** If other programs have more than this share of the cores, a sample says little. */
const DISTURBED = 0.15;
/** The target: the cost of a run rises by no more than this share above the lowest cost with fewer runs. */
const RISE = 0.1;

interface Part {
  table: ReportTable;
  samples: unknown;
}

interface Training {
  runs: number;
  steps: number;
  kernel?: string;
}

function sampleOf({ device }: Context, one: Case, { runs, steps, kernel }: Training): Promise<ParityTime> {
  return timeTraining(device, {
    runs: runsOf(one, runs),
    features: one.features,
    hidden: one.hidden,
    batchSize: BATCH,
    maxSteps: steps * (device.info.isCpu ? 1 : GPU_STEPS),
    ...(kernel ? { kernel: kernel as 'auto' } : {}),
  });
}

async function samplesOf(
  context: Context,
  one: Case,
  { rounds, ...training }: Training & { rounds: number },
): Promise<ParityTime[]> {
  const samples: ParityTime[] = [];
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    // What takes this long need not be measured twice.
    if (round > 0 && performance.now() - start > LONG_MS) break;
    samples.push(await sampleOf(context, one, training));
  }
  return samples;
}

/** A sample; if other programs had the cores, the better of two. */
async function quietSampleOf(context: Context, one: Case, training: Training): Promise<ParityTime> {
  const sample = await sampleOf(context, one, training);
  if (sample.others <= DISTURBED) return sample;
  const again = await sampleOf(context, one, training);
  return again.others < sample.others ? again : sample;
}

const steady = (samples: readonly ParityTime[]) => samples.map((time) => time.steady);

async function byRuns(context: Context, one: Case): Promise<Part & { rise: number }> {
  const counts = context.quick ? [1, 8, 64] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  const results = counts.map((runs) => ({ runs, samples: [] as ParityTime[], ms: 0 }));
  runsOf(one, Math.max(...counts)); // made before anything is timed
  // Each round takes all counts in turn, because the machine's own speed changes by a tenth or two from minute to
  // minute.
  for (let round = 0; round < context.rounds; round++) {
    for (const result of results) {
      const { runs, samples } = result;
      if (result.ms > TOO_LONG_MS) continue;
      context.say(`${one.strategy} n${one.features}, ${runs} runs, round ${round + 1}`);
      // Five seconds on two cores: five chunks and more. 1,024 runs take four times as long: their first chunks are
      // short, and the millisecond that it takes to admit and end a run should weigh as little as in a training of
      // usual length.
      const steps = Math.round(Math.min(8000, Math.max(400, 100_000 / runs)) / (context.quick ? 4 : 1));
      const start = performance.now();
      samples.push(await quietSampleOf(context, one, { runs, steps }));
      result.ms = performance.now() - start;
    }
  }
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  const rows = results.map(({ runs, samples }) => {
    const cost = median(steady(samples));
    const rise = cost / lowest - 1;
    lowest = Math.min(lowest, cost);
    highest = Math.max(highest, rise);
    const change = rise > 0 ? `+${fixed(100 * rise, 0)}%${rise > RISE ? ' (over 10%)' : ''}` : '';
    const processor = spread(samples.map((time) => time.processor));
    const others = `${fixed(100 * median(samples.map((time) => time.others)), 0)}%`;
    return [
      runs,
      samples[0].kernel,
      spread(steady(samples)),
      processor,
      others,
      fixed(cost * runs, 0),
      change,
    ];
  });
  return {
    samples: { ...one, results },
    rise: highest,
    table: {
      title: `By R: ${one.strategy}, N = ${one.features}, W = 512, batch ${BATCH}`,
      head: [
        'R',
        'kernel',
        'us a step and run',
        'processor',
        'others',
        'us a step of all',
        'above the lowest so far',
      ],
      rows,
      notes: [
        'Host clock, the last two thirds of the steps, when chunks have grown to their size.',
        'Processor: all threads over the cores, from the first chunk on.',
        `Others: share of the cores that other programs had. Above ${100 * DISTURBED}% a sample is taken again: lavapipe cuts`,
        'work into as many equal parts as there are cores, and waits for the one that lags.',
      ],
    },
  };
}

async function byWidth(context: Context, one: Case): Promise<Part> {
  const widths = context.quick ? [128, 512] : [64, 128, 256, 512, 1024, 2048, 4096];
  const results: { hidden: number; samples: ParityTime[] }[] = [];
  for (const hidden of widths) {
    context.say(`${one.strategy} n${one.features}, W ${hidden}`);
    const steps = Math.max(60, Math.round(Math.min(600, (600 * 128) / hidden)));
    const samples = await samplesOf(
      context,
      { ...one, hidden },
      { runs: 16, steps, rounds: Math.min(2, context.rounds) },
    );
    results.push({ hidden, samples });
  }
  return {
    samples: { ...one, results },
    table: {
      title: `By W: ${one.strategy}, N = ${one.features}, 16 runs, batch ${BATCH}`,
      head: ['W', 'kernel', 'us a step and run', 'ns a hidden unit'],
      rows: results.map(({ hidden, samples }) => [
        hidden,
        samples[0].kernel,
        spread(steady(samples)),
        fixed((1e3 * median(steady(samples))) / hidden),
      ]),
      notes: ['Host clock, the last two thirds of the steps.'],
    },
  };
}

async function byVariant(context: Context, one: Case, kernels: readonly string[]): Promise<Part> {
  const results: { kernel: string; samples: ParityTime[]; refusal?: string }[] = [];
  for (const kernel of kernels) {
    context.say(`${one.strategy} n${one.features}, kernel ${kernel}`);
    try {
      const samples = await samplesOf(context, one, {
        runs: 16,
        steps: context.quick ? 40 : 60,
        rounds: Math.min(2, context.rounds),
        kernel,
      });
      results.push({ kernel, samples });
    } catch (error) {
      results.push({ kernel, samples: [], refusal: (error as Error).message });
    }
  }
  return {
    samples: { ...one, results },
    table: {
      title: `By kernel variant: ${one.strategy}, N = ${one.features}, W = 512, 16 runs`,
      head: ['kernel', 'us a step and run', ''],
      rows: results.map(({ kernel, samples, refusal }) => [kernel, spread(steady(samples)), refusal ?? '']),
      notes: [
        'Host clock, the last two thirds of the steps. Without --kernel the adapter and the shape decide.',
      ],
    },
  };
}

async function run(context: Context): Promise<Report> {
  const dense = (features: number) => ({ strategy: 'multi-epoch', features });
  const runs = await byRuns(context, dense(32));
  const parts: Part[] = [runs, await byWidth(context, dense(32))];
  for (const features of context.quick ? [32] : [32, 64]) {
    parts.push(await byVariant(context, dense(features), KERNEL_NAMES));
  }
  const target: Target = {
    what: 'cost a run, R from 1 to 1,024: the most that it rises',
    against: 'the lowest so far',
    atLeast: RISE,
    hoped: 0,
    measured: runs.rise,
    kind: 'share',
  };
  return {
    samples: parts.map((part) => part.samples),
    tables: parts.map((part) => part.table),
    targets: context.quick ? [] : [target],
  };
}

export const scaling: Section = { name: 'scaling', title: 'Training step by runs, width and kernel', run };
