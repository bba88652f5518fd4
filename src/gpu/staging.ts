/**
 * Staging buffers carry bytes from the device to the host. A reader takes one, has a recorder copy into it, waits, and takes
 * the bytes out; then the buffer serves the next read. What is copied, and when, is up to the reader.
 */
import { BufferPool } from './pool.js';
import { BufferUsage } from './usage.js';
import type { WaitOptions } from './waits.js';

/** Free bytes that a reader keeps. A larger buffer is destroyed after its use. */
const KEPT_BYTES = 32 * 2 ** 20;

/** The part of a Device that staging needs. */
interface StagingHost {
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer;
  free(buffer: GPUBuffer): void;
  map(buffer: GPUBuffer, bytes: number, options: WaitOptions): Promise<number>;
}

/** The staging buffers of one reader. */
export class Staging {
  readonly #host: StagingHost;
  readonly #pool: BufferPool;

  /** `label` names the buffers in errors and traces. */
  constructor(host: StagingHost, label: string) {
    const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST;
    this.#host = host;
    this.#pool = new BufferPool(host, { label, usage, largest: KEPT_BYTES, keptBytes: KEPT_BYTES });
  }

  /** Room for `bytes` bytes, a multiple of 4. */
  take(bytes: number): Staged {
    return new Staged(this.#host, this.#pool, bytes);
  }

  /** Destroys the buffers that are free. */
  trim(): void {
    this.#pool.trim();
  }

  /** Destroys all buffers. Whoever waits for one gets an error. */
  destroy(): void {
    this.#pool.destroy();
  }
}

/** Some bytes on their way to the host. */
export class Staged {
  /** What the bytes are copied into, from its beginning on. */
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly #host: StagingHost;
  readonly #pool: BufferPool;

  constructor(host: StagingHost, pool: BufferPool, bytes: number) {
    this.#host = host;
    this.#pool = pool;
    this.buffer = pool.take(bytes);
    this.bytes = bytes;
  }

  /**
   * Waits until the copies, which must be submitted, are done.
   *
   * @returns Milliseconds from the first look on; see polled-maps.ts.
   */
  async wait(options: WaitOptions = {}): Promise<number> {
    try {
      return await this.#host.map(this.buffer, this.bytes, options);
    } catch (error) {
      this.#pool.drop(this.buffer);
      throw error;
    }
  }

  /** Passes the bytes, which were waited for, to `use`, and gives the buffer back: `use` must copy what it keeps. */
  take<T>(use: (bytes: ArrayBuffer) => T): T {
    try {
      const result = use(this.buffer.getMappedRange(0, this.bytes));
      this.buffer.unmap();
      this.#pool.give(this.buffer);
      return result;
    } catch (error) {
      this.#pool.drop(this.buffer);
      throw error;
    }
  }
}
