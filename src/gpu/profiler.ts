/** Takes the profiles of one device, one at a time: begin and end; what lies between is recording.ts's. */

import { LockstepError } from '../platform/errors.js';
import { showInDeveloperTools } from './developer-tools.js';
import type { Device } from './device.js';
import { span } from './host-spans.js';
import { type Profile, profileOf } from './profile.js';
import { Recording } from './recording.js';

/** What a profiled function is given. */
export interface ProfileTools {
  /** Calls `run` and shows it under this name among the host's spans. Example: `span('load', () => load(file))`. */
  span<T>(name: string, run: () => T): T;
}

const tools: ProfileTools = { span: (name, run) => span('code', name, run) };

export class Profiler {
  readonly #device: Device;
  /** Kept for the next profile, with its queries. */
  #recording: Recording | undefined;
  #busy = false;

  constructor(device: Device) {
    this.#device = device;
  }

  async profile<T>(fn: (tools: ProfileTools) => T | Promise<T>): Promise<Profile<T>> {
    if (this.#busy) {
      throw new LockstepError(
        'bad-input',
        'This device is being profiled already; its times would count twice. Profile around both, or one after the other.',
      );
    }
    this.#busy = true;
    const device = this.#device;
    try {
      await device.sync();
      this.#recording ??= new Recording(device.gpu, device.info);
      const recording = this.#recording;
      const before = device.pipelines.length;
      await recording.start();
      let result: T;
      try {
        result = await fn(tools);
        await device.sync();
      } catch (error) {
        this.destroy();
        throw error;
      }
      const recorded = await recording.stop();
      device.check();
      const profile = profileOf(result, recorded, device.pipelines, device.pipelines.slice(before));
      showInDeveloperTools(profile);
      return profile;
    } finally {
      this.#busy = false;
    }
  }

  destroy(): void {
    this.#recording?.destroy();
    this.#recording = undefined;
  }
}
