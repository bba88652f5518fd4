/** The way to the device's queue: what is written and submitted goes through here, in this order. */
import { plainBytes } from '../platform/bytes.js';

export class Queue {
  readonly gpu: GPUDevice;
  /** Workgroups that a dispatch may have in each dimension. */
  readonly mostGroups: number;
  readonly #queue: GPUQueue;

  constructor(gpu: GPUDevice) {
    this.gpu = gpu;
    this.#queue = gpu.queue;
    this.mostGroups = gpu.limits.maxComputeWorkgroupsPerDimension;
  }

  /** Writes host memory into a buffer, after all that was submitted. The memory can be used again at once. */
  write(target: GPUBuffer, offset: number, data: ArrayBufferView): void {
    this.#queue.writeBuffer(target, offset, plainBytes(data));
  }

  submit(commands: GPUCommandBuffer): void {
    this.#queue.submit([commands]);
  }

  /** Resolves when the device is done with all that was submitted. */
  async done(): Promise<void> {
    await this.#queue.onSubmittedWorkDone();
  }
}
