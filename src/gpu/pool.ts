/**
 * Buffers of one usage, kept for reuse by size: creating one costs more than a small kernel, and a training loop asks for
 * the same sizes at every step. A buffer that is given back may still be used by work that is recorded or running. That
 * does no harm, as the work of its next user comes later in the device's queue.
 */
import type { Buffers } from './buffers.js';

/** The smallest buffer; storage bindings are aligned to it on most devices. */
const SMALLEST = 256;
/** Sizes from one power of two to the next: a buffer is at most a quarter larger than was asked for. */
const STEPS_PER_OCTAVE = 4;

/** The size of the buffer that a request gets. */
export function pooledSize(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const octave = 2 ** Math.floor(Math.log2(bytes));
  const step = octave / STEPS_PER_OCTAVE;
  return Math.ceil(bytes / step) * step;
}

interface PoolOptions {
  /** Names the buffers in errors and traces. */
  label: string;
  usage: GPUBufferUsageFlags;
  /** The most bytes that a request is rounded up to. */
  largest: number;
  /** Free bytes that are kept for reuse. A buffer that comes back above that is destroyed. */
  keptBytes: number;
}

export class BufferPool {
  readonly #buffers: Pick<Buffers, 'allocate' | 'free'>;
  readonly #options: PoolOptions;
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #used = new Set<GPUBuffer>();
  #freeBytes = 0;
  #usedBytes = 0;

  constructor(buffers: Pick<Buffers, 'allocate' | 'free'>, options: PoolOptions) {
    this.#buffers = buffers;
    this.#options = options;
  }

  /** Bytes free for reuse. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  get freeBuffers(): number {
    let count = 0;
    for (const buffers of this.#free.values()) count += buffers.length;
    return count;
  }

  /** Bytes in use. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  get usedBuffers(): number {
    return this.#used.size;
  }

  take(bytes: number): GPUBuffer {
    const { label, usage, largest } = this.#options;
    const size = bytes <= largest ? Math.min(pooledSize(bytes), largest) : bytes;
    const kept = this.#free.get(size)?.pop();
    if (kept) this.#freeBytes -= size;
    const buffer = kept ?? this.#buffers.allocate(label, size, usage);
    this.#used.add(buffer);
    this.#usedBytes += buffer.size;
    return buffer;
  }

  /** Takes a buffer back, to be used again. A second call does nothing. */
  give(buffer: GPUBuffer): void {
    const { size } = buffer;
    if (!this.#forget(buffer)) return;
    if (this.#freeBytes + size > this.#options.keptBytes) {
      this.#buffers.free(buffer);
      return;
    }
    const kept = this.#free.get(size);
    if (kept) kept.push(buffer);
    else this.#free.set(size, [buffer]);
    this.#freeBytes += size;
  }

  /** Takes a buffer back and destroys it. A second call does nothing. */
  drop(buffer: GPUBuffer): void {
    if (this.#forget(buffer)) this.#buffers.free(buffer);
  }

  #forget(buffer: GPUBuffer): boolean {
    const wasUsed = this.#used.delete(buffer);
    if (wasUsed) this.#usedBytes -= buffer.size;
    return wasUsed;
  }

  /** Destroys the buffers that are free. */
  trim(): void {
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.#buffers.free(buffer);
    this.#free.clear();
    this.#freeBytes = 0;
  }

  /** Destroys all buffers, those in use too. */
  destroy(): void {
    for (const buffer of this.#used) this.drop(buffer);
    this.trim();
  }
}
