/** Takes the profile of a piece: once to compile, once without a profile, once with, once more without. */
import type { Device } from '../gpu/device.js';
import type { Profile } from '../gpu/profile.js';
import { measureCeilings } from '../kernels/ceilings.js';
import type { Piece } from './pieces.js';
import { makeReport, type Report } from './report.js';

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

/**
 * Profiles a piece of work.
 *
 * @param say Told what is being done, for progress.
 */
export async function takeProfile(device: Device, piece: Piece, say: (what: string) => void): Promise<Taken> {
  say('measuring what the device can do');
  const first = await measureCeilings(device);
  say('compiling');
  const cold = await device.profile(() => piece.warmUp(device));
  say('running without a profile');
  const before = await timed(device, () => piece.run(device));
  say('running with a profile');
  const profile = await device.profile(() => piece.run(device));
  say('running without a profile once more');
  // Machines get faster and slower: of the runs around, the mean.
  const after = await timed(device, () => piece.run(device));
  // Another program may have had the machine for a while: the better of two counts.
  const last = await measureCeilings(device);
  const ceilings = {
    gbPerSecond: Math.max(first.gbPerSecond, last.gbPerSecond),
    gflopPerSecond: Math.max(first.gflopPerSecond, last.gflopPerSecond),
    clock: first.clock,
  };
  const overhead = {
    without: (before + after) / 2,
    with: profile.wall,
    noise: Math.abs(before - after) / 2,
    estimated: false,
  };
  return { report: makeReport(piece.title, device, profile, cold, ceilings, overhead), profile, device };
}
