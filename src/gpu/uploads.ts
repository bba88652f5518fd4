/**
 * Buffers that the host writes to and the device copies from. `queue.writeBuffer` takes fresh memory for each call, which the
 * operating system provides page by page; these are mapped again once the device is done with them. For large inputs of work
 * that comes again and again. When the device is done is up to the user.
 */
import { span } from '../platform/host-spans.js';
import { pooledSize } from './pool.js';
import type { Recorder } from './recorder.js';
import { BufferUsage } from './usage.js';

const USAGE = BufferUsage.MAP_WRITE | BufferUsage.COPY_SRC;

/** The part of a Device that uploads need. */
interface UploadHost {
  allocateMapped(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer;
  free(buffer: GPUBuffer): void;
  mapForWriting(buffer: GPUBuffer): Promise<void>;
}

/** The uploads to the start of one buffer. */
export class Uploads {
  readonly #host: UploadHost;
  readonly #target: GPUBuffer;
  /** Mapped and not in use. */
  readonly #free: GPUBuffer[] = [];
  readonly #all = new Set<GPUBuffer>();

  constructor(host: UploadHost, target: GPUBuffer) {
    this.#host = host;
    this.#target = target;
  }

  /** Room for `count` words, which `recorder` copies to the target. */
  take(recorder: Recorder, count: number): Upload {
    const bytes = 4 * count;
    const fitting = this.#free.findIndex((one) => one.size >= bytes);
    const buffer = fitting < 0 ? this.#grown(bytes) : this.#free.splice(fitting, 1)[0];
    recorder.copy(buffer, 0, this.#target, 0, bytes);
    return new Upload(buffer, bytes, () => this.#give(buffer));
  }

  /** A new buffer, in the place of a smaller one if one is free. */
  #grown(bytes: number): GPUBuffer {
    const smaller = this.#free.pop();
    if (smaller) this.#drop(smaller);
    // Uploads of about the same size use the same buffers.
    const size = Math.min(pooledSize(bytes), this.#target.size);
    const buffer = this.#host.allocateMapped(`${this.#target.label} upload`, size, USAGE);
    this.#all.add(buffer);
    return buffer;
  }

  async #give(buffer: GPUBuffer): Promise<void> {
    try {
      await this.#host.mapForWriting(buffer);
    } catch {
      this.#drop(buffer); // the device is lost, which whoever waits for its work is told
      return;
    }
    if (this.#all.has(buffer)) this.#free.push(buffer);
  }

  #drop(buffer: GPUBuffer): void {
    if (this.#all.delete(buffer)) this.#host.free(buffer);
  }

  /** Destroys all buffers. */
  destroy(): void {
    for (const buffer of this.#all) this.#drop(buffer);
    this.#free.length = 0;
  }
}

/** Some words on their way to the device. */
export class Upload {
  /** To be written before {@link close}. They may be slow to read. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #buffer: GPUBuffer;
  readonly #give: () => void;

  constructor(buffer: GPUBuffer, bytes: number, give: () => void) {
    this.words = new Uint32Array(buffer.getMappedRange(0, bytes));
    this.#buffer = buffer;
    this.#give = give;
  }

  /** Says that all is written. To be called before the recorder's commands are submitted. */
  close(): void {
    const { label } = this.#buffer;
    span('upload', label, () => this.#buffer.unmap(), { bytes: this.words.byteLength });
  }

  /** Says that the device has copied all, so that the memory can be used again. */
  give(): void {
    this.#give();
  }
}
