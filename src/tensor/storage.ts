/**
 * The device memory behind tensors: a pooled buffer with a count of the tensors that look into it, and the finalizer
 * that gives it back when they were forgotten. Internal: users see tensors.
 */
import type { Device } from '../gpu/device.js';

/** What a storage's buffer belongs to: the storage itself, or a page of several. */
export interface Memory {
  readonly buffer: GPUBuffer;
  /** True once it was taken from those who look into it. */
  readonly reclaimed: boolean;
}

/** What a tensor forgets when it is disposed or collected. */
export class Storage implements Memory {
  readonly device: Device;
  readonly buffer: GPUBuffer;
  readonly memory: Memory;
  /** Bumped by every in-place change: a backward pass refuses values that changed after they were saved. */
  version = 0;
  /** Which of the references are results that a backward pass left to the caller; see leftovers.ts. */
  left = 0;
  reclaimed = false;
  readonly #release: () => void;
  #references = 1;

  /** Memory for `bytes` bytes; or, with `given`, memory that somebody else owns and is told about the release of. */
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

  /** Tensors that look into this memory. */
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

  /** Gives the memory back in spite of its references: who uses it gets an error. */
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

/** Growth since the last relief that asks for another one. */
const RELIEF_BYTES = 64 * 2 ** 20;
const RELIEF_BUFFERS = 1024;
/** Host memory that is claimed and dropped at once; 3 times this makes V8 collect. */
const BALLAST_BYTES = 64 * 2 ** 20;

const marks = new WeakMap<Device, { bytes: number; buffers: number }>();

/**
 * The collector sees small objects where we see device memory, and would let forgotten tensors pile up. So when the
 * memory in use has grown by a good deal, claim some host memory (never touched, so never resident) and drop it: that
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
