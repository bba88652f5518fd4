/**
 * Stands between the library and a GPUDevice while a profile is taken: sees what is encoded, uploaded and submitted,
 * and has every dispatch timed. It replaces methods of that one device and puts them back, so that without a profile
 * there is nothing of it; what the times come to is profile.ts's.
 */
import type { DeviceInfo } from '../gpu/device-info.js';
import { type HostSpan, listen, span, unlisten } from '../platform/host-spans.js';
import { DeviceTimer } from './device-timer.js';
import { HostTimer } from './host-timer.js';
import { Patches } from './patches.js';
import { RecordedPass } from './recorded-pass.js';
import type { PassMaker, TimedLaunch, Timer, Timing } from './timer.js';
import { writtenBytes } from './written-bytes.js';

/** What was recorded; times in milliseconds as `performance.now()` counts them. */
export interface Recorded {
  start: number;
  end: number;
  launches: TimedLaunch[];
  spans: HostSpan[];
  timing: Timing;
  /** Bytes that `writeBuffer` sent. */
  uploaded: number;
}

export class Recording {
  readonly #gpu: GPUDevice;
  readonly #timer: Timer;
  readonly #patches = new Patches();
  #spans: HostSpan[] = [];
  #start = 0;
  #uploaded = 0;
  readonly #take = (taken: HostSpan): void => {
    this.#spans.push(taken);
  };

  constructor(gpu: GPUDevice, info: DeviceInfo) {
    this.#gpu = gpu;
    this.#timer = gpu.features.has('timestamp-query') ? new DeviceTimer(gpu, info) : new HostTimer(gpu);
  }

  /** Begins; the device has nothing to do, and nothing is encoded and not submitted. */
  async start(): Promise<void> {
    await this.#timer.start();
    this.#spans = [];
    this.#uploaded = 0;
    this.#replace();
    listen(this.#take);
    this.#start = performance.now();
  }

  #replace(): void {
    const { queue } = this.#gpu;
    this.#patches.replace(this.#gpu, 'createCommandEncoder', (create) => (descriptor) => {
      return this.#encoder(create(descriptor), descriptor?.label ?? 'commands');
    });
    this.#patches.replace(queue, 'submit', (submit) => (buffers) => {
      const list = [...buffers];
      span('submit', 'submit', () => this.#timer.submit(list, submit));
    });
    this.#patches.replace(queue, 'writeBuffer', (write) => (target, offset, data, from, size) => {
      const bytes = writtenBytes(data, from, size).byteLength;
      this.#uploaded += bytes;
      span('upload', target.label || 'upload', () => write(target, offset, data, from, size), { bytes });
    });
  }

  #encoder(real: GPUCommandEncoder, label: string): GPUCommandEncoder {
    const start = performance.now();
    const makePass: PassMaker = (from, descriptor) =>
      new RecordedPass(descriptor?.label ?? '', (launched, commands) =>
        this.#timer.encode(from, launched, commands),
      ) as unknown as GPUComputePassEncoder;
    const encoder = this.#timer.encoder(real, makePass);
    encoder.finish = (descriptor) => {
      const buffer = this.#timer.finish(encoder, descriptor);
      this.#take({ kind: 'encode', name: label, start, end: performance.now() });
      return buffer;
    };
    return encoder;
  }

  /** Ends; the caller has waited for the device. */
  async stop(): Promise<Recorded> {
    const end = performance.now();
    unlisten(this.#take);
    this.#patches.restore();
    const { launches, timing } = await this.#timer.finishAll();
    return { start: this.#start, end, launches, spans: this.#spans, timing, uploaded: this.#uploaded };
  }

  destroy(): void {
    unlisten(this.#take);
    this.#patches.restore();
    this.#timer.destroy();
  }
}
