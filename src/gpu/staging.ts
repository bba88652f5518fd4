/**
 * Staging buffers: bytes on their way from the device to the host. Whoever reads takes one, has a recorder copy into it,
 * waits, and takes the bytes; the buffer then serves the next one. What is copied, and when, is the reader's business.
 */
import type { WaitOptions } from './map.js';
import type { Recorder } from './recorder.js';
import { BufferUsage } from './usage.js';

/** Staging buffers kept for reuse, in each power-of-two size. */
const KEPT_PER_SIZE = 2;
/** Larger staging buffers are freed after use. */
const LARGEST_KEPT = 16 * 2 ** 20;
const SMALLEST = 256;

/** What staging asks of a device. */
export interface StagingHost {
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer;
  free(buffer: GPUBuffer): void;
  map(buffer: GPUBuffer, bytes: number, options: WaitOptions): Promise<number>;
}

/** The staging buffers of one reader. */
export class Staging {
  readonly #host: StagingHost;
  readonly #label: string;
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #used = new Set<GPUBuffer>();
  #closed = false;

  /** `label` names the buffers in errors and traces. */
  constructor(host: StagingHost, label: string) {
    this.#host = host;
    this.#label = label;
  }

  /** Room for so many bytes, a multiple of 4. */
  take(bytes: number): Staged {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)));
    const fits = size <= LARGEST_KEPT ? size : bytes;
    const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST;
    const buffer = this.#free.get(size)?.pop() ?? this.#host.allocate(this.#label, fits, usage);
    this.#used.add(buffer);
    return new Staged(this.#host, buffer, bytes, (reusable) => this.#give(buffer, reusable));
  }

  #give(buffer: GPUBuffer, reusable: boolean): void {
    if (!this.#used.delete(buffer)) return;
    const { size } = buffer;
    const kept = this.#free.get(size) ?? [];
    if (!reusable || this.#closed || size > LARGEST_KEPT || kept.length >= KEPT_PER_SIZE) {
      this.#host.free(buffer);
      return;
    }
    kept.push(buffer);
    this.#free.set(size, kept);
  }

  /** Frees the buffers that are not in use. From here on, none is kept for reuse. */
  close(): void {
    this.#closed = true;
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.#host.free(buffer);
    this.#free.clear();
  }

  /** Frees all buffers. Waits for them are rejected. */
  destroy(): void {
    this.close();
    for (const buffer of this.#used) this.#host.free(buffer);
    this.#used.clear();
  }
}

/** Some bytes on their way to the host. */
export class Staged {
  readonly bytes: number;
  readonly buffer: GPUBuffer;
  readonly #host: StagingHost;
  readonly #give: (reusable: boolean) => void;

  constructor(host: StagingHost, buffer: GPUBuffer, bytes: number, give: (reusable: boolean) => void) {
    this.#host = host;
    this.buffer = buffer;
    this.bytes = bytes;
    this.#give = give;
  }

  /** Records a copy of `bytes` bytes of `source` to the place `at`. */
  copy(recorder: Pick<Recorder, 'copy'>, source: GPUBuffer, offset: number, bytes: number, at = 0): void {
    recorder.copy(source, offset, this.buffer, at, bytes);
  }

  /**
   * Waits until the copies, which must be submitted, are done.
   *
   * @returns Milliseconds from the first look on; see map.ts.
   */
  async wait(options: WaitOptions = {}): Promise<number> {
    try {
      return await this.#host.map(this.buffer, this.bytes, options);
    } catch (error) {
      this.#give(false);
      throw error;
    }
  }

  /** Hands over the bytes, which were waited for, and gives the buffer back: they are gone when `use` returns. */
  take<T>(use: (bytes: ArrayBuffer) => T): T {
    let reusable = false;
    try {
      const result = use(this.buffer.getMappedRange(0, this.bytes));
      this.buffer.unmap();
      reusable = true;
      return result;
    } finally {
      this.#give(reusable);
    }
  }
}
