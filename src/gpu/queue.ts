/**
 * The device's queue. Every write, every submit and the end of every buffer goes through here, in order. An observer
 * (observer.ts) may hold them back until it is their turn.
 */
import { listening, span } from '../platform/host-spans.js';
import type { Observer } from './observer.js';

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

  /** Writes host memory into a buffer, after everything submitted before. The memory can be used again at once. */
  write(target: GPUBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    if (!listening()) this.#write(target, offset, data);
    else {
      const write = () => this.#write(target, offset, data);
      span('upload', target.label || 'upload', write, { bytes: data.byteLength });
    }
  }

  #write(target: GPUBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    if (!this.#isBehind) this.#queue.writeBuffer(target, offset, data);
    else {
      const { buffer, byteOffset, byteLength } = data;
      const copy = buffer.slice(byteOffset, byteOffset + byteLength); // the caller may write over its memory
      this.observer?.later(() => this.#queue.writeBuffer(target, offset, copy));
    }
  }

  /** Sends commands to the device at once, in this order. */
  submit(commands: GPUCommandBuffer[]): void {
    this.#queue.submit(commands);
  }

  /** Destroys a buffer, after everything submitted before. */
  destroy(buffer: GPUBuffer): void {
    if (this.#isBehind) this.observer?.later(() => buffer.destroy());
    else buffer.destroy();
  }

  get #isBehind(): boolean {
    return this.observer?.behind === true;
  }

  /** Resolves when the device has been sent everything submitted before; undefined if it has been already. */
  sent(): Promise<void> | undefined {
    return this.#isBehind ? this.observer?.sent() : undefined;
  }

  /** Resolves when the device is done with everything submitted before. */
  async done(): Promise<void> {
    await this.sent();
    await this.#queue.onSubmittedWorkDone();
  }
}
