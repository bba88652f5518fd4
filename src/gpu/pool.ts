/**
 * Storage buffers for tensors, kept for reuse by size: creating one costs more than a small kernel, and a training
 * loop asks for the same sizes every step. A buffer given back may still be used by work that is recorded or under
 * way: the next user's work comes after it in the queue's order.
 */
import type { Buffers } from './buffers.js';
import { BufferUsage } from './usage.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** The smallest buffer; storage bindings are aligned to it on most devices. */
const SMALLEST = 256;
/** Sizes an octave: a buffer is at most a quarter larger than asked for. */
const STEPS_PER_OCTAVE = 4;
/** Free bytes kept for reuse; what comes back above that is destroyed. */
const KEPT_BYTES = 256 * 2 ** 20;

/** The size of the buffer that a request gets. */
export function pooledSize(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const octave = 2 ** Math.floor(Math.log2(bytes));
  const step = octave / STEPS_PER_OCTAVE;
  return Math.ceil(bytes / step) * step;
}

export class BufferPool {
  readonly #buffers: Buffers;
  readonly #largestBinding: number;
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #used = new Set<GPUBuffer>();
  #freeBytes = 0;
  #usedBytes = 0;

  /** `largestBinding`: bytes of a buffer that a kernel may see whole. */
  constructor(buffers: Buffers, largestBinding: number) {
    this.#buffers = buffers;
    this.#largestBinding = largestBinding;
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
    const most = this.#largestBinding;
    const size = bytes <= most ? Math.min(pooledSize(bytes), most) : bytes;
    const kept = this.#free.get(size)?.pop();
    if (kept) this.#freeBytes -= size;
    const buffer = kept ?? this.#buffers.allocate('tensor', size, STORAGE);
    this.#used.add(buffer);
    this.#usedBytes += size;
    return buffer;
  }

  /** Takes a buffer back. A second call does nothing. */
  give(buffer: GPUBuffer): void {
    if (!this.#used.delete(buffer)) return;
    const { size } = buffer;
    this.#usedBytes -= size;
    if (this.#freeBytes + size > KEPT_BYTES) {
      this.#buffers.free(buffer);
      return;
    }
    const kept = this.#free.get(size);
    if (kept) kept.push(buffer);
    else this.#free.set(size, [buffer]);
    this.#freeBytes += size;
  }

  /** Destroys the buffers that are free. */
  trim(): void {
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.#buffers.free(buffer);
    this.#free.clear();
    this.#freeBytes = 0;
  }
}
