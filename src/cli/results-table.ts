/**
 * The table at the end of `bench`: a row an evaluation, and below it what a reader has to know about its figures.
 */
import Table from 'cli-table3';
import type { Summary } from '../bench/summary.js';
import { type Colors, grouped } from './style.js';

/** One evaluation, finished or interrupted. */
export interface Row {
  config: string;
  summary: Summary;
  /** Of training and scoring, on the host's clock. */
  seconds: number;
}

const fixed = (value: number, digits: number) => value.toFixed(digits);

function cells({ config, summary, seconds }: Row, withStrategy: boolean): string[] {
  const { metrics, results, strategy } = summary;
  const none = metrics.num_runs === 0;
  const worst = none ? undefined : results.reduce((a, b) => (b.test_accuracy < a.test_accuracy ? b : a));
  const total = summary.config.num_hidden_secrets * summary.config.num_orderings;
  return [
    ...(withStrategy ? [strategy] : []),
    config,
    summary.complete ? String(metrics.num_runs) : `${metrics.num_runs} of ${total}`,
    none ? '-' : fixed(metrics.test_accuracy, 6),
    none ? '-' : fixed(metrics.test_accuracy_std, 6),
    worst ? fixed(worst.test_accuracy, 6) : '-',
    none ? '-' : grouped(metrics.mean_steps),
    fixed(seconds, 1),
    none ? '-' : fixed(metrics.num_runs / seconds, 2),
  ];
}

/** Remarks on a row whose figures are not what they seem. */
function remarks({ config, summary }: Row): string[] {
  const title = `${summary.strategy} ${config}`;
  const lost = summary.results.filter((run) => run.non_finite);
  const shown = lost
    .slice(0, 5)
    .map((run) => `secret ${run.secret_index} order ${run.order_index} at step ${run.steps}`);
  if (lost.length > shown.length) shown.push('…');
  return [
    ...(summary.complete ? [] : [`${title}: interrupted; the figures cover the runs that had finished.`]),
    ...(lost.length > 0
      ? [`${title}: the loss of ${lost.length} run(s) stopped being a finite number (${shown.join(', ')}).`]
      : []),
  ];
}

export function resultsTable(rows: readonly Row[], colors: Colors): string {
  const withStrategy = new Set(rows.map(({ summary }) => summary.strategy)).size > 1;
  const head = ['configuration', 'runs', 'accuracy', 'std', 'worst run', 'mean steps', 'seconds', 'runs/s'];
  const names = withStrategy ? 2 : 1;
  const table = new Table({
    head: (withStrategy ? ['strategy', ...head] : head).map((name) => colors.bold(name)),
    colAligns: Array.from({ length: head.length + names - 1 }, (_, i) => (i < names ? 'left' : 'right')),
    style: { head: [], border: [] },
  });
  table.push(...rows.map((row) => cells(row, withStrategy)));
  return [table.toString(), ...rows.flatMap(remarks).map((remark) => colors.yellow(remark))].join('\n');
}
