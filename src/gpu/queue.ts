/**
 * The library's access to the device's queue. All writes, submits and destructions of buffers go through here, in order. They
 * are measured for profiles, and an observer (observer.ts) may delay them.
 */
import { plainBytes } from '../platform/bytes.js';
import { listening, span } from '../platform/host-spans.js';
import type { Observer, Part, RecordingObserver } from './observer.js';

export class Queue {
  readonly gpu: GPUDevice;
  /** Workgroups that a dispatch may have in each dimension. */
  readonly mostGroups: number;
  observer: Observer | undefined;
  readonly #queue: GPUQueue;

  constructor(gpu: GPUDevice) {
    this.gpu = gpu;
    this.#queue = gpu.queue;
    this.mostGroups = gpu.limits.maxComputeWorkgroupsPerDimension;
  }

  /** Writes host memory into a buffer, after all that was submitted. The memory can be used again at once. */
  write(target: GPUBuffer, offset: number, data: ArrayBufferView): void {
    const bytes = plainBytes(data);
    if (!listening()) this.#write(target, offset, bytes);
    else {
      const write = () => this.#write(target, offset, bytes);
      span('upload', target.label || 'upload', write, { bytes: bytes.byteLength });
    }
  }

  #write(target: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#isBehind) this.#queue.writeBuffer(target, offset, bytes);
    else {
      const copy = bytes.slice(); // the caller may write over its memory
      this.observer?.later(() => this.#queue.writeBuffer(target, offset, copy));
    }
  }

  submit(parts: readonly Part[], watch: RecordingObserver | undefined): void {
    const send = (some: readonly Part[]) => this.#queue.submit(some.map(({ commands }) => commands));
    span('submit', 'submit', () => (watch ? watch.submit(parts, send) : send(parts)));
  }

  /** Destroys a buffer, after all that was submitted. */
  destroy(buffer: GPUBuffer): void {
    if (this.#isBehind) this.observer?.later(() => buffer.destroy());
    else buffer.destroy();
  }

  get #isBehind(): boolean {
    return this.observer?.behind === true;
  }

  /** Resolves when the device has got all that was submitted; undefined where it has. */
  sent(): Promise<void> | undefined {
    return this.#isBehind ? this.observer?.sent() : undefined;
  }

  /** Resolves when the device is done with all that was submitted. */
  async done(): Promise<void> {
    await this.sent();
    await this.#queue.onSubmittedWorkDone();
  }
}
