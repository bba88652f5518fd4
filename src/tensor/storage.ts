/**
 * The device memory behind tensors: a buffer from the pool and a count of the tensors that share it. A finalizer gives the
 * buffer back when the program has dropped those tensors without disposing them. Users see only tensors.
 */
import type { Device } from '../gpu/device.js';

/** The owner of a storage's buffer: the storage itself, or a page that several storages share. */
export interface Memory {
  readonly buffer: GPUBuffer;
  /** True once it was freed while tensors still referred to it. */
  readonly reclaimed: boolean;
}

/** Memory that tensors refer to, until they are disposed or collected. */
export class Storage implements Memory {
  readonly device: Device;
  readonly buffer: GPUBuffer;
  readonly memory: Memory;
  /** Counts in-place changes. A backward pass refuses values that changed after they were saved. */
  version = 0;
  /** How many of the references are results that a backward pass left to the caller; see leftovers.ts. */
  left = 0;
  reclaimed = false;
  readonly #release: () => void;
  #references = 1;

  /** Memory of `bytes` bytes from the pool. With `given`, memory that belongs to somebody else, whose `release` is called. */
  constructor(
    device: Device,
    bytes: number,
    given?: { buffer: GPUBuffer; memory?: Memory; release: () => void },
  ) {
    if (!given) relieve(device);
    const buffer = given?.buffer ?? device.pool.take(bytes);
    this.device = device;
    this.buffer = buffer;
    this.memory = given?.memory ?? this;
    this.#release = given?.release ?? (() => device.pool.give(buffer));
  }

  /** The number of tensors that refer to this memory. */
  get references(): number {
    return this.#references;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    this.#references--;
    if (this.#references === 0 && !this.reclaimed) this.#release();
  }

  /** Frees the memory in spite of its references. Using one of them is an error. */
  reclaim(): void {
    this.reclaimed = true;
    this.#release();
  }
}

/** A part of memory that several storages share. */
export const sharedStorage = (device: Device, memory: Memory, release: () => void): Storage =>
  new Storage(device, 0, { buffer: memory.buffer, memory, release });

const collected = new FinalizationRegistry<Pick<Storage, 'release'>>((held) => {
  held.release();
});

/** Releases `held` when `holder` is collected, unless {@link unwatch} comes first. */
export function watch(holder: object, held: Pick<Storage, 'release'>): void {
  collected.register(holder, held, holder);
}

export function unwatch(holder: object): void {
  collected.unregister(holder);
}

/** Growth after which {@link relieve} makes V8 collect again. */
const RELIEF_BYTES = 64 * 2 ** 20;
const RELIEF_BUFFERS = 1024;
/** Host memory that is allocated and dropped. Three times this makes V8 collect. */
const BALLAST_BYTES = 64 * 2 ** 20;

const marks = new WeakMap<Device, { bytes: number; buffers: number }>();

/**
 * To the collector a tensor is a small object, so it would let forgotten tensors fill the device's memory. When the memory in
 * use has grown much, this allocates host memory and drops it at once. (It is never touched, so it is never resident.) That
 * makes V8 collect, and finalizers run as soon as the program awaits something.
 */
function relieve(device: Device): void {
  const { usedBytes: bytes, usedBuffers: buffers } = device.pool;
  const mark = marks.get(device) ?? { bytes: 0, buffers: 0 };
  mark.bytes = Math.min(mark.bytes, bytes);
  mark.buffers = Math.min(mark.buffers, buffers);
  const grown = bytes > 2 * mark.bytes + RELIEF_BYTES || buffers > 2 * mark.buffers + RELIEF_BUFFERS;
  if (grown) {
    claimBallast();
    mark.bytes = bytes;
    mark.buffers = buffers;
  }
  marks.set(device, mark);
}

function claimBallast(): void {
  try {
    for (let i = 0; i < 3; i++) void new ArrayBuffer(BALLAST_BYTES);
  } catch {
    // No host memory to spare: the collector is about to run anyway.
  }
}
