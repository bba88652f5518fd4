/**
 * Where datasets lie on the device, each once for all runs that name it: in rooms of shared buffers, or, if it is larger than a
 * kernel can bind, cut over buffers of its own.
 */
import type { Device } from '../../gpu/device.js';
import { BufferUsage } from '../../gpu/usage.js';
import { dataBuffers } from '../../kernels/network/kernel.js';
import { LockstepError } from '../../platform/errors.js';
import type { PackedDataset } from './dataset.js';
import { Pools } from './pools.js';

const USAGE = BufferUsage.STORAGE | BufferUsage.COPY_DST;

/** A dataset and its place on the device. */
export interface PlacedDataset {
  readonly data: PackedDataset;
  /** One, or as many as its words are cut over. */
  readonly buffers: readonly GPUBuffer[];
  /** Its first word in the first buffer. */
  readonly at: number;
}

interface Taken extends PlacedDataset {
  runs: number;
  /** Gives its place back. */
  give(): void;
}

export class DataPlaces {
  readonly #device: Device;
  readonly #pools: Pools;
  readonly #taken = new Map<PackedDataset, Taken>();

  /** @param least See {@link Pools}. */
  constructor(device: Device, least: number) {
    this.#device = device;
    this.#pools = new Pools(device, 'network data', least);
  }

  /** Over how many buffers a dataset is cut. */
  buffersFor({ words }: PackedDataset): number {
    return Math.ceil(words.length / dataBuffers(this.#device).words);
  }

  /**
   * @param what The run and the option that names the dataset; the error begins with them.
   * @throws LockstepError `unsupported` for a dataset that is larger than all buffers that a kernel can bind.
   */
  check(what: string, data: PackedDataset): void {
    const { words, most } = dataBuffers(this.#device);
    if (this.buffersFor(data) <= most) return;
    const rows = Math.floor((data.examples * most * words) / data.words.length);
    throw new LockstepError(
      'unsupported',
      `${what} takes ${4 * data.words.length} bytes; this device binds at most ${most} buffers of ${4 * words} ` +
        '(maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize) for data at once, which is ' +
        `${rows} of its ${data.examples} rows.`,
    );
  }

  /** Takes a place for a dataset that was checked, and writes it there, unless it is there already. */
  take(data: PackedDataset): PlacedDataset {
    let taken = this.#taken.get(data);
    if (!taken) {
      taken = this.buffersFor(data) === 1 ? this.#takeRoom(data) : this.#takeBuffers(data);
      this.#taken.set(data, taken);
    }
    taken.runs++;
    return taken;
  }

  #takeRoom(data: PackedDataset): Taken {
    const room = this.#pools.take(data.words.length);
    this.#device.commands.write(room.buffer, 4 * room.at, data.words);
    return { data, buffers: [room.buffer], at: room.at, runs: 0, give: () => this.#pools.give(room) };
  }

  #takeBuffers(data: PackedDataset): Taken {
    const { words } = dataBuffers(this.#device);
    const buffers = Array.from({ length: this.buffersFor(data) }, (_, k) => {
      const part = data.words.subarray(k * words, (k + 1) * words);
      const buffer = this.#device.allocate('network data', part.byteLength, USAGE);
      this.#device.commands.write(buffer, 0, part);
      return buffer;
    });
    const give = () => {
      for (const buffer of buffers) this.#device.free(buffer);
    };
    return { data, buffers, at: 0, runs: 0, give };
  }

  give(data: PackedDataset): void {
    const taken = this.#taken.get(data);
    if (!taken || --taken.runs > 0) return;
    taken.give();
    this.#taken.delete(data);
  }

  destroy(): void {
    for (const taken of this.#taken.values()) taken.give();
    this.#taken.clear();
    this.#pools.destroy();
  }
}
