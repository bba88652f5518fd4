/**
 * Creates, counts and destroys the buffers of one device. pool.ts keeps some of them for reuse.
 */
import { checkNumber, checkText } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import type { Faults } from './faults.js';
import type { Queue } from './queue.js';
import { BufferUsage } from './usage.js';
import type { Waits } from './waits.js';

export class Buffers {
  readonly #queue: Queue;
  readonly #waits: Waits;
  readonly #faults: Faults;
  readonly #beforeFree: () => void;
  readonly #sizes = new Map<GPUBuffer, number>();
  #bytes = 0;
  #peak = 0;

  /**
   * @param beforeFree Lets go of whatever refers to buffers: commands that are recorded and not submitted, and bind groups.
   */
  constructor(queue: Queue, waits: Waits, faults: Faults, beforeFree: () => void) {
    this.#queue = queue;
    this.#waits = waits;
    this.#faults = faults;
    this.#beforeFree = beforeFree;
  }

  get count(): number {
    return this.#sizes.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The most bytes so far. */
  get peak(): number {
    return this.#peak;
  }

  /** Whether a buffer is one of these, and not freed. */
  has(buffer: GPUBuffer): boolean {
    return this.#sizes.has(buffer);
  }

  /** As {@link Device.allocate}. `mappedAtCreation`: the host can write to it at once. */
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags, mappedAtCreation = false): GPUBuffer {
    this.#faults.check();
    checkText('device.allocate', 'the label', label);
    checkNumber('device.allocate', 'bytes', bytes, { min: 0 });
    checkNumber('device.allocate', 'usage', usage, { min: 1, whole: true });
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    this.#checkSize(label, size, usage);
    const { gpu } = this.#queue;
    gpu.pushErrorScope('out-of-memory');
    const buffer = gpu.createBuffer({ label, size, usage, mappedAtCreation });
    this.#faults.watch(
      gpu.popErrorScope().then((error) => {
        const held = `${this.#sizes.size} buffers with ${this.#bytes} bytes are alive`;
        const message = `No device memory for "${label}" (${size} bytes); ${held}.`;
        return error ? new LockstepError('out-of-memory', message) : undefined;
      }),
    );
    this.#sizes.set(buffer, size);
    this.#bytes += size;
    this.#peak = Math.max(this.#peak, this.#bytes);
    return buffer;
  }

  #checkSize(label: string, size: number, usage: GPUBufferUsageFlags): void {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#queue.gpu.limits;
    const bindable = usage & BufferUsage.STORAGE ? maxStorageBufferBindingSize : Infinity;
    const most = Math.min(maxBufferSize, bindable);
    if (size <= most) return;
    throw new LockstepError(
      'unsupported',
      `The buffer "${label}" would have ${size} bytes; this device takes at most ${most} in one ` +
        `${bindable < maxBufferSize ? 'storage binding' : 'buffer'}. Make it smaller, or cut it in parts.`,
    );
  }

  /** As {@link Device.free}. */
  free(buffer: GPUBuffer): void {
    const size = this.#sizes.get(buffer);
    if (size === undefined) return;
    this.#beforeFree();
    this.#sizes.delete(buffer);
    this.#bytes -= size;
    this.#waits.stop(buffer);
    this.#queue.destroy(buffer);
  }

  freeAll(): void {
    for (const buffer of [...this.#sizes.keys()]) this.free(buffer);
  }
}
