/** Profiles a piece of work: runs it once to compile, then without and with a profile in turns. */
import type { Device } from '../gpu/device.js';
import { measureCeilings } from '../kernels/ceilings.js';
import type { Profile } from '../profiler/profile.js';
import { takeProfile } from '../profiler/take-profile.js';
import type { Piece } from './pieces.js';
import { makeReport, type Overhead, type Report } from './report.js';

/** How many runs without a profile, and how many with one. The fastest profile is shown. */
const TURNS = 2;

export interface Taken {
  report: Report;
  profile: Profile;
  /** Still open. */
  device: Device;
}

async function timed(device: Device, work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  await device.sync();
  return performance.now() - start;
}

/** The mean times without and with a profile, and how far single runs are from them. */
function overheadOf(plain: readonly number[], profiled: readonly number[]): Overhead {
  const mean = (times: readonly number[]) => times.reduce((sum, time) => sum + time, 0) / times.length;
  const reach = (times: readonly number[]) => Math.max(...times) - mean(times);
  const noise = Math.max(reach(plain), reach(profiled));
  return { without: mean(plain), with: mean(profiled), noise, estimated: false };
}

/**
 * Profiles a piece of work.
 *
 * @param say Called with what is being done, for progress.
 */
export async function profilePiece(
  device: Device,
  piece: Piece,
  say: (what: string) => void,
): Promise<Taken> {
  say('measuring what the device can do');
  const first = await measureCeilings(device);
  say('compiling');
  const cold = await takeProfile(device, () => piece.warmUp(device));
  const plain: number[] = [];
  const profiles: Profile[] = [];
  for (let turn = 1; turn <= TURNS; turn++) {
    say(`running without a profile, ${turn} of ${TURNS}`);
    plain.push(await timed(device, () => piece.run(device)));
    say(`running with a profile, ${turn} of ${TURNS}`);
    profiles.push(await takeProfile(device, () => piece.run(device)));
  }
  // Another program may have slowed one of the two measurements, so the better one counts.
  const last = await measureCeilings(device);
  const ceilings = {
    gbPerSecond: Math.max(first.gbPerSecond, last.gbPerSecond),
    gflopPerSecond: Math.max(first.gflopPerSecond, last.gflopPerSecond),
    clock: first.clock,
  };
  const profile = profiles.reduce((best, one) => (one.wall < best.wall ? one : best));
  const overhead = overheadOf(
    plain,
    profiles.map(({ wall }) => wall),
  );
  return { report: makeReport(piece.title, device, profile, cold, ceilings, overhead), profile, device };
}
