/**
 * Formats a profile's report for a terminal: a table of kernels beside the ceilings, one of the time outside of kernels, and
 * one of compile times.
 */
import Table from 'cli-table3';
import { HOST_KINDS } from '../platform/host-spans.js';
import { bytes, count, percent, time } from '../report/format.js';
import { HOST_WORDS, type KernelRow, overheadText, type Report } from '../report/report.js';
import type { SortKey } from './profile-flags.js';
import type { Colors } from './style.js';

const VALUE: Readonly<Record<SortKey, (row: KernelRow) => number | undefined>> = {
  time: ({ ms }) => ms,
  calls: ({ calls }) => calls,
  median: ({ median }) => median,
  p95: ({ p95 }) => p95,
  bytes: (row) => row.bytes,
  flops: ({ flops }) => flops,
  gbs: ({ gbPerSecond }) => gbPerSecond,
  gflops: ({ gflopPerSecond }) => gflopPerSecond,
};

/** The kernels in order, at most `top` of them. */
export function sortedKernels(rows: readonly KernelRow[], key: SortKey, top: number): KernelRow[] {
  const value = (row: KernelRow) => VALUE[key](row) ?? -1;
  return [...rows].sort((a, b) => value(b) - value(a)).slice(0, top);
}

/** The longest line of a variant in the table. */
const VARIANT_WIDTH = 30;

/** A text in lines that are not longer than `width`, broken at commas. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of text.split(', ').filter(Boolean)) {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + 2 + part.length <= width)
      lines[lines.length - 1] = `${last}, ${part}`;
    else lines.push(part.length > width ? `${part.slice(0, width - 1)}…` : part);
  }
  return lines;
}

const maybe = <T>(value: T | undefined, show: (value: T) => string): string =>
  value === undefined ? '-' : show(value);

function newTable(head: readonly string[], names: number, colors: Colors) {
  return new Table({
    head: head.map((name) => colors.bold(name)),
    colAligns: head.map((_, i) => (i < names ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
}

function kernelTable(rows: readonly KernelRow[], colors: Colors): string {
  const head = ['kernel, variant', 'calls', 'time', 'share', 'median', 'p95', 'bytes', 'GB/s', 'ceiling'];
  const table = newTable([...head, 'FLOP', 'GFLOP/s', 'ceiling', 'bound by'], 1, colors);
  for (const row of rows) {
    table.push([
      [colors.bold(row.kernel), ...wrapped(row.variant, VARIANT_WIDTH).map(colors.dim)].join('\n'),
      row.calls.toLocaleString('en-US'),
      time(row.ms),
      percent(row.share),
      time(row.median),
      time(row.p95),
      maybe(row.bytes, bytes),
      maybe(row.gbPerSecond, (value) => value.toFixed(2)),
      maybe(row.ofMemory, percent),
      maybe(row.flops, count),
      maybe(row.gflopPerSecond, (value) => value.toFixed(2)),
      maybe(row.ofArithmetic, percent),
      row.bound ?? '-',
    ]);
  }
  return table.toString();
}

function accountsTable({ accounts, uploadedBytes }: Report, colors: Colors): string {
  const { wall, kernels, host, idle, unexplained } = accounts;
  const table = newTable(['where the time went', 'time', 'of wall', ''], 1, colors);
  const row = (what: string, ms: number, note = '') => table.push([what, time(ms), percent(ms / wall), note]);
  row('kernels', kernels);
  for (const kind of HOST_KINDS) {
    const ms = host[kind];
    if (ms !== undefined) row(HOST_WORDS[kind], ms, kind === 'upload' ? bytes(uploadedBytes) : '');
  }
  row('idle', idle, 'no kernel runs, the host waits');
  row('not explained', unexplained, 'the host outside of spans');
  row(colors.bold('wall'), wall);
  return table.toString();
}

function compileTable({ compiled }: Report, top: number, colors: Colors): string {
  const table = newTable(['pipeline, variant', 'compiled in', 'first launch'], 1, colors);
  for (const { kernel, variant, ms, firstLaunchMs } of compiled.slice(0, top)) {
    const name = [kernel, ...wrapped(variant, 2 * VARIANT_WIDTH).map(colors.dim)].join('\n');
    const first = maybe(firstLaunchMs, (value) => `+${time(value)}`);
    table.push([name, time(ms), first]);
  }
  return table.toString();
}

/** The whole report, as it is printed. */
export function profileText(report: Report, sort: SortKey, top: number, colors: Colors): string {
  const { title, device, ceilings, overhead, kernels, notes } = report;
  const shown = sortedKernels(kernels, sort, top);
  const left = kernels.length - shown.length;
  const cost = `The profile itself: ${time(overhead.with)} with it, ${time(overhead.without)} without, ${overheadText(overhead)}.`;
  return [
    `${colors.bold(title)} on ${device.name}${device.backend ? ` (${device.backend})` : ''}`,
    `Ceilings, measured: ${ceilings.gbPerSecond.toFixed(1)} GB/s copying, ${ceilings.gflopPerSecond.toFixed(1)} GFLOP/s ` +
      'multiplying and adding.',
    kernelTable(shown, colors),
    ...(left > 0 ? [colors.dim(`and ${left} more; --top ${kernels.length} shows all`)] : []),
    accountsTable(report, colors),
    compileTable(report, top, colors),
    ...[cost, ...notes].map((note) => colors.dim(note)),
  ].join('\n');
}
