/**
 * The slots of a cohort. A slot holds one run's weights and moments, settings, open window and count of stable windows on the
 * device. The run that takes a slot also frees it.
 */
import { HYPER, SUMS } from '../../shaders/train/chunk.wgsl.js';
import type { Device } from '../gpu/device.js';
import type { WindowCloser } from '../kernels/train/close-window.js';
import { writeWeights } from '../kernels/train/mlp-weights.js';
import type { ChunkBuffers, TrainingKernel } from '../kernels/train/training-kernel.js';
import { copyWords } from './copy-words.js';
import type { MlpWeights, RunCheckpoint } from './types.js';

/** The buffers of a cohort with a part for each slot. */
interface Parts {
  kernel: Pick<TrainingKernel, 'name' | 'state' | 'stateFloats' | 'places'>;
  buffers: Pick<ChunkBuffers, 'slots' | 'hypers' | 'paused' | 'sums'>;
  closer: Pick<WindowCloser, 'stable'>;
  batchPitch: number;
}

/** The slots of one cohort. */
export class Slots {
  readonly device: Device;
  readonly parts: Parts;
  readonly #free: number[];

  constructor(device: Device, parts: Parts) {
    this.device = device;
    this.parts = parts;
    const { slots } = parts.buffers;
    this.#free = Array.from({ length: slots }, (_, k) => slots - 1 - k);
  }

  get hasFree(): boolean {
    return this.#free.length > 0;
  }

  /** A free slot, or undefined. */
  take(): Slot | undefined {
    const index = this.#free.pop();
    return index === undefined ? undefined : new Slot(this, index, () => this.#free.push(index));
  }
}

/** A slot that a run has taken. */
export class Slot {
  readonly index: number;
  readonly #slots: Slots;
  #give: () => void;

  constructor(slots: Slots, index: number, give: () => void) {
    this.#slots = slots;
    this.index = index;
    this.#give = give;
  }

  get #sumWords(): number {
    return SUMS.length * this.#slots.parts.batchPitch;
  }

  /** Puts a run in: either at its beginning, with the weights of its live columns, or where a checkpoint left it. */
  load(hypers: Uint32Array, from: MlpWeights | RunCheckpoint): void {
    const { kernel, buffers, closer } = this.#slots.parts;
    const { state, sums, stableWindows } =
      'state' in from
        ? from
        : {
            state: writeWeights(from, kernel.places, new Float32Array(kernel.stateFloats)),
            sums: new Uint32Array(this.#sumWords),
            stableWindows: 0,
          };
    this.#write(kernel.state, kernel.stateFloats, state);
    this.setHypers(hypers);
    this.#write(buffers.paused, 1, new Uint32Array(1));
    this.#write(closer.stable, 1, Uint32Array.of(stableWindows));
    this.#write(buffers.sums, this.#sumWords, sums);
  }

  /** Goes on with other settings of AdamW. Only while no chunk is under way. */
  setHypers(hypers: Uint32Array): void {
    this.#write(this.#slots.parts.buffers.hypers, HYPER.words, hypers);
  }

  /** Takes over weights and moments of another slot of the same cohort. Only while no chunk is under way. */
  copyState(from: Slot): void {
    const { device, parts } = this.#slots;
    const { state: buffer, stateFloats } = parts.kernel;
    const [source, target] = [from, this].map(({ index }) => ({ buffer, at: stateFloats * index }));
    copyWords(device, source, target, stateFloats);
  }

  #write(buffer: GPUBuffer, words: number, data: Uint32Array | Float32Array): void {
    this.#slots.device.commands.write(buffer, 4 * words * this.index, data);
  }

  /** Reads what the slot holds after `steps` steps of its run. Only while no chunk is under way. */
  async save(steps: number): Promise<Omit<RunCheckpoint, 'of'>> {
    const { kernel, buffers, closer } = this.#slots.parts;
    const [state, sums, stable] = await Promise.all([
      this.#read(kernel.state, kernel.stateFloats),
      this.#read(buffers.sums, this.#sumWords),
      this.#read(closer.stable, 1),
    ]);
    return {
      steps,
      kernel: kernel.name,
      state: new Float32Array(state),
      sums: new Uint32Array(sums),
      stableWindows: new Uint32Array(stable)[0],
    };
  }

  #read(buffer: GPUBuffer, words: number): Promise<ArrayBuffer> {
    return this.#slots.device.read(buffer, 4 * words * this.index, 4 * words);
  }

  /** How many steps of the open window there are since the first loss that is no number; 0 if there is none. */
  async nanSteps(): Promise<number> {
    const { device, parts } = this.#slots;
    const at = this.#sumWords * this.index + parts.batchPitch * SUMS.indexOf('nanSteps');
    const samples = await device.read(parts.buffers.sums, 4 * at, 4 * parts.batchPitch);
    return new Uint32Array(samples).reduce((most, steps) => Math.max(most, steps), 0);
  }

  /** Frees the slot for another run; a second call does nothing. */
  free(): void {
    this.#give();
    this.#give = () => {};
  }
}
