/**
 * Formats the table at the end of `bench`: one row for each evaluation, at most 80 columns wide, with remarks below it on
 * rows that need them.
 */
import type { Summary } from '../bench/summary.js';
import type { LostEvent } from '../lockstep/recovery-types.js';
import { printable } from '../platform/printable.js';
import { type Colors, grouped } from './style.js';

/** One evaluation, finished or interrupted. */
export interface Row {
  config: string;
  summary: Summary;
  /** The time of training and scoring, by the host's clock. */
  seconds: number;
  /** Why its training had to begin again somewhere, each time. */
  lost?: readonly LostEvent['reason'][];
  /** What the figures cover, where they are not of all runs; default: those that had finished at an interrupt. */
  covers?: string;
}

/** The width of the table. A letter of a name may take two columns. */
const MOST_COLUMNS = 80;
const MOST_LETTERS = 38;
const GAP = '  ';

interface Column {
  head: string;
  cell(row: Row): string;
  /** What goes first where not all have room; without it a column always stays. */
  goes?: number;
}

const fixed = (value: number, digits: number) => value.toFixed(digits);
const hasRuns = ({ summary }: Row) => summary.metrics.num_runs > 0;
const totalRuns = ({ config }: Summary) => config.num_hidden_secrets * config.num_orderings;
const worst = ({ results }: Summary) =>
  results.reduce((least, { test_accuracy }) => Math.min(least, test_accuracy), 1);

/** A value over the finished runs; `-` where there are none. */
const figure = (cell: (row: Row) => string) => (row: Row) => (hasRuns(row) ? cell(row) : '-');

const COLUMNS: readonly Column[] = [
  { head: 'config', cell: ({ config }) => config },
  {
    head: 'runs',
    cell: ({ summary }) =>
      summary.complete
        ? String(summary.metrics.num_runs)
        : `${summary.metrics.num_runs} of ${totalRuns(summary)}`,
  },
  { head: 'accuracy', cell: figure(({ summary }) => fixed(summary.metrics.test_accuracy, 6)) },
  { head: 'std', cell: figure(({ summary }) => fixed(summary.metrics.test_accuracy_std, 6)), goes: 2 },
  { head: 'worst run', cell: figure(({ summary }) => fixed(worst(summary), 6)), goes: 3 },
  { head: 'mean steps', cell: figure(({ summary }) => grouped(summary.metrics.mean_steps)) },
  { head: 'seconds', cell: ({ seconds }) => fixed(seconds, 1), goes: 4 },
  {
    head: 'runs/s',
    cell: figure(({ summary, seconds }) =>
      seconds > 0 ? fixed(summary.metrics.num_runs / seconds, 2) : '-',
    ),
    goes: 1,
  },
];

/** The lines of a table with as many columns as fit: names aligned left, numbers right. */
function lines(rows: readonly Row[], colors: Colors): string[] {
  let columns = COLUMNS.map((column) => {
    const cells = rows.map((row) => column.cell(row));
    return { ...column, cells, width: Math.max(column.head.length, ...cells.map(({ length }) => length)) };
  });
  const width = () => columns.reduce((sum, column) => sum + column.width + GAP.length, -GAP.length);
  while (width() > MOST_COLUMNS) {
    const [first] = columns.filter(({ goes }) => goes).sort((a, b) => a.goes! - b.goes!);
    if (!first) break;
    columns = columns.filter((column) => column !== first);
  }
  const aligned = (text: string, i: number) =>
    i === 0 ? text.padEnd(columns[i].width) : text.padStart(columns[i].width);
  return [
    columns.map(({ head }, i) => colors.bold(aligned(head, i))).join(GAP),
    ...rows.map((_, r) => columns.map(({ cells }, i) => aligned(cells[r], i)).join(GAP)),
  ];
}

const INTERRUPTED = 'interrupted; the figures cover the runs that had finished';

/** Remarks on a row, as on an evaluation that was interrupted. */
function remarks({ config, summary, lost: losses = [], covers = INTERRUPTED }: Row): string[] {
  const title = `${printable(summary.strategy)} ${config}`;
  const lost = summary.results.filter((run) => run.non_finite);
  const shown = lost
    .slice(0, 5)
    .map((run) => `secret ${run.secret_index} order ${run.order_index} at step ${run.steps}`);
  if (lost.length > shown.length) shown.push('…');
  const devices = losses.filter((reason) => reason === 'device-lost').length;
  const memory = losses.length - devices;
  return [
    ...(devices > 0 ? [`${title}: the device was lost ${devices} time(s); that changes no result.`] : []),
    ...(memory > 0
      ? [`${title}: the device had too little memory ${memory} time(s), so fewer runs trained at once.`]
      : []),
    ...(summary.complete ? [] : [`${title}: ${covers}.`]),
    ...(lost.length > 0
      ? [`${title}: the loss of ${lost.length} run(s) stopped being a finite number (${shown.join(', ')}).`]
      : []),
  ];
}

/** All rows in one table; for several strategies, one table each, below its name. */
export function resultsTable(rows: readonly Row[], colors: Colors): string {
  const strategies = [...new Set(rows.map(({ summary }) => summary.strategy))];
  const tables = strategies.map((strategy) => {
    const table = lines(
      rows.filter(({ summary }) => summary.strategy === strategy),
      colors,
    );
    return (strategies.length > 1 ? [printable(strategy, MOST_LETTERS), ...table] : table).join('\n');
  });
  const notes = rows.flatMap(remarks).map((remark) => colors.yellow(remark));
  return [tables.join('\n\n'), ...notes].join('\n');
}
