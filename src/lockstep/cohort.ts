/**
 * Runs that train in the same dispatches: one compiled kernel, its buffers and slots. Sends chunks of steps, reads the
 * records of windows that closed, copies trained networks out. Which runs, and what becomes of them, the trainer knows.
 */
import { HYPER, SLOT, SOURCE, STEP, SUMS } from '../../shaders/train/chunk.wgsl.js';
import type { PassNote } from '../gpu/annotate.js';
import type { Device } from '../gpu/device.js';
import type { Recorder } from '../gpu/recorder.js';
import { type Staged, Staging } from '../gpu/staging.js';
import { type ClosingWindow, WindowCloser, type WindowRecord } from '../kernels/train/close-window.js';
import { writeWeights } from '../kernels/train/mlp-weights.js';
import { NetworkCopier, type Networks } from '../kernels/train/networks.js';
import type { ChunkSize } from '../kernels/train/training-cost.js';
import type {
  ChunkBuffers,
  DataBank,
  KernelName,
  KernelShape,
  KernelVariant,
  TrainingKernel,
} from '../kernels/train/training-kernel.js';
import { span } from '../platform/host-spans.js';
import type { AcceptedRun } from './accept-run.js';
import { allocateChunkBuffers, freeChunkBuffers } from './chunk-buffers.js';
import { DataBanks } from './data-banks.js';
import { liveWeights } from './live-columns.js';
import type { MemoryPlan } from './memory-plan.js';
import type { Closing, RunChunk, RunProgress } from './run-progress.js';
import type { RunCheckpoint } from './types.js';

/** Batches are drawn and uploaded in pieces of about so many words, which stay in a core's cache. */
const PIECE_WORDS = 65536;

export class Cohort {
  readonly shape: KernelShape;
  readonly plan: MemoryPlan;
  readonly banks: DataBanks;
  readonly #device: Device;
  readonly #kernel: TrainingKernel;
  readonly #buffers: ChunkBuffers;
  readonly #closer: WindowCloser;
  /** Batches of a few runs on their way to the device. */
  #order = new Uint32Array(0);
  readonly #table: Float32Array<ArrayBuffer>;
  readonly #free: number[];
  readonly #staging: Staging;
  readonly #copier: NetworkCopier;

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
      return new Cohort(device, shape, plan, kernel, copier, buffers, closer);
    } catch (error) {
      for (const part of await Promise.allSettled(parts))
        if (part.status === 'fulfilled') part.value.destroy();
      freeChunkBuffers(device, buffers);
      throw error;
    }
  }

  private constructor(
    device: Device,
    shape: KernelShape,
    plan: MemoryPlan,
    kernel: TrainingKernel,
    copier: NetworkCopier,
    buffers: ChunkBuffers,
    closer: WindowCloser,
  ) {
    this.#device = device;
    this.shape = shape;
    this.plan = plan;
    this.#kernel = kernel;
    this.#buffers = buffers;
    this.#closer = closer;
    this.#copier = copier;
    this.#staging = new Staging(device);
    this.banks = new DataBanks(device, plan.slots);
    this.#table = new Float32Array(plan.capacity * STEP.words);
    this.#free = Array.from({ length: plan.slots }, (_, k) => plan.slots - 1 - k);
  }

  get kernelName(): KernelName {
    return this.#kernel.name;
  }

  /** A free slot, or undefined. */
  takeSlot(): number | undefined {
    return this.#free.pop();
  }

  giveSlot(slot: number): void {
    this.#free.push(slot);
  }

  get #sumWords(): number {
    return SUMS.length * this.plan.batchPitch;
  }

  /** Puts a run into its slot: as it begins, or as a checkpoint says. */
  load(progress: RunProgress, { weights, checkpoint }: AcceptedRun, features: number): void {
    const { slot, placement } = progress;
    const { commands } = this.#device;
    const { hypers, paused, sums } = this.#buffers;
    const { state, stateFloats, places } = this.#kernel;
    const begins = () =>
      writeWeights(liveWeights(weights, features, placement.columns), places, new Float32Array(stateFloats));
    commands.write(state, 4 * stateFloats * slot, checkpoint?.state ?? begins());
    commands.write(hypers, 4 * HYPER.words * slot, progress.hypers);
    commands.write(paused, 4 * slot, new Uint32Array(1));
    commands.write(this.#closer.stable, 4 * slot, Uint32Array.of(checkpoint?.stableWindows ?? 0));
    commands.write(sums, 4 * this.#sumWords * slot, checkpoint?.sums ?? new Uint32Array(this.#sumWords));
  }

  /** Where a run stands on the device; for a time when no chunk is under way. */
  async save({ slot, done }: RunProgress): Promise<RunCheckpoint> {
    const read = (buffer: GPUBuffer, words: number) => this.#device.read(buffer, 4 * words * slot, 4 * words);
    const [state, sums, stable] = await Promise.all([
      read(this.#kernel.state, this.#kernel.stateFloats),
      read(this.#buffers.sums, this.#sumWords),
      read(this.#closer.stable, 1),
    ]);
    return {
      steps: done,
      kernel: this.#kernel.name,
      state: new Float32Array(state),
      sums: new Uint32Array(sums),
      stableWindows: new Uint32Array(stable)[0],
    };
  }

  /** Most steps a run that a chunk of so many runs may have. */
  stepsFor(runs: number): number {
    // A step is a workgroup of the dispatch that gathers.
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension;
    return Math.max(1, Math.min(most, Math.floor(this.plan.capacity / runs)));
  }

  /** Uploads a chunk's inputs and records its dispatches; the caller submits, and asks for {@link records} in time. */
  encode(recorder: Recorder, chunks: readonly RunChunk[]): Staged {
    const steps = Math.max(...chunks.map((chunk) => chunk.steps));
    const runSteps = chunks.reduce((sum, chunk) => sum + chunk.steps, 0);
    const { batchPitch } = this.plan;
    const { order, steps: table, slotOf } = this.#buffers;
    const runWords = steps * batchPitch;
    const runs = Math.max(1, Math.floor(PIECE_WORDS / runWords));
    if (this.#order.length < runs * runWords) this.#order = new Uint32Array(runs * runWords);
    for (let first = 0; first < chunks.length; first += runs) {
      const some = chunks.slice(first, first + runs);
      span('data', 'epoch orders', () => {
        some.forEach((chunk, k) => {
          const at = (first + k) * steps * STEP.words;
          chunk.run.send(chunk, this.#order, k * runWords, this.#table, at);
        });
      });
      recorder.upload(order, 4 * first * runWords, this.#order.subarray(0, some.length * runWords));
    }
    recorder.upload(table, 0, this.#table.subarray(0, chunks.length * steps * STEP.words));
    const slots = chunks.map(({ run, closing, ...chunk }) => ({
      slot: run.slot,
      steps: chunk.steps,
      closes: closing ? 1 : 0,
    }));
    recorder.upload(slotOf, 0, SLOT.array(slots));
    const banks = this.#uploadSources(recorder, chunks);
    recorder.describe(() => this.#note({ positions: chunks.length, steps, runSteps }));
    this.#kernel.encode(recorder, { positions: chunks.length, steps, runSteps, banks });
    if (chunks.some((chunk) => chunk.closing)) {
      const windows = chunks.map(({ closing }) => closing && closingWindow(closing));
      this.#closer.encode(recorder, windows);
    }
    const { records } = this.#closer;
    const staged = this.#staging.take(records.size);
    staged.copy(recorder, records, 0, records.size);
    return staged;
  }

  #note({ positions, steps, runSteps }: ChunkSize): PassNote {
    const { features, hidden, batch } = this.shape;
    return {
      costs: {
        ...this.#kernel.costs({ positions, steps, runSteps }),
        'close-window': this.#closer.cost(positions),
      },
      shapes: `${positions} runs, ${runSteps} steps, batch ${batch}, ${features} -> ${hidden} -> 1`,
    };
  }

  #uploadSources(recorder: Recorder, chunks: readonly RunChunk[]): { bank: DataBank; entries: number }[] {
    const byBank = new Map<DataBank, Parameters<typeof SOURCE.array>[0][number][]>();
    chunks.forEach(({ run, steps }, position) => {
      const { bank, rowsAt, labelsAt } = run.placement;
      const sources = byBank.get(bank) ?? [];
      sources.push({ position, steps, rows: rowsAt, labels: labelsAt });
      byBank.set(bank, sources);
    });
    return [...byBank].map(([bank, sources]) => {
      recorder.upload(bank.sources, 0, SOURCE.array(sources));
      return { bank, entries: sources.length };
    });
  }

  /** The records of a chunk that was waited for. */
  records(staged: Staged): WindowRecord[] {
    return this.#closer.read(
      staged.take((bytes) => span('read-back', 'window records', () => bytes.slice(0))),
    );
  }

  /** Copies what was trained of the runs' networks, as it is after all chunks sent so far. */
  copyNetworks(runs: readonly RunProgress[], networks: Networks): void {
    const trained = runs.map(({ slot, placement }) => ({ slot, columns: placement.columns }));
    this.#copier.copy(trained, networks);
  }

  destroy(): void {
    this.#copier.destroy();
    this.#kernel.destroy();
    this.banks.destroy();
    freeChunkBuffers(this.#device, this.#buffers);
    this.#closer.destroy();
    this.#staging.destroy();
  }
}

const closingWindow = ({ batches: { whole, small, smallBatch }, budget }: Closing): ClosingWindow => ({
  wholeBatches: whole,
  smallBatches: small,
  smallBatch,
  budget,
});
