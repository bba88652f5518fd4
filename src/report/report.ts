/**
 * Makes the report of a profile: kernels beside the device's ceilings, the time outside of kernels, compile times, and the cost
 * of the profile itself. It is data; tables and pages show it.
 */
import type { Device } from '../gpu/device.js';
import { listOptions } from '../gpu/shader-errors.js';
import type { Ceilings } from '../kernels/ceilings.js';
import type { HostKind } from '../platform/host-spans.js';
import {
  type Accounts,
  accountsOf,
  type KernelTotal,
  kernelTotals,
  type Profile,
} from '../profiler/profile.js';
import type { Timing } from '../profiler/timer.js';
import { percent } from './format.js';

/** What holds a kernel back: the ceiling that it comes closest to, unless it is far from both. */
type Bound = 'memory' | 'arithmetic' | 'neither';

/** A kernel below this share of both ceilings is bound by neither, but by latency, launches or other work. */
const FAR_FROM_BOTH = 0.1;

export interface KernelRow extends KernelTotal {
  /** 10^9 bytes or operations a second; absent where the kernel does not tell its cost. */
  gbPerSecond?: number;
  gflopPerSecond?: number;
  /** Shares of the measured ceilings, 0 to 1; above 1 where caches are faster than memory. */
  ofMemory?: number;
  ofArithmetic?: number;
  bound?: Bound;
}

/** A pipeline: how long it took to make, and how much longer its first launch took than the same work later. */
interface CompileRow {
  kernel: string;
  variant: string;
  ms: number;
  firstLaunchMs?: number;
}

/** Milliseconds of the same work without and with a profile, or an estimate from the cost of a timed pass. */
export interface Overhead {
  without: number;
  with: number;
  /** How far single runs are from their mean. A smaller cost cannot be measured. */
  noise?: number;
  estimated: boolean;
}

/** The cost of the profile as a share of the time without it; undefined where it is below the noise. */
export function overheadShare({ without, with: profiled, noise = 0 }: Overhead): number | undefined {
  const extra = profiled - without;
  return Math.abs(extra) < noise ? undefined : extra / without;
}

/** The cost of the profile in words: `+2.10% (give or take 0.50%)`. */
export function overheadText(overhead: Overhead): string {
  const { without, noise, estimated } = overhead;
  const share = overheadShare(overhead);
  const around = noise === undefined ? '' : percent(noise / without);
  if (share === undefined) return `less than the ${around} by which one run differs from the next`;
  const within = around ? ` (give or take ${around})` : '';
  return `${share < 0 ? '' : '+'}${percent(share)}${estimated ? ', estimated' : within}`;
}

export interface Report {
  title: string;
  began: string;
  device: { name: string; backend: string; isCpu: boolean };
  timing: Timing;
  ceilings: Ceilings;
  overhead: Overhead;
  accounts: Accounts;
  uploadedBytes: number;
  kernels: KernelRow[];
  compiled: CompileRow[];
  notes: string[];
}

/** The kinds of host spans in words. */
export const HOST_WORDS: Readonly<Record<HostKind, string>> = {
  upload: 'upload',
  'read-back': 'read-back',
  encode: 'encoding',
  submit: 'submitting',
  data: 'data: orders, weights, checks',
  strategy: 'strategy code',
  code: 'your code (spans)',
  compile: 'compiling, allocating',
  wait: 'waiting',
  worker: 'strategy thread',
};

/** A kernel beside the ceilings. */
export function kernelRow(total: KernelTotal, ceilings: Ceilings): KernelRow {
  const { bytes, flops, ms } = total;
  if (!(ms > 0)) return total;
  const gbPerSecond = bytes === undefined ? undefined : bytes / ms / 1e6;
  const gflopPerSecond = flops === undefined ? undefined : flops / ms / 1e6;
  const ofMemory = gbPerSecond === undefined ? undefined : gbPerSecond / ceilings.gbPerSecond;
  const ofArithmetic = gflopPerSecond === undefined ? undefined : gflopPerSecond / ceilings.gflopPerSecond;
  return {
    ...total,
    gbPerSecond,
    gflopPerSecond,
    ofMemory,
    ofArithmetic,
    bound: boundOf(ofMemory, ofArithmetic),
  };
}

function boundOf(ofMemory?: number, ofArithmetic?: number): Bound | undefined {
  if (ofMemory === undefined || ofArithmetic === undefined) return undefined;
  if (Math.max(ofMemory, ofArithmetic) < FAR_FROM_BOTH) return 'neither';
  return ofMemory > ofArithmetic ? 'memory' : 'arithmetic';
}

/** Compile times; `cold`: a profile of the first launches, which may be `warm` itself. */
function compileRows(cold: Profile, warm: Profile, totals: readonly KernelTotal[]): CompileRow[] {
  return cold.compiled.map(({ label, options = {}, ms }) => {
    const variant = listOptions(options);
    const same = (kernel: { kernel: string; variant: string }) =>
      kernel.kernel === label && kernel.variant === variant;
    const first = cold.kernels.find(same);
    // Compared with the first launch of the warm profile, which does the same work; without one, with the median.
    const again = cold === warm ? undefined : warm.kernels.find(same);
    const usual = again ? again.end - again.start : totals.find(same)?.median;
    const firstLaunchMs =
      first && usual !== undefined ? Math.max(0, first.end - first.start - usual) : undefined;
    return { kernel: label, variant, ms, firstLaunchMs };
  });
}

function notesOn({ timing, kernels }: Profile, isCpu: boolean): string[] {
  const notes = [
    timing.clock === 'device'
      ? `Device times are the device's clock's: a pass for each of ${kernels.length.toLocaleString('en-US')} launches, which ` +
        `without a profile share passes. The clock's step is ${timing.resolutionUs} us; it agrees with the host's to ` +
        `${timing.anchorUs.toFixed(0)} us.`
      : `The device has no timestamp-query: ${kernels.length.toLocaleString('en-US')} launches went to it one by one, timed by the ` +
        "host's clock, the way there and back included.",
  ];
  if (timing.zero > 0) {
    notes.push(
      `${timing.zero} launches ended no later than they began by that clock (${timing.negative} earlier); their ` +
        'time counts as 0.',
    );
  }
  if (isCpu) notes.push('The adapter computes on the CPU: kernels and the host share its cores.');
  return notes;
}

/** Makes a report. `cold` is the profile in which everything was compiled; it may be the same one. */
export function makeReport(
  title: string,
  device: Device,
  profile: Profile,
  cold: Profile,
  ceilings: Ceilings,
  overhead: Overhead,
): Report {
  const { info } = device;
  const totals = kernelTotals(profile);
  return {
    title,
    began: new Date(profile.began).toISOString(),
    device: {
      name: info.description || info.device || info.vendor,
      backend: info.backend ?? '',
      isCpu: info.isCpu,
    },
    timing: profile.timing,
    ceilings,
    overhead,
    accounts: accountsOf(profile),
    uploadedBytes: profile.uploaded,
    kernels: totals.map((total) => kernelRow(total, ceilings)),
    compiled: compileRows(cold, profile, totals).sort(
      (a, b) => b.ms + (b.firstLaunchMs ?? 0) - a.ms - (a.firstLaunchMs ?? 0),
    ),
    notes: notesOn(profile, info.isCpu),
  };
}
