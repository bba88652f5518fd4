/**
 * Gives out room in a few large storage buffers, and takes it back: runs and datasets come and go while a training lasts. What
 * is stored there is up to the caller.
 */
import type { Device } from '../../gpu/device.js';
import { BufferUsage } from '../../gpu/usage.js';
import { LockstepError } from '../../platform/errors.js';

const USAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
/** In words. WebGPU asks for one, as copies and writes begin at multiples of four bytes; the kernel reads vectors of four. */
const ALIGNMENT = 4;

/** Some words of one buffer. */
export interface Room {
  readonly buffer: GPUBuffer;
  /** The first word. */
  readonly at: number;
  readonly words: number;
}

interface Pool {
  buffer: GPUBuffer;
  /** The parts that are free, in the order in which they lie in the buffer. */
  free: { at: number; words: number }[];
}

export class Pools {
  readonly #device: Device;
  readonly #label: string;
  readonly #least: number;
  readonly #pools: Pool[] = [];

  /** @param least The fewest bytes of a buffer. Each new one is at least as large as all before it together. */
  constructor(device: Device, label: string, least: number) {
    this.#device = device;
    this.#label = label;
    this.#least = least;
  }

  /** The most bytes of a buffer that a kernel can bind whole. */
  get mostBytes(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#device.limits;
    return Math.min(maxStorageBufferBindingSize, maxBufferSize);
  }

  /** @throws LockstepError `unsupported` for more words than a kernel can bind at once. */
  take(words: number): Room {
    const rounded = Math.ceil(words / ALIGNMENT) * ALIGNMENT;
    if (4 * rounded > this.mostBytes) {
      throw new LockstepError(
        'unsupported',
        `${this.#label}: ${4 * rounded} bytes are more than this device binds at once, ${this.mostBytes}.`,
      );
    }
    for (const pool of this.#pools) {
      const k = pool.free.findIndex((stretch) => stretch.words >= rounded);
      if (k < 0) continue;
      const { at, words: had } = pool.free[k];
      if (had === rounded) pool.free.splice(k, 1);
      else pool.free[k] = { at: at + rounded, words: had - rounded };
      return { buffer: pool.buffer, at, words: rounded };
    }
    this.#open(4 * rounded);
    return this.take(words);
  }

  give({ buffer, at, words }: Room): void {
    const pool = this.#pools.find((one) => one.buffer === buffer)!;
    const after = pool.free.findIndex((stretch) => stretch.at > at);
    pool.free.splice(after < 0 ? pool.free.length : after, 0, { at, words });
    const merged: Pool['free'] = [];
    for (const stretch of pool.free) {
      const last = merged[merged.length - 1];
      if (last && last.at + last.words === stretch.at) last.words += stretch.words;
      else merged.push({ ...stretch });
    }
    pool.free = merged;
  }

  destroy(): void {
    for (const { buffer } of this.#pools) this.#device.free(buffer);
    this.#pools.length = 0;
  }

  #open(bytes: number): void {
    const sofar = this.#pools.reduce((sum, { buffer }) => sum + buffer.size, 0);
    const size = Math.min(this.mostBytes, Math.max(bytes, this.#least, sofar));
    const buffer = this.#device.allocate(this.#label, size, USAGE);
    this.#pools.push({ buffer, free: [{ at: 0, words: Math.floor(size / (4 * ALIGNMENT)) * ALIGNMENT }] });
  }
}
