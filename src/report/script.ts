/**
 * Profiles a user's program. It runs the file in this process and profiles every device that the program opens, until the
 * program ends. Imports of `lockstep-gpu` in the file give this very library.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type OpenOptions, openDevice } from '../adapter/open.js';
import * as bench from '../bench/index.js';
import type { Device } from '../gpu/device.js';
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
  /** The cost of timing a launch, in milliseconds. */
  passMs: number;
  profiling: Profiling;
}

/** Resolves when nothing keeps the process alive, which is when the program has ended. */
const idle = (): Promise<void> => new Promise((done) => process.once('beforeExit', () => done()));

/** Opens a device as the library does, and begins its profile. */
async function openProfiled(options: OpenOptions): Promise<Opened> {
  const device = await openDevice(fineTimestamps(options));
  const ceilings = await measureCeilings(device);
  const passMs = await timedPassCost(device);
  return { device, ceilings, passMs, profiling: await Profiling.start(device) };
}

/**
 * Runs a TypeScript or JavaScript file and profiles it until nothing keeps the process alive. `args` are the file's
 * command-line arguments.
 *
 * @returns The profile of the busiest device.
 * @throws LockstepError `bad-input` if the file does not exist, throws, or opens no device.
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
