/**
 * Converts a profile to the Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open. Kernels are on the
 * device's track, the host's spans on the host's tracks, on the same clock.
 * Format: Trace Event Format, Google, docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
 */
import { HOST_TRACKS, type HostSpan } from '../platform/host-spans.js';
import { checkProfile, type Profile } from './profile.js';

/** An event of the format; times in microseconds. */
export interface TraceEvent {
  name: string;
  /** `X`: a span; `M`: metadata. */
  ph: 'X' | 'M';
  pid: number;
  tid: number;
  ts?: number;
  dur?: number;
  cat?: string;
  args?: Record<string, unknown>;
}

/** A whole trace, to be written as JSON. */
export interface ChromeTrace {
  traceEvents: TraceEvent[];
  displayTimeUnit: 'ms';
  otherData: Record<string, unknown>;
}

interface Timed {
  start: number;
  end: number;
}

const DEVICE = 1;
const HOST = 2;

/**
 * Assigns spans to lanes such that two spans in a lane either do not overlap or lie one within the other.
 *
 * @returns The lane of each span, from 0.
 */
export function lanesOf(spans: readonly Timed[]): number[] {
  const order = spans
    .map((_, k) => k)
    .sort((a, b) => spans[a].start - spans[b].start || spans[b].end - spans[a].end);
  const lanes: number[] = new Array(spans.length);
  const open: Timed[][] = [];
  for (const k of order) {
    const span = spans[k];
    let lane = 0;
    for (; ; lane++) {
      open[lane] ??= [];
      const stack = open[lane];
      while (stack.length > 0 && stack[stack.length - 1].end <= span.start) stack.pop();
      if (stack.length === 0 || stack[stack.length - 1].end >= span.end) break;
    }
    open[lane].push(span);
    lanes[k] = lane;
  }
  return lanes;
}

/** Merges spans that overlap: waiting for a hundred reads at once is one wait. */
export function merged(spans: readonly HostSpan[]): HostSpan[] {
  const result: HostSpan[] = [];
  let count = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = result[result.length - 1];
    if (!last || span.start >= last.end) {
      result.push(span);
      count = 1;
      continue;
    }
    const end = Math.max(last.end, span.end);
    result[result.length - 1] = { ...last, end, args: { ...last.args, together: ++count } };
  }
  return result;
}

/**
 * The trace of a profile.
 *
 * @example
 * writeFileSync('trace.json', JSON.stringify(chromeTrace(await takeProfile(device, train))));
 */
export function chromeTrace(profile: Profile): ChromeTrace {
  checkProfile('chromeTrace', profile, ['kernels', 'host']);
  const { kernels, host, timing } = profile;
  const events: TraceEvent[] = [];
  const name = (what: 'process_name' | 'thread_name', pid: number, tid: number, label: string) =>
    events.push({ name: what, ph: 'M', pid, tid, args: { name: label } });
  name('process_name', DEVICE, 0, `device (timed by the ${timing.clock}'s clock)`);
  name('process_name', HOST, 0, 'host');

  const lanes = lanesOf(kernels);
  for (let lane = 0; lane <= Math.max(0, ...lanes); lane++) {
    name('thread_name', DEVICE, lane + 1, lane === 0 ? 'kernels' : `kernels that overlap ${lane}`);
  }
  kernels.forEach(({ kernel, start, end, variant, shapes, grid, bytes, flops, submitted }, k) => {
    const args = { variant, shapes, grid: grid.join(' x '), bytes, flops, 'submitted at (ms)': submitted };
    events.push(event('kernel', kernel, DEVICE, lanes[k] + 1, start, end, args));
  });

  let tid = 0;
  for (const track of new Set(Object.values(HOST_TRACKS))) {
    const all = host.filter(({ kind }) => HOST_TRACKS[kind] === track);
    const spans = track === HOST_TRACKS.wait ? merged(all) : all;
    const places = lanesOf(spans);
    for (let lane = 0; lane <= Math.max(-1, ...places); lane++) {
      name('thread_name', HOST, tid + lane + 1, lane === 0 ? track : `${track} ${lane + 1}`);
    }
    spans.forEach(({ kind, name: label, start, end, args }, k) => {
      events.push(event(kind, label, HOST, tid + places[k] + 1, start, end, { kind, ...args }));
    });
    tid += Math.max(0, ...places) + 1;
  }
  return {
    traceEvents: events,
    displayTimeUnit: 'ms',
    otherData: { began: new Date(profile.began).toISOString(), ...timing },
  };
}

function event(
  cat: string,
  name: string,
  pid: number,
  tid: number,
  start: number,
  end: number,
  args: Record<string, unknown>,
): TraceEvent {
  return { name, cat, ph: 'X', pid, tid, ts: 1000 * start, dur: 1000 * (end - start), args };
}
