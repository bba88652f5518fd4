/**
 * Making the training data of the `default` strategy: 12.8 M uniform rows with their labels, and a shuffle of them
 * for one epoch. PyTorch and NumPy make the same beside it.
 */
import { Generator, makeTask, makeTrainingSet, sampleSecrets, strategyNamed } from 'lockstep-gpu/bench';
import type { Context, Report, Section, Target } from '../section.js';
import { fixed, ratio, spread } from '../statistics.js';

const ROWS = 12_800_000;
/** PyTorch's rows are int64 before they are floats: in one piece they would take 10 GB. */
const PARTS = 8;
const PEERS = { torch: 'data', numpy: 'numpy_data' } as const;

interface Seconds {
  rows: number;
  shuffle: number;
}

function ours(features: number, rows: number): Seconds {
  const task = makeTask(`n${features}-k8`, 'full', { maxTrainExamples: rows });
  const [secret] = sampleSecrets({ ...task, secrets: 1 }, 42);
  const start = performance.now();
  makeTrainingSet(strategyNamed('default'), secret, task, 42);
  const between = performance.now();
  new Generator(42).randperm(rows);
  return { rows: (between - start) / 1e3, shuffle: (performance.now() - between) / 1e3 };
}

async function run({ peers, rounds, quick, say }: Context): Promise<Report> {
  const rows = quick ? ROWS / 10 : ROWS;
  const results: { features: number; ours: Seconds[]; torch: Seconds[]; numpy: Seconds[] }[] = [];
  for (const features of quick ? [64] : [32, 50, 64]) {
    const result = { features, ours: [] as Seconds[], torch: [] as Seconds[], numpy: [] as Seconds[] };
    for (let round = 1; round <= rounds; round++) {
      say(`data, n${features}, round ${round} of ${rounds}`);
      result.ours.push(ours(features, rows));
      for (const [peer, command] of Object.entries(PEERS)) {
        // The peers take most of this section's time.
        if (round > (features === 64 ? 2 : 1)) continue;
        const request = { do: command, rows, features, parts: PARTS };
        const answer = await peers.torch('one')?.ask<Seconds>(request);
        if (answer) result[peer as keyof typeof PEERS].push(answer);
      }
    }
    results.push(result);
  }
  const total = (list: readonly Seconds[]) => list.map((seconds) => seconds.rows + seconds.shuffle);
  const cells = (list: readonly Seconds[]) => [
    spread(
      list.map((seconds) => seconds.rows),
      2,
    ),
    spread(
      list.map((seconds) => seconds.shuffle),
      2,
    ),
  ];
  const widest = results[results.length - 1];
  const targets = (['torch', 'numpy'] as const).map(
    (peer): Target => ({
      what: `data of default, N = ${widest.features}: ${rows / 1e6} M rows and a shuffle`,
      against: peer === 'torch' ? 'PyTorch, one thread' : 'NumPy',
      atLeast: 1,
      hoped: 3,
      measured: ratio(total(widest[peer]), total(widest.ours)),
    }),
  );
  return {
    samples: results,
    targets: targets.filter(({ measured }) => Number.isFinite(measured)),
    tables: [
      {
        title: `Data of default: seconds for ${rows / 1e6} M rows, and for a shuffle of them`,
        head: [
          'N',
          'rows',
          'shuffle',
          'PyTorch: rows',
          'shuffle',
          'NumPy: rows',
          'shuffle',
          'PyTorch over ours',
          'NumPy',
        ],
        rows: results.map(({ features, ...samples }) => [
          features,
          ...cells(samples.ours),
          ...cells(samples.torch),
          ...cells(samples.numpy),
          fixed(ratio(total(samples.torch), total(samples.ours))),
          fixed(ratio(total(samples.numpy), total(samples.ours))),
        ]),
        notes: [
          'Host clock, one thread each. Ours: packed bits with labels, checked, from MT19937; the same numbers as PyTorch.',
          `PyTorch: randint, float and labels as the referee makes them, in ${PARTS} parts. NumPy: MT19937 to bytes, other numbers.`,
        ],
      },
    ],
  };
}

export const data: Section = { name: 'data', title: 'Training data', run };
