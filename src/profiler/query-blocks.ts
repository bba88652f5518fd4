/**
 * Manages timestamp queries in blocks that are reused: takes two for a kernel, copies the values to the host, and decodes them.
 * device-timer.ts knows what they time.
 */
import type { Device } from '../gpu/device.js';
import { BufferUsage } from '../gpu/usage.js';

/** WebGPU's most queries of a set. */
const QUERIES = 4096;
/** Queries taken at a time: results are resolved to multiples of 256 bytes. */
export const QUERIES_TAKEN = 32;
const BYTES = 8;
/** How many full blocks may wait for the end of the profile. Above that, they are read and reused at once. */
const MOST_WAITING = 16;

/** A set of queries and the buffers through which their values come to the host. */
export interface QueryBlock {
  set: GPUQuerySet;
  resolved: GPUBuffer;
  staging: GPUBuffer;
  used: number;
  /** Command encoders that write to it and were not submitted yet. */
  open: number;
  /** Called with the values, in nanoseconds since an origin of the device's own. */
  readers: ((values: BigUint64Array) => void)[];
}

export class QueryBlocks {
  readonly #device: Device;
  readonly #mostWaiting: number;
  readonly #free: QueryBlock[] = [];
  #current: QueryBlock | undefined;
  #full: QueryBlock[] = [];
  #reading: Promise<void> | undefined;

  /** `mostWaiting`: full blocks that may wait for the end. */
  constructor(device: Device, mostWaiting = MOST_WAITING) {
    this.#device = device;
    this.#mostWaiting = mostWaiting;
  }

  /** {@link QUERIES_TAKEN} queries of a block, for one command encoder. */
  take(): { block: QueryBlock; first: number } {
    let block = this.#current;
    if (!block || block.used === QUERIES) {
      if (block) this.#full.push(block);
      block = this.#free.pop() ?? this.#make();
      this.#current = block;
    }
    const first = block.used;
    block.used += QUERIES_TAKEN;
    block.open++;
    return { block, first };
  }

  /** Encodes the copy of `count` queries to a buffer that the host can read. */
  resolve(encoder: GPUCommandEncoder, block: QueryBlock, first: number, count: number): void {
    encoder.resolveQuerySet(block.set, first, count, block.resolved, first * BYTES);
    encoder.copyBufferToBuffer(block.resolved, first * BYTES, block.staging, first * BYTES, count * BYTES);
  }

  /** A command encoder that took queries was submitted. */
  submitted(block: QueryBlock): void {
    block.open--;
    const ready = this.#full.filter(({ open }) => open === 0);
    if (ready.length <= this.#mostWaiting || this.#reading) return;
    this.#full = this.#full.filter((full) => !ready.includes(full));
    this.#reading = this.#readAll(ready).finally(() => {
      this.#reading = undefined;
    });
    this.#reading.catch(() => {}); // thrown where the profile ends
  }

  /** Reads all blocks. Commands that were encoded and never submitted are not waited for. */
  async finish(): Promise<void> {
    await this.#reading;
    const blocks = [...this.#full, ...(this.#current ? [this.#current] : [])];
    this.#full = [];
    this.#current = undefined;
    await this.#readAll(blocks);
  }

  async #readAll(blocks: readonly QueryBlock[]): Promise<void> {
    for (const block of blocks) {
      if (block.readers.length > 0) {
        await this.#device.map(block.staging, block.used * BYTES);
        const values = new BigUint64Array(block.staging.getMappedRange(0, block.used * BYTES).slice(0));
        block.staging.unmap();
        for (const read of block.readers) read(values);
      }
      // Commands that were encoded may still be submitted, and write to it.
      if (block.open > 0) destroyBlock(block);
      else this.#free.push({ ...block, used: 0, readers: [] });
    }
  }

  #make(): QueryBlock {
    const { gpu } = this.#device;
    const size = QUERIES * BYTES;
    return {
      set: gpu.createQuerySet({ label: 'profile', type: 'timestamp', count: QUERIES }),
      resolved: gpu.createBuffer({
        label: 'profile',
        size,
        usage: BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC,
      }),
      staging: gpu.createBuffer({
        label: 'profile',
        size,
        usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST,
      }),
      used: 0,
      open: 0,
      readers: [],
    };
  }

  destroy(): void {
    const blocks = [...this.#free, ...this.#full, ...(this.#current ? [this.#current] : [])];
    for (const block of blocks) destroyBlock(block);
    this.#free.length = 0;
    this.#full = [];
    this.#current = undefined;
  }
}

function destroyBlock({ set, resolved, staging }: QueryBlock): void {
  set.destroy();
  resolved.destroy();
  staging.destroy();
}
