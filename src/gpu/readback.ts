/**
 * Brings bytes from the device to the host through a small pool of staging buffers. It does not know tensors, and it
 * waits for nothing but its own copy.
 */
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import type { Device } from './device.js';
import { span } from './host-spans.js';
import { mapWhenDone, type WaitOptions } from './map.js';
import { BufferUsage } from './usage.js';

/** Staging buffers kept for reuse, in each power-of-two size. */
const KEPT_PER_SIZE = 2;
/** Larger staging buffers are freed after use. */
const LARGEST_KEPT = 16 * 2 ** 20;
const SMALLEST = 256;

/** The staging buffers of one device. */
export class Readback {
  readonly #device: Device;
  readonly #free = new Map<number, GPUBuffer[]>();
  #closed = false;

  constructor(device: Device) {
    this.#device = device;
  }

  async read(source: GPUBuffer, offset: number, bytes: number, options: WaitOptions): Promise<ArrayBuffer> {
    checkRange(source, offset, bytes);
    if (bytes === 0) return new ArrayBuffer(0);
    const copied = Math.ceil(bytes / 4) * 4;
    const staging = this.#take(copied);
    let reusable = false;
    try {
      const encoder = this.#device.gpu.createCommandEncoder({ label: 'read' });
      encoder.copyBufferToBuffer(source, offset, staging, 0, copied);
      this.#device.gpu.queue.submit([encoder.finish()]);
      await mapWhenDone(staging, copied, this.#device.info, options);
      const result = span('read-back', 'read', () => staging.getMappedRange(0, copied).slice(0, bytes), {
        bytes,
      });
      staging.unmap();
      reusable = true;
      return result;
    } finally {
      this.#give(staging, reusable);
    }
  }

  #take(bytes: number): GPUBuffer {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)));
    const kept = this.#free.get(size)?.pop();
    const fits = size <= LARGEST_KEPT ? size : bytes;
    return kept ?? this.#device.allocate('staging', fits, BufferUsage.MAP_READ | BufferUsage.COPY_DST);
  }

  #give(staging: GPUBuffer, reusable: boolean): void {
    const kept = this.#free.get(staging.size) ?? [];
    if (!reusable || this.#closed || staging.size > LARGEST_KEPT || kept.length >= KEPT_PER_SIZE) {
      this.#device.free(staging);
    } else {
      kept.push(staging);
      this.#free.set(staging.size, kept);
    }
  }

  /** Nothing is kept from here on. */
  destroy(): void {
    this.#closed = true;
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.#device.free(buffer);
    this.#free.clear();
  }
}

/** A copy out of range does nothing, and what an earlier read left in the staging buffer would be taken for the result. */
function checkRange(source: GPUBuffer, offset: number, bytes: number): void {
  const areWhole = [offset, bytes].every((value) => Number.isSafeInteger(value) && value >= 0);
  const end = offset + Math.ceil(bytes / 4) * 4;
  if (areWhole && offset % 4 === 0 && end <= source?.size) return;
  throw new LockstepError(
    'bad-input',
    `Device.read: ${printable(bytes)} bytes from offset ${printable(offset)} are not within a buffer of ` +
      `${printable(source?.size)}; the offset is a multiple of 4.`,
  );
}
