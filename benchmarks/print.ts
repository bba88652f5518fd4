/** Tables of the benchmark as text for a terminal, and as Markdown for RESULTS.md. */
import Table from 'cli-table3';
import type { ReportTable, Target } from './section.js';

export function asText({ title, head, rows, notes }: ReportTable): string {
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  for (const row of rows) table.push([...row]);
  return [`\n${title}`, table.toString(), ...notes].join('\n');
}

export function asMarkdown(header: string, tables: readonly ReportTable[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => `${cell}`.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  const parts = tables.map(({ title, head, rows, notes }) =>
    [`### ${title}`, ...notes, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n'),
  );
  return `${[header, ...parts].join('\n\n')}\n`;
}

export function targetTable(targets: readonly Target[]): ReportTable {
  return {
    title: 'Targets',
    head: ['what', 'against', 'at least', 'hoped for', 'measured', ''],
    rows: targets.map(({ what, against, atLeast, hoped, measured, kind = 'ratio' }) => {
      const show = (value: number) =>
        kind === 'share' ? `${(100 * value).toFixed(1)}%` : value.toFixed(value < 20 ? 1 : 0);
      const met = kind === 'ratio' ? measured >= atLeast : measured <= atLeast;
      const bound = kind === 'ratio' ? show(atLeast) : `at most ${show(atLeast)}`;
      return [what, against, bound, show(hoped), show(measured), met ? 'met' : 'missed'];
    }),
    notes: ['Ratios: the median of their times over the median of ours.'],
  };
}
