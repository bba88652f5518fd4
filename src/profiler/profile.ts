/**
 * A profile as data: what ran when, and the totals. takeProfile makes it; tables, traces and pages are made from it in other
 * files.
 */

import type { CompiledPipeline } from '../gpu/pipelines.js';
import { listOptions } from '../gpu/shader-errors.js';
import { badArgument } from '../platform/arguments.js';
import { HOST_TRACKS, type HostKind, type HostSpan } from '../platform/host-spans.js';
import { quantile } from '../platform/quantile.js';
import type { TimedLaunch, Timing } from './timer.js';

/** One launch of a kernel. Times in milliseconds since the profile's start, on the host's clock. */
export interface KernelSpan {
  kernel: string;
  /** The options of the kernel's code: `perThread = 8, bias = true`; empty where there are none. */
  variant: string;
  start: number;
  end: number;
  /** When its commands were submitted. */
  submitted: number;
  /** Workgroups along x, y and z. */
  grid: readonly number[];
  /** Shapes of what it reads and writes, or of what it trains. */
  shapes?: string;
  /** As the kernel's launcher tells it (src/gpu/cost.ts); absent where it does not. */
  bytes?: number;
  flops?: number;
}

/** All launches of one kernel in one variant. */
export interface KernelTotal {
  kernel: string;
  variant: string;
  calls: number;
  /** Milliseconds: the sum of all calls, their median and their 95th percentile. */
  ms: number;
  median: number;
  p95: number;
  /** Share of the time of all kernels, 0 to 1. */
  share: number;
  bytes?: number;
  flops?: number;
}

/** Where the time went, in milliseconds. All fields but `wall` add up to {@link Accounts.wall}. */
export interface Accounts {
  wall: number;
  /** Sum of all kernels' times. */
  kernels: number;
  /** What the host did while no kernel ran. */
  host: Partial<Record<HostKind, number>>;
  /** No kernel ran, and the host waited: for a copy, for the way to the device and back, for a timer. */
  idle: number;
  /** The rest: time of the host outside of all spans. Negative where kernels overlapped. */
  unexplained: number;
}

/** What takeProfile returns. */
export interface Profile<T = unknown> {
  /** What the profiled function returned. */
  result: T;
  /** `Date.now()` of the start. */
  began: number;
  wall: number;
  kernels: KernelSpan[];
  host: HostSpan[];
  timing: Timing;
  /** Pipelines that were made while the profile was taken. */
  compiled: CompiledPipeline[];
  /** Bytes that the host wrote into buffers. */
  uploaded: number;
}

/** What was recorded; times in milliseconds as `performance.now()` counts them. */
interface Recorded {
  start: number;
  end: number;
  launches: TimedLaunch[];
  spans: HostSpan[];
  timing: Timing;
}

/** Makes a profile of what was recorded; `pipelines`: all that the device has. */
export function profileOf<T>(
  result: T,
  { start, end, launches, spans, timing }: Recorded,
  pipelines: readonly CompiledPipeline[],
  compiled: CompiledPipeline[],
): Profile<T> {
  const variants = new Map(pipelines.map(({ pipeline, options = {} }) => [pipeline, listOptions(options)]));
  return {
    result,
    began: performance.timeOrigin + start,
    wall: end - start,
    kernels: launches.map(({ pipeline, ...launch }) => ({
      kernel: pipeline.label,
      variant: variants.get(pipeline) ?? '',
      ...launch,
      start: launch.start - start,
      end: launch.end - start,
      submitted: launch.submitted - start,
    })),
    host: spans.map((span) => ({ ...span, start: span.start - start, end: span.end - start })),
    timing,
    compiled,
    uploaded: spans.reduce((sum, { kind, args }) => sum + (kind === 'upload' ? Number(args?.bytes) : 0), 0),
  };
}

/** The sum; undefined where a term is. */
function total(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce<number | undefined>(
    (sum, value) => (sum === undefined || value === undefined ? undefined : sum + value),
    0,
  );
}

/** Totals by kernel and variant, the longest first. */
export function kernelTotals(profile: Pick<Profile, 'kernels'>): KernelTotal[] {
  checkProfile('kernelTotals', profile);
  const { kernels } = profile;
  const groups = new Map<string, KernelSpan[]>();
  for (const span of kernels) {
    const key = `${span.kernel}\n${span.variant}`;
    const group = groups.get(key);
    if (group) group.push(span);
    else groups.set(key, [span]);
  }
  const all = kernels.reduce((sum, { start, end }) => sum + end - start, 0);
  const totals = [...groups.values()].map((spans): KernelTotal => {
    const times = spans.map(({ start, end }) => end - start).sort((a, b) => a - b);
    const ms = times.reduce((sum, time) => sum + time, 0);
    return {
      kernel: spans[0].kernel,
      variant: spans[0].variant,
      calls: spans.length,
      ms,
      median: quantile(times, 0.5),
      p95: quantile(times, 0.95),
      share: all > 0 ? ms / all : 0,
      bytes: total(spans.map(({ bytes }) => bytes)),
      flops: total(spans.map(({ flops }) => flops)),
    };
  });
  return totals.sort((a, b) => b.ms - a.ms);
}

/**
 * Divides the wall time. Time in which a kernel runs counts for kernels. Other time counts for the innermost span of the host's
 * thread; without one, for compiling; without that, for a wait, which is idle time.
 */
export function accountsOf(profile: Pick<Profile, 'wall' | 'kernels' | 'host'>): Accounts {
  checkProfile('accountsOf', profile, ['kernels', 'host']);
  const { wall, kernels, host } = profile;
  const accounts: Accounts = {
    wall,
    kernels: kernels.reduce((sum, { start, end }) => sum + end - start, 0),
    host: {},
    idle: 0,
    unexplained: 0,
  };
  const edges = [
    ...kernels.map(({ start, end }) => ({ start, end, span: undefined })),
    ...host.map((span) => ({ start: span.start, end: span.end, span })),
  ].flatMap(({ start, end, span }) => [
    { at: start, span, step: 1 },
    { at: end, span, step: -1 },
  ]);
  edges.sort((a, b) => a.at - b.at || b.step - a.step);
  let running = 0;
  const open = new Set<HostSpan>();
  let last = 0;
  for (const { at, span, step } of edges) {
    const until = Math.min(Math.max(at, 0), wall);
    if (until > last) {
      if (running === 0) attribute(accounts, open, until - last);
      last = until;
    }
    if (!span) running += step;
    else if (step > 0) open.add(span);
    else open.delete(span);
  }
  const known = Object.values(accounts.host).reduce((sum, ms) => sum + ms, 0);
  accounts.unexplained = wall - accounts.kernels - accounts.idle - known;
  return accounts;
}

function attribute(accounts: Accounts, open: ReadonlySet<HostSpan>, ms: number): void {
  let inner: HostSpan | undefined;
  let waits = false;
  for (const span of open) {
    if (HOST_TRACKS[span.kind] === 'main thread')
      inner = span; // the span that began last
    else if (span.kind === 'compile') inner ??= span;
    else waits = true;
  }
  if (inner) accounts.host[inner.kind] = (accounts.host[inner.kind] ?? 0) + ms;
  else if (waits) accounts.idle += ms;
}

/** Throws unless `profile` is one that takeProfile made. `lists` names the lists that are needed. */
export function checkProfile(where: string, profile: unknown, lists: readonly string[] = ['kernels']): void {
  const given = (profile ?? {}) as Record<string, unknown>;
  if (lists.every((name) => Array.isArray(given[name]))) return;
  throw badArgument(where, 'the profile', profile, 'what await takeProfile(device, fn) gives fits');
}
