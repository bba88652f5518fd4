/**
 * A cohort is the runs that train in the same dispatches: one compiled kernel with its buffers and slots. It sends chunks of
 * steps, returns the records of windows that closed, and copies trained networks out. The trainer chooses the runs and handles
 * the results.
 */
import type { Device } from '../gpu/device.js';
import type { GroupNote } from '../gpu/observer.js';
import { type Staged, Staging } from '../gpu/staging.js';
import type { Upload } from '../gpu/uploads.js';
import type { WaitOptions } from '../gpu/waits.js';
import { WindowCloser, type WindowRecord } from '../kernels/train/close-window.js';
import { NetworkCopier, type Networks } from '../kernels/train/networks.js';
import type { ChunkSize } from '../kernels/train/training-cost.js';
import type {
  ChunkBuffers,
  KernelName,
  KernelShape,
  KernelVariant,
  TrainingKernel,
} from '../kernels/train/training-kernel.js';
import { span } from '../platform/host-spans.js';
import { allocateChunkBuffers, freeChunkBuffers } from './chunk-buffers.js';
import { ChunkInputs } from './chunk-inputs.js';
import { DataBanks } from './data-banks.js';
import type { MemoryPlan } from './memory-plan.js';
import { Slots } from './slots.js';
import type { Turn } from './turn.js';

/** A chunk that was sent to the device. */
export interface SentChunk {
  /**
   * The records of windows that closed, by position, once the device is done with the chunk. To be called once.
   *
   * @returns Also how long that took from the first look, in milliseconds.
   */
  records(options: WaitOptions): Promise<{ records: WindowRecord[]; waitedMs: number }>;
}

/** What a cohort is made of, compiled. */
interface Parts {
  kernel: TrainingKernel;
  copier: NetworkCopier;
  closer: WindowCloser;
  buffers: ChunkBuffers;
}

export class Cohort {
  readonly shape: KernelShape;
  readonly plan: MemoryPlan;
  readonly banks: DataBanks;
  readonly slots: Slots;
  readonly #device: Device;
  readonly #parts: Parts;
  readonly #inputs: ChunkInputs;
  readonly #staging: Staging;

  /** @param stableWindows A run ends after this many passing windows in a row. */
  static async create(
    device: Device,
    variant: KernelVariant,
    shape: KernelShape,
    plan: MemoryPlan,
    stableWindows: number,
  ): Promise<Cohort> {
    const buffers = allocateChunkBuffers(device, plan);
    const kernels = variant.create(device, shape, buffers);
    const parts = [
      kernels,
      kernels.then((kernel) => NetworkCopier.create(device, kernel)),
      WindowCloser.create(device, shape, plan.batchPitch, buffers, stableWindows),
    ] as const;
    try {
      const [kernel, copier, closer] = await Promise.all(parts);
      return new Cohort(device, shape, plan, { kernel, copier, closer, buffers });
    } catch (error) {
      for (const part of await Promise.allSettled(parts))
        if (part.status === 'fulfilled') part.value.destroy();
      freeChunkBuffers(device, buffers);
      throw error;
    }
  }

  private constructor(device: Device, shape: KernelShape, plan: MemoryPlan, parts: Parts) {
    const { batchPitch } = plan;
    this.#device = device;
    this.shape = shape;
    this.plan = plan;
    this.#parts = parts;
    this.slots = new Slots(device, { ...parts, batchPitch });
    this.banks = new DataBanks(device, plan.slots);
    this.#inputs = new ChunkInputs(device, parts.buffers, batchPitch);
    this.#staging = new Staging(device, 'window records staging');
  }

  get kernelName(): KernelName {
    return this.#parts.kernel.name;
  }

  /** The most steps of each run in a chunk of this many runs. */
  stepsFor(runs: number): number {
    // The gather dispatch has a workgroup for each step.
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension;
    return Math.max(1, Math.min(most, Math.floor(this.plan.capacity / runs)));
  }

  /** Sends a chunk: at most {@link stepsFor} steps of each of these runs. */
  train(turns: readonly Turn[]): SentChunk {
    const { kernel, closer } = this.#parts;
    const recorder = this.#device.commands.record('train');
    const { chunk, uploads } = this.#inputs.write(recorder, turns);
    recorder.describe(() => this.#description(chunk));
    kernel.encode(recorder, chunk);
    if (turns.some(({ window }) => window))
      closer.encode(
        recorder,
        turns.map(({ window }) => window),
      );
    const { records } = closer;
    const staged = this.#staging.take(records.size);
    recorder.copy(records, 0, staged.buffer, 0, records.size);
    recorder.submit();
    return { records: (options) => this.#records(staged, uploads, options) };
  }

  async #records(staged: Staged, uploads: readonly Upload[], options: WaitOptions) {
    const waitedMs = await staged.wait(options);
    for (const upload of uploads) upload.give();
    this.#device.check();
    const bytes = staged.take((mapped) => span('read-back', 'window records', () => mapped.slice(0)));
    return { records: this.#parts.closer.read(bytes), waitedMs };
  }

  #description(chunk: ChunkSize): GroupNote {
    const { features, hidden, batch } = this.shape;
    const { kernel, closer } = this.#parts;
    const { positions, runSteps } = chunk;
    return {
      costs: { ...kernel.costs(chunk), 'close-window': closer.cost(positions) },
      shapes: `${positions} runs, ${runSteps} steps, batch ${batch}, ${features} -> ${hidden} -> 1`,
    };
  }

  /** Copies the part of the runs' networks that was trained, as it is after all chunks sent so far. */
  copyNetworks(runs: readonly Pick<Turn, 'slot' | 'placement'>[], networks: Networks): void {
    const trained = runs.map(({ slot, placement }) => ({ slot: slot.index, columns: placement.columns }));
    this.#parts.copier.copy(trained, networks);
  }

  destroy(): void {
    const { kernel, copier, closer, buffers } = this.#parts;
    for (const part of [copier, kernel, this.banks, closer, this.#staging, this.#inputs]) part.destroy();
    freeChunkBuffers(this.#device, buffers);
  }
}
