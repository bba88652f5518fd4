/**
 * Makes one self-contained HTML page of a profile: totals, where the time went, the timeline, kernels beside the ceilings, and
 * compile times. It has a light and a dark style.
 */
import type { Profile } from '../profiler/profile.js';
import { bytes, count, escapeHtml, percent, time } from './format.js';
import { type Measures, pageScript } from './page-script.js';
import { HOST_COLORS, pageStyle } from './page-style.js';
import { HOST_WORDS, type KernelRow, overheadShare, type Report } from './report.js';
import { roofline } from './roofline.js';
import { kernelColor, timelineOf } from './timeline.js';

const MEASURES: Measures = { lane: 20, gap: 4, group: 26, labels: 168, axis: 10 };
/** Kernels with a colour of their own in the bar and its legend. */
const IN_LEGEND = 5;
const COMPILED_SHOWN = 12;

const tile = (figure: string, what: string) => `<div class="tile"><b>${figure}</b><span>${what}</span></div>`;

function tiles({ accounts, kernels, overhead }: Report): string {
  const [top] = kernels;
  const share = overheadShare(overhead);
  const around = percent((overhead.noise ?? 0) / overhead.without);
  const cost =
    share === undefined
      ? tile(`&lt; ${around}`, 'wall time for taking this profile: less than the noise')
      : tile(
          `${share < 0 ? '' : '+'}${percent(share)}`,
          `wall time for taking this profile${overhead.estimated ? ', estimated' : `, give or take ${around}`}`,
        );
  const peak = Math.max(top?.ofMemory ?? 0, top?.ofArithmetic ?? 0);
  const bound =
    top?.bound === 'neither'
      ? 'far from both ceilings'
      : `bound by ${top?.bound}, ${percent(peak)} of the ceiling`;
  return [
    tile(time(accounts.wall), 'wall time'),
    tile(percent(accounts.kernels / accounts.wall), 'of it in kernels'),
    top
      ? tile(
          percent(top.share),
          `of kernel time in <b style="font-size:inherit;display:inline">${escapeHtml(top.kernel)}</b>${top.bound ? `, ${bound}` : ''}`,
        )
      : tile('0', 'kernels'),
    cost,
  ].join('');
}

/** Where the wall time went: name, colour, milliseconds. */
function parts({ accounts, kernels }: Report): [name: string, color: string, ms: number][] {
  const shown = kernels.slice(0, IN_LEGEND);
  const rest = kernels.slice(IN_LEGEND).reduce((sum, { ms }) => sum + ms, 0);
  const host = Object.entries(accounts.host) as [
    keyof typeof HOST_COLORS & keyof typeof HOST_WORDS,
    number,
  ][];
  return [
    ...shown.map(({ kernel, ms }, k): [string, string, number] => [kernel, kernelColor(k), ms]),
    ['other kernels', kernelColor(Number.POSITIVE_INFINITY), rest],
    ...host
      .sort(([, a], [, b]) => b - a)
      .map(([kind, ms]): [string, string, number] => [HOST_WORDS[kind], HOST_COLORS[kind], ms]),
    ['idle', HOST_COLORS.idle, accounts.idle],
    ['not explained', HOST_COLORS.unexplained, accounts.unexplained],
  ];
}

function wallBar(report: Report): string {
  const { wall } = report.accounts;
  const list = parts(report).filter(([, , ms]) => ms / wall >= 0.00005);
  const bar = list.map(
    ([name, color, ms]) =>
      `<i style="width:${(100 * ms) / wall}%;background:${color}" title="${escapeHtml(name)}"></i>`,
  );
  const legend = list.map(
    ([name, color, ms]) =>
      `<li><i style="background:${color}"></i>${escapeHtml(name)}<span>${time(ms)}, ${percent(ms / wall)}</span></li>`,
  );
  return `<div class="bar">${bar.join('')}</div><ul class="legend">${legend.join('')}</ul>`;
}

const meter = (share: number | undefined): string =>
  share === undefined
    ? ''
    : `<span class="meter"><i style="width:${Math.min(100, 100 * share).toFixed(1)}%"></i></span>`;

const rate = (value: number | undefined, share: number | undefined, unit: string): string =>
  value === undefined || share === undefined || value === 0
    ? '<td>-</td>'
    : `<td title="${percent(share)} of the ceiling">${value.toFixed(2)} ${unit} · ${percent(share)}${meter(share)}</td>`;

function kernelCells(row: KernelRow, k: number): string {
  const { kernel, variant, calls, ms, share, median, p95, bytes: moved, flops, bound } = row;
  return (
    `<tr><td><i class="dot" style="background:${kernelColor(k)}"></i>${escapeHtml(kernel)}<small>${escapeHtml(variant)}</small></td>` +
    `<td>${calls.toLocaleString('en-US')}</td><td>${time(ms)} · ${percent(share)}${meter(share)}</td>` +
    `<td>${time(median)}</td><td>${time(p95)}</td>` +
    `<td>${moved === undefined ? '-' : bytes(moved)}</td>${rate(row.gbPerSecond, row.ofMemory, 'GB/s')}` +
    `<td>${flops === undefined ? '-' : count(flops)}</td>${rate(row.gflopPerSecond, row.ofArithmetic, 'GFLOP/s')}` +
    `<td>${bound ? `<span class="tag">${bound}</span>` : '-'}</td></tr>`
  );
}

function kernelTable({ kernels }: Report): string {
  const heads = [
    'kernel',
    'calls',
    'time',
    'median',
    'p95',
    'bytes',
    'GB/s, of ceiling',
    'FLOP',
    'GFLOP/s, of ceiling',
    'bound by',
  ];
  return (
    `<div class="scroll"><table><thead><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr></thead>` +
    `<tbody>${kernels.map(kernelCells).join('')}</tbody></table></div>`
  );
}

function compileTable({ compiled }: Report): string {
  const rows = compiled
    .slice(0, COMPILED_SHOWN)
    .map(
      ({ kernel, variant, ms, firstLaunchMs }) =>
        `<tr><td>${escapeHtml(kernel)}<small style="padding-left:0">${escapeHtml(variant)}</small></td><td>${time(ms)}</td>` +
        `<td>${firstLaunchMs === undefined ? '-' : `+${time(firstLaunchMs)}`}</td></tr>`,
    );
  return (
    '<div class="scroll"><table><thead><tr><th>pipeline</th><th>compiled in</th><th>first launch</th></tr></thead>' +
    `<tbody>${rows.join('')}</tbody></table></div>`
  );
}

const card = (title: string, hint: string, body: string) =>
  `<section class="card"><div class="head"><h2>${title}</h2><span>${hint}</span></div>${body}</section>`;

/** The data as a JavaScript expression, safe inside a script element. */
const inScript = (data: unknown): string => JSON.stringify(data).replaceAll('<', '\\u003c');

/** The page's HTML. */
export function profilePage(report: Report, profile: Profile): string {
  const { title, device, began, notes, kernels, ceilings, timing } = report;
  const name = escapeHtml(title);
  const where = escapeHtml(`${device.name}${device.backend ? `, ${device.backend}` : ''}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<header><div><h1>${name}</h1><p>${where} · ${began.slice(0, 16).replace('T', ' ')} UTC · timed by the ${timing.clock}'s clock</p></div><button id="theme" type="button"></button></header>
<div class="tiles">${tiles(report)}</div>
${card('Where the time went', `${time(report.accounts.wall)} in all`, wallBar(report))}
${card('Timeline', 'wheel: zoom · drag: move · double click: all', '<canvas></canvas>')}
${card('Kernels', `ceilings, measured: ${ceilings.gbPerSecond.toFixed(1)} GB/s copying, ${ceilings.gflopPerSecond.toFixed(1)} GFLOP/s multiplying and adding`, kernelTable(report))}
<div class="two">
${card('Roofline', 'each dot a kernel, its size the time it takes', roofline(kernels, ceilings, kernelColor))}
${card('Compiling', 'until ready; what the first launch took on top', compileTable(report))}
</div>
<footer>${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('')}</footer>
</main>
<div id="tip"></div>
<script>
${pageScript(inScript(timelineOf(report, profile)), MEASURES)}
</script>
</body>
</html>
`;
}
