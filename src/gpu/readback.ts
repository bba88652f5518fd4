/**
 * Brings bytes from the device to the host through a small pool of staging buffers. It does not know tensors, and it
 * waits for nothing but its own copy.
 */
import type { Device } from './device.js';
import { BufferUsage, MAP_MODE_READ } from './usage.js';

/** Options of {@link Device.read} and {@link Device.sync}. */
export interface WaitOptions {
  /**
   * How long the work in front of the read probably takes, in milliseconds. While a map is awaited, Dawn polls on
   * Node's main thread and takes a core from a CPU adapter: so 85% of this time is slept away first. Default 0.
   */
  expectedMs?: number;
}

/** Share of the expected time that is slept before the wait that polls. */
const SLEEP_SHARE = 0.85;
/** Staging buffers kept for reuse, in each power-of-two size. */
const KEPT_PER_SIZE = 2;
/** Larger staging buffers are freed after use. */
const LARGEST_KEPT = 16 * 2 ** 20;
const SMALLEST = 256;

export async function sleepBefore({ expectedMs = 0 }: WaitOptions): Promise<void> {
  const ms = expectedMs * SLEEP_SHARE;
  if (ms >= 1) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** The staging buffers of one device. */
export class Readback {
  readonly #device: Device;
  readonly #free = new Map<number, GPUBuffer[]>();

  constructor(device: Device) {
    this.#device = device;
  }

  async read(source: GPUBuffer, offset: number, bytes: number, options: WaitOptions): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const copied = Math.ceil(bytes / 4) * 4;
    const staging = this.#take(copied);
    let reusable = false;
    try {
      const encoder = this.#device.gpu.createCommandEncoder({ label: 'read' });
      encoder.copyBufferToBuffer(source, offset, staging, 0, copied);
      this.#device.gpu.queue.submit([encoder.finish()]);
      await sleepBefore(options);
      await staging.mapAsync(MAP_MODE_READ, 0, copied);
      const result = staging.getMappedRange(0, copied).slice(0, bytes);
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
    if (!reusable || staging.size > LARGEST_KEPT || kept.length >= KEPT_PER_SIZE) {
      this.#device.free(staging);
    } else {
      kept.push(staging);
      this.#free.set(staging.size, kept);
    }
  }

  destroy(): void {
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.#device.free(buffer);
    this.#free.clear();
  }
}
