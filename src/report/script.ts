/**
 * Profiles a program of the user's: runs its file in this process, every device that it opens recorded from then until
 * the program ends. `lockstep-gpu` in it is this very library.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import * as bench from '../bench/index.js';
import type { Device } from '../gpu/device.js';
import { type OpenOptions, openDevice } from '../gpu/open.js';
import * as library from '../index.js';
import { type Ceilings, measureCeilings } from '../kernels/ceilings.js';
import { LockstepError } from '../platform/errors.js';
import { fileProblem, runUserFile } from '../platform/user-file.js';
import { Profiling } from '../profiler/profiling.js';
import { fineTimestamps } from './open.js';
import type { Taken } from './profile-piece.js';
import { makeReport } from './report.js';
import { timedPassCost } from './timed-pass-cost.js';

/** A device that the program opened. */
interface Opened {
  device: Device;
  ceilings: Ceilings;
  /** What timing a launch costs, in milliseconds. */
  passMs: number;
  profiling: Profiling;
}

/** Resolves when nothing keeps the process busy any more: the program has ended, whatever it awaited. */
const idle = (): Promise<void> => new Promise((done) => process.once('beforeExit', () => done()));

/** As the library's, with a profile begun. */
async function openProfiled(options: OpenOptions): Promise<Opened> {
  const device = await openDevice(fineTimestamps(options));
  const ceilings = await measureCeilings(device);
  const passMs = await timedPassCost(device);
  return { device, ceilings, passMs, profiling: await Profiling.start(device) };
}

/**
 * Runs a TypeScript or JavaScript file and profiles it; `args` are its command line. It is over when nothing keeps the
 * process alive.
 *
 * @returns The profile of the device that had the most to do.
 * @throws LockstepError `bad-input` where there is no such file, it throws, or it opens no device.
 */
export async function profileScript(path: string, args: readonly string[], adapter?: string): Promise<Taken> {
  const file = resolve(path);
  if (!existsSync(file))
    throw new LockstepError('bad-input', `There is no file ${path} (looked for ${file}).`);
  const opened: Opened[] = [];
  const open = async (options: OpenOptions = {}) => {
    const one = await openProfiled({ adapter, ...options });
    opened.push(one);
    return one.device;
  };
  await runFile(file, args, open);
  const profiles = await Promise.all(opened.map(({ profiling }) => profiling.stop(undefined)));
  if (opened.length === 0) {
    throw new LockstepError(
      'bad-input',
      `${path} opened no device: it has to call openDevice() of lockstep-gpu.`,
    );
  }
  const busiest = profiles.reduce(
    (best, { kernels }, k) => (kernels.length > profiles[best].kernels.length ? k : best),
    0,
  );
  const { device, ceilings, passMs } = opened[busiest];
  const profile = profiles[busiest];
  const cost = passMs * profile.kernels.length;
  const overhead = { without: profile.wall - cost, with: profile.wall, estimated: true };
  const report = makeReport(path, device, profile, profile, ceilings, overhead);
  if (opened.length > 1)
    report.notes.push(`The program opened ${opened.length} devices; this is the busiest.`);
  return { report, profile, device };
}

async function runFile(
  file: string,
  args: readonly string[],
  open: (options?: OpenOptions) => Promise<Device>,
): Promise<void> {
  process.argv = [process.argv[0], file, ...args];
  const exits = () => {
    process.stderr.write(`error: ${file} called process.exit, and with that ended its profile too.\n`);
  };
  process.once('exit', exits);
  try {
    const ours = { 'lockstep-gpu': { ...library, openDevice: open }, 'lockstep-gpu/bench': bench };
    await runUserFile(file, ours);
    await idle();
  } catch (cause) {
    const problem = fileProblem(file, cause);
    throw new LockstepError('bad-input', `${file} ended with an error: ${problem}`, { cause });
  } finally {
    process.removeListener('exit', exits);
  }
}
