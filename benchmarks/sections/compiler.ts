/**
 * What the compiler of AMD's cards makes of the kernels that GPUs are given, without a card (cards/): registers, subgroups at once,
 * instructions, its own estimates of time, and what share of each inner loop multiplies and adds; beside what RESULTS.md
 * keeps. A change of a GPU kernel quotes it.
 */
import { readFileSync } from 'node:fs';
import { CARDS, type Card, noCards, type OnCard, onCard } from '../cards/card.js';
import { keptTable } from '../cards/kept.js';
import { innerLoops } from '../cards/loops.js';
import { type Compiled, printedBy } from '../cards/statistics.js';
import type { Context, Report, ReportTable, Section } from '../section.js';
import { fixed } from '../statistics.js';

/** Kernels in which a training's time goes; the others are a line of arithmetic each. */
const SHOWN = /^(tiles-|portable-score|network-)/;
/** A loop with fewer multiply-adds is not there for them. */
const LEAST_MULTIPLY_ADDS = 8;
/** The card whose figures are shown in full. */
const MAIN: Card = 'navi31';

const FIGURES = `The compiler's figures for ${CARDS[MAIN]}`;
const LOOPS = `Inner loops on ${CARDS[MAIN]}: the share that multiplies and adds`;
const BY_CARD = 'By card: vector registers / subgroups a SIMD unit / inverse throughput';

const nameOf = ({ label, piece }: Pick<Compiled, 'label' | 'piece'>): string => `${label} (${piece})`;
const isShown = ({ label }: Pick<Compiled, 'label'>): boolean => SHOWN.test(label);

function figures(card: OnCard, kept: string): ReportTable {
  const before = keptTable(kept, FIGURES);
  return {
    title: FIGURES,
    head: [
      ...[
        'kernel (piece of work)',
        'VGPRs',
        'subgroups a SIMD unit',
        'instructions',
        'latency',
        'inverse throughput',
      ],
      ...['instructions before', 'inverse throughput before'],
    ],
    rows: card.pipelines.filter(isShown).map((one) => {
      const row = before.get(nameOf(one));
      return [
        ...[nameOf(one), one.vgprs, one.occupancy, one.instructions, one.latency, one.throughput],
        row?.get('instructions') ?? '-',
        row?.get('inverse throughput') ?? '-',
      ];
    }),
    notes: [
      'Latency: clocks of one subgroup from start to end; inverse throughput: clocks that each subgroup keeps a SIMD unit busy. Both',
      'are the compiler’s estimates, which guess how often a loop turns. Before: the last table in RESULTS.md.',
    ],
  };
}

function loops({ printed }: OnCard, kept: string): ReportTable {
  const before = keptTable(kept, LOOPS, 2);
  const rows = printedBy(printed)
    .filter(isShown)
    .flatMap(({ text, ...name }) =>
      innerLoops(text)
        .filter(
          ({ multiplyAdds, matrixProducts }) => multiplyAdds >= LEAST_MULTIPLY_ADDS || matrixProducts > 0,
        )
        .map(({ instructions, multiplyAdds, matrixProducts }, k) => {
          const share = `${fixed((100 * multiplyAdds) / instructions, 0)}%`;
          const was = before.get(`${nameOf(name)} ${k + 1}`)?.get('share') ?? '-';
          return [nameOf(name), k + 1, instructions, multiplyAdds, matrixProducts, share, was];
        }),
    );
  return {
    title: LOOPS,
    head: [
      ...['kernel (piece of work)', 'loop', 'instructions', 'multiply-adds', 'matrix products'],
      ...['share', 'share before'],
    ],
    rows,
    notes: [
      'Of a turn of each innermost loop, in the order of the code; waits and hints count as instructions. Share: of the',
      'multiply-adds. A matrix product multiplies 16 x 16 x 16 numbers.',
    ],
  };
}

function byCard(cards: readonly OnCard[]): ReportTable {
  const [first] = cards;
  const cell = ({ pipelines }: OnCard, of: Compiled) => {
    const one = pipelines.find((each) => nameOf(each) === nameOf(of));
    return one ? `${one.vgprs} / ${one.occupancy} / ${one.throughput}` : '-';
  };
  return {
    title: BY_CARD,
    head: ['kernel (piece of work)', ...cards.map(({ card }) => card)],
    rows: first.pipelines
      .filter(isShown)
      .map((one) => [nameOf(one), ...cards.map((card) => cell(card, one))]),
    notes: cards.map(({ card }) => `${card}: ${CARDS[card]}`),
  };
}

async function run({ quick, say }: Context): Promise<Report> {
  const why = noCards();
  if (why !== undefined) {
    say(`left out: ${why}`);
    return { tables: [], samples: { why } };
  }
  const kept = readFileSync(new URL('../RESULTS.md', import.meta.url), 'utf8');
  const cards: OnCard[] = [];
  for (const card of (quick ? [MAIN] : Object.keys(CARDS)) as Card[]) {
    say(`compiling for ${card}`);
    cards.push(await onCard(card, ['--steps', '1'], { assembly: card === MAIN }));
  }
  const main = cards.find(({ card }) => card === MAIN)!;
  return {
    tables: [figures(main, kept), loops(main, kept), byCard(cards)],
    samples: cards.map(({ card, adapter, pipelines }) => ({ card, adapter, pipelines })),
  };
}

export const compiler: Section = {
  name: 'compiler',
  title: 'What a GPU’s compiler makes of the kernels',
  run,
};
