/** Makes the lanes of the page's timeline: one for each kernel, then the host's. page-script.ts draws them. */

import { HOST_TRACKS, type HostSpan } from '../platform/host-spans.js';
import { lanesOf, merged } from '../profiler/chrome-trace.js';
import type { KernelSpan, Profile } from '../profiler/profile.js';
import { bytes, count } from './format.js';
import type { Lane, Timeline } from './page-script.js';
import { HOST_COLORS, KERNEL_COLORS, OTHER_COLOR } from './page-style.js';
import { HOST_WORDS, type Report } from './report.js';

/** How many kernels have a lane of their own: those that take the most time. The rest share one. */
const KERNEL_LANES = 10;
/** The most spans in a page, as more would make a browser slow. The longest are kept. */
const MOST_SPANS = 40_000;

/** The colour of the n-th kernel by time. */
export const kernelColor = (k: number): string => KERNEL_COLORS[k] ?? OTHER_COLOR;

/** Collects texts and gives each a number. */
class Texts {
  readonly list: string[] = [];
  readonly #index = new Map<string, number>();

  at(text: string): number {
    let index = this.#index.get(text);
    if (index === undefined) {
      index = this.list.push(text) - 1;
      this.#index.set(text, index);
    }
    return index;
  }
}

const rounded = (ms: number) => Math.round(ms * 1e4) / 1e4;

function kernelDetail({ variant, shapes, grid, bytes: moved, flops }: KernelSpan): string {
  const size = [
    ...(grid.length > 0 ? [`${grid.join(' x ')} workgroups`] : []),
    ...(moved === undefined ? [] : [bytes(moved)]),
    ...(flops === undefined ? [] : [`${count(flops)} FLOP`.replace('  ', ' ')]),
  ];
  return [variant, shapes ?? '', size.join(', ')].join('\n');
}

function hostDetail({ kind, args = {} }: HostSpan): string {
  return [HOST_WORDS[kind], ...Object.entries(args).map(([name, value]) => `${name}: ${value}`)].join('\n');
}

/** The timeline of a profile; kernels in the order of the report. */
export function timelineOf({ kernels: rows }: Report, { wall, kernels, host }: Profile): Timeline {
  const [names, colors, details] = [new Texts(), new Texts(), new Texts()];
  const all = [...kernels, ...host].map(({ start, end }) => end - start).sort((a, b) => b - a);
  const shortest = all[MOST_SPANS] ?? -1;
  const long = ({ start, end }: { start: number; end: number }) => end - start > shortest;
  const lanes: Lane[] = [];

  const order = new Map(rows.map(({ kernel, variant }, k) => [`${kernel}\n${variant}`, k]));
  const place = ({ kernel, variant }: KernelSpan) => order.get(`${kernel}\n${variant}`) ?? rows.length;
  for (let k = 0; k < Math.min(rows.length, KERNEL_LANES + 1); k++) {
    const shared = k === KERNEL_LANES;
    const mine = kernels.filter((span) => long(span) && (shared ? place(span) >= k : place(span) === k));
    lanes.push({
      label: shared ? `${rows.length - k} more` : rows[k].kernel,
      group: k === 0 ? 'DEVICE' : undefined,
      spans: mine.map((span) => [
        rounded(span.start),
        rounded(span.end),
        names.at(span.kernel),
        colors.at(kernelColor(place(span))),
        details.at(kernelDetail(span)),
      ]),
    });
  }

  let first = true;
  for (const label of new Set(Object.values(HOST_TRACKS))) {
    const all = host.filter((span) => long(span) && HOST_TRACKS[span.kind] === label);
    const mine = label === HOST_TRACKS.wait ? merged(all) : all;
    const rowsOf = lanesOf(mine.map((span) => ({ ...span }))).map((lane, k) => ({ lane, span: mine[k] }));
    // The main thread's spans may lie within one another. Inner ones are drawn last, on top.
    const ordered = rowsOf.sort((a, b) => a.span.start - b.span.start || b.span.end - a.span.end);
    for (let lane = 0; lane <= Math.max(-1, ...rowsOf.map((row) => row.lane)); lane++) {
      lanes.push({
        label: lane === 0 ? label : '',
        group: first ? 'HOST' : undefined,
        spans: ordered
          .filter((row) => row.lane === lane)
          .map(({ span }) => [
            rounded(span.start),
            rounded(span.end),
            names.at(span.name),
            colors.at(HOST_COLORS[span.kind]),
            details.at(hostDetail(span)),
          ]),
      });
      first = false;
    }
  }
  return { wall: rounded(wall), lanes, names: names.list, colors: colors.list, details: details.list };
}
