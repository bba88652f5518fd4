/**
 * Brings the weights of runs that have ended to the host: many in one copy and one wait. It does not know what becomes of
 * them, and it does not hold the training up.
 */
import type { Device } from '../gpu/device.js';
import type { WaitOptions } from '../gpu/map.js';
import { BufferUsage } from '../gpu/usage.js';
import type { TrainingKernel } from '../kernels/train/training-kernel.js';
import { span } from '../platform/host-spans.js';
import type { MlpWeights } from './types.js';

/** States that one staging buffer holds take at most so much together, unless one takes more. */
const STAGING_BYTES = 16 * 2 ** 20;

export class WeightReader {
  readonly #device: Device;
  readonly #kernel: TrainingKernel;
  /** States that a staging buffer holds. */
  readonly #places: number;
  /** One that nobody uses, if there is one. */
  #free: GPUBuffer | undefined;
  readonly #staging = new Set<GPUBuffer>();

  /** `slots`: as many as the kernel has. */
  constructor(device: Device, kernel: TrainingKernel, slots: number) {
    this.#device = device;
    this.#kernel = kernel;
    this.#places = Math.max(1, Math.min(slots, Math.floor(STAGING_BYTES / this.#pitch)));
  }

  /** Bytes of a state. */
  get #pitch(): number {
    return 4 * this.#kernel.stateFloats;
  }

  /** The weights in these slots as they are after all chunks sent so far. */
  read(slots: readonly number[], options: WaitOptions): Promise<MlpWeights>[] {
    const reads: Promise<MlpWeights>[] = [];
    for (let first = 0; first < slots.length; first += this.#places) {
      const some = slots.slice(first, first + this.#places);
      const weights = this.#read(some, options);
      reads.push(...some.map((_, k) => weights.then((list) => list[k])));
    }
    return reads;
  }

  async #read(slots: readonly number[], options: WaitOptions): Promise<MlpWeights[]> {
    const { state, stateFloats, weightRanges = [[0, stateFloats]] } = this.#kernel;
    const staging = this.#take();
    const encoder = this.#device.gpu.createCommandEncoder({ label: 'read weights' });
    slots.forEach((slot, place) => {
      for (const [at, floats] of weightRanges) {
        const [from, to] = [slot * this.#pitch + 4 * at, place * this.#pitch + 4 * at];
        encoder.copyBufferToBuffer(state, from, staging, to, 4 * floats);
      }
    });
    this.#device.gpu.queue.submit([encoder.finish()]);
    const bytes = slots.length * this.#pitch;
    await this.#device.map(staging, bytes, options);
    this.#device.check();
    const mapped = staging.getMappedRange(0, bytes);
    const weights = span('data', 'unpack weights', () =>
      slots.map((_, k) => this.#kernel.unpack(new Float32Array(mapped, k * this.#pitch, stateFloats))),
    );
    staging.unmap();
    this.#give(staging);
    return weights;
  }

  #take(): GPUBuffer {
    const kept = this.#free;
    this.#free = undefined;
    if (kept) return kept;
    const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST;
    const staging = this.#device.allocate('weights staging', this.#places * this.#pitch, usage);
    this.#staging.add(staging);
    return staging;
  }

  #give(staging: GPUBuffer): void {
    if (!this.#free) this.#free = staging;
    else {
      this.#staging.delete(staging);
      this.#device.free(staging);
    }
  }

  destroy(): void {
    for (const staging of this.#staging) this.#device.free(staging);
  }
}
