/** Takes a profile of a device while a function runs. */

import { checkDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { checkFunction } from '../platform/arguments.js';
import { span } from '../platform/host-spans.js';
import type { Profile } from './profile.js';
import { Profiling } from './profiling.js';

/** The argument of a profiled function. */
export interface ProfileTools {
  /** Calls `run` and shows it under this name among the host's spans. Example: `span('load', () => load(file))`. */
  span<T>(name: string, run: () => T): T;
}

const tools: ProfileTools = { span: (name, run) => span('code', name, run) };

/**
 * Calls `fn` and records what the device does meanwhile, kernel by kernel, and what the host does. Each kernel runs in a pass of
 * its own and is timed by the device's clock (`timestamp-query`). Without timestamps, each kernel is sent to the device alone
 * and timed by the host's clock; `timing` says which it was. In a browser, the spans also go to `performance.measure`, so
 * that the developer tools show them.
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
  const profiling = await Profiling.start(device);
  let result: T;
  try {
    result = await fn(tools);
  } catch (error) {
    profiling.abandon();
    throw error;
  }
  return profiling.stop(result);
}
