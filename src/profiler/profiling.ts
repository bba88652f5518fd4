/**
 * Takes a profile of one device, from its beginning to its end: it observes the device, listens to the host's spans, and makes
 * data of both. Without a profile, none of this code runs.
 */
import type { Device } from '../gpu/device.js';
import type { Observation } from '../gpu/observer.js';
import { LockstepError } from '../platform/errors.js';
import { type HostSpan, listen, unlisten } from '../platform/host-spans.js';
import { showInDeveloperTools } from './developer-tools.js';
import { DeviceTimer } from './device-timer.js';
import { HostTimer } from './host-timer.js';
import { type Profile, profileOf } from './profile.js';
import type { Timer } from './timer.js';

/** Devices of which a profile is being taken. */
const profiled = new WeakSet<Device>();

export class Profiling {
  readonly #device: Device;
  readonly #timer: Timer;
  readonly #observation: Observation;
  readonly #pipelinesBefore: number;
  readonly #spans: HostSpan[] = [];
  readonly #start: number;
  readonly #take = (span: HostSpan): void => {
    this.#spans.push(span);
  };

  /**
   * Begins a profile, which goes on until it is stopped or abandoned.
   *
   * @throws LockstepError `bad-input` while another profile of this device is taken.
   */
  static async start(device: Device): Promise<Profiling> {
    if (profiled.has(device)) {
      throw new LockstepError(
        'bad-input',
        'This device is being profiled already; its times would count twice. Profile around both, or one after the other.',
      );
    }
    profiled.add(device);
    const hasTimestamps = device.features.has('timestamp-query');
    const timer = hasTimestamps ? new DeviceTimer(device) : new HostTimer(device.gpu);
    try {
      await device.sync();
      await timer.start();
      return new Profiling(device, timer);
    } catch (error) {
      timer.destroy();
      profiled.delete(device);
      throw error;
    }
  }

  private constructor(device: Device, timer: Timer) {
    this.#device = device;
    this.#timer = timer;
    this.#pipelinesBefore = device.pipelines.length;
    this.#observation = device.observe(timer);
    listen(this.#take);
    this.#start = performance.now();
  }

  /** Ends the profile when the device has done everything that was submitted so far. `result` becomes a part of it. */
  async stop<T>(result: T): Promise<Profile<T>> {
    try {
      do {
        await this.#settle();
        this.#device.commands.flush(); // other code may go on submitting meanwhile
      } while (this.#timer.behind);
      const end = performance.now();
      this.#observation.end();
      unlisten(this.#take);
      const { launches, timing } = await this.#timer.finish();
      if (!this.#device.destroyed) this.#device.check();
      const { pipelines } = this.#device;
      const recorded = { start: this.#start, end, launches, spans: this.#spans, timing };
      const profile = profileOf(result, recorded, pipelines, pipelines.slice(this.#pipelinesBefore));
      showInDeveloperTools(profile);
      return profile;
    } finally {
      this.abandon();
    }
  }

  /** Waits for the device. If it was destroyed meanwhile, it is kept alive for its observer and finishes its work. */
  async #settle(): Promise<void> {
    if (!this.#device.destroyed) return this.#device.sync();
    await this.#timer.sent();
    await this.#device.gpu.queue.onSubmittedWorkDone();
  }

  /** Ends the profile without a result. */
  abandon(): void {
    this.#observation.end();
    unlisten(this.#take);
    this.#timer.destroy();
    this.#observation.release();
    profiled.delete(this.#device);
  }
}
