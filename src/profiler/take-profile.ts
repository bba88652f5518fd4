/** Takes a profile of a device: begin and end; what lies between is recording.ts's. */

import { checkDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { checkFunction } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { span } from '../platform/host-spans.js';
import { showInDeveloperTools } from './developer-tools.js';
import { type Profile, profileOf } from './profile.js';
import { Recording } from './recording.js';

/** What a profiled function is given. */
export interface ProfileTools {
  /** Calls `run` and shows it under this name among the host's spans. Example: `span('load', () => load(file))`. */
  span<T>(name: string, run: () => T): T;
}

const tools: ProfileTools = { span: (name, run) => span('code', name, run) };

/** Devices of which a profile is being taken. */
const profiled = new WeakSet<Device>();

/**
 * Calls `fn` and records what the device did meanwhile, kernel by kernel, and what the host did around it. Each kernel
 * goes to the device in a pass of its own, timed by the device's clock (`timestamp-query`), or else alone and timed by
 * the host's: `timing` says which. Without a profile none of this exists. In a browser the spans also go to
 * `performance.measure`, where the developer tools show them.
 *
 * @throws LockstepError `bad-input` while another profile of this device is taken; and whatever `fn` throws.
 * @example
 * const profile = await takeProfile(device, async () => {
 *   for (let step = 0; step < 10; step++) await trainStep();
 * });
 * for (const { kernel, calls, ms } of kernelTotals(profile)) console.log(kernel, calls, ms);
 * writeFileSync('trace.json', JSON.stringify(chromeTrace(profile)));
 */
export async function takeProfile<T>(
  device: Device,
  fn: (tools: ProfileTools) => T | Promise<T>,
): Promise<Profile<T>> {
  checkDevice('takeProfile', device);
  checkFunction('takeProfile', 'the second argument', fn, '() => trainStep()');
  if (profiled.has(device)) {
    throw new LockstepError(
      'bad-input',
      'This device is being profiled already; its times would count twice. Profile around both, or one after the other.',
    );
  }
  profiled.add(device);
  const recording = new Recording(device.gpu, device.info);
  try {
    await device.sync();
    const before = device.pipelines.length;
    await recording.start();
    const result = await fn(tools);
    await device.sync();
    const recorded = await recording.stop();
    device.check();
    const profile = profileOf(result, recorded, device.pipelines, device.pipelines.slice(before));
    showInDeveloperTools(profile);
    return profile;
  } finally {
    recording.destroy();
    profiled.delete(device);
  }
}
