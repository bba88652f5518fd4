/**
 * Brings bytes from the device to the host through a small pool of staging buffers. It does not know tensors, and it
 * waits for nothing but its own copy. The device's error flag comes along where a kernel could have raised it.
 */
import { LockstepError } from '../platform/errors.js';
import { span } from '../platform/host-spans.js';
import { printable } from '../platform/printable.js';
import type { Buffers } from './buffers.js';
import type { DeviceInfo } from './device-info.js';
import { type ErrorFlag, FLAG_BYTES } from './flag.js';
import { mapWhenDone, type WaitOptions } from './map.js';
import { BufferUsage } from './usage.js';

/** Staging buffers kept for reuse, in each power-of-two size. */
const KEPT_PER_SIZE = 2;
/** Larger staging buffers are freed after use. */
const LARGEST_KEPT = 16 * 2 ** 20;
const SMALLEST = 256;

/** The staging buffers of one device. */
export class Readback {
  readonly #gpu: GPUDevice;
  readonly #info: DeviceInfo;
  readonly #buffers: Buffers;
  readonly #flag: ErrorFlag;
  readonly #free = new Map<number, GPUBuffer[]>();
  #closed = false;

  constructor(gpu: GPUDevice, info: DeviceInfo, buffers: Buffers, flag: ErrorFlag) {
    this.#gpu = gpu;
    this.#info = info;
    this.#buffers = buffers;
    this.#flag = flag;
  }

  /** @throws LockstepError `bad-input` for what a kernel refused since the last read. */
  async read(source: GPUBuffer, offset: number, bytes: number, options: WaitOptions): Promise<ArrayBuffer> {
    checkRange(source, offset, bytes);
    const flag = this.#flag;
    const flagged = flag.pending;
    if (bytes === 0 && !flagged) return new ArrayBuffer(0);
    const copied = Math.ceil(bytes / 4) * 4;
    const mapped = copied + (flagged ? FLAG_BYTES : 0);
    const staging = this.#take(mapped);
    let reusable = false;
    try {
      const encoder = this.#gpu.createCommandEncoder({ label: 'read' });
      if (copied > 0) encoder.copyBufferToBuffer(source, offset, staging, 0, copied);
      const throwRaised = flagged ? flag.take(encoder, staging, copied) : undefined;
      this.#gpu.queue.submit([encoder.finish()]);
      await mapWhenDone(staging, mapped, this.#info, options);
      const range = staging.getMappedRange(0, mapped);
      const result = span('read-back', 'read', () => range.slice(0, bytes), { bytes });
      const words = new Uint32Array(range.slice(copied));
      staging.unmap();
      reusable = true;
      throwRaised?.(words);
      return result;
    } finally {
      this.#give(staging, reusable);
    }
  }

  #take(bytes: number): GPUBuffer {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)));
    const kept = this.#free.get(size)?.pop();
    const fits = size <= LARGEST_KEPT ? size : bytes;
    return kept ?? this.#buffers.allocate('staging', fits, BufferUsage.MAP_READ | BufferUsage.COPY_DST);
  }

  #give(staging: GPUBuffer, reusable: boolean): void {
    const kept = this.#free.get(staging.size) ?? [];
    if (!reusable || this.#closed || staging.size > LARGEST_KEPT || kept.length >= KEPT_PER_SIZE) {
      this.#buffers.free(staging);
    } else {
      kept.push(staging);
      this.#free.set(staging.size, kept);
    }
  }

  /** Nothing is kept from here on. */
  destroy(): void {
    this.#closed = true;
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.#buffers.free(buffer);
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
