/**
 * What the lockstep trainer sees of a training kernel. All variants read the same buffers, leave the same sums and
 * encode a chunk of steps of all runs in one call. Interfaces and buffer layouts only; subgroup.ts,
 * tiles-persistent.ts, tiles-batched.ts, tiles-f16.ts and portable.ts implement them.
 */
import type { Costs } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';
import type { DeviceInfo } from '../../gpu/device-info.js';
import type { Recorder } from '../../gpu/recorder.js';

/** The network and batch that a kernel is compiled for. */
export interface KernelShape {
  /** Columns of the packed rows. The trainer may have left out columns that are always 0. */
  features: number;
  hidden: number;
  batch: number;
}

/**
 * Buffers that every variant shares. A *slot* holds one run's state for as long as it trains; a *position* is the
 * run's place in one chunk of steps. A chunk has as many positions as there are runs under way.
 */
export interface ChunkBuffers {
  /** Slots; there are at most as many positions. */
  readonly slots: number;
  /** Steps, over all positions of a chunk, for which the per-step buffers have room. */
  readonly capacity: number;
  /** [position] `POSITION`. This and the other layouts: shaders/train/chunk.wgsl.ts. */
  readonly positions: GPUBuffer;
  /** [slot] `HYPER`: AdamW's settings. */
  readonly hypers: GPUBuffer;
  /** [position][step] `STEP`: AdamW's step sizes, and how many examples the batch has. */
  readonly steps: GPUBuffer;
  /** [position][step][batchPitch] row indices, `NO_ROW` past the end of a smaller batch. */
  readonly order: GPUBuffer;
  /** [slot] Not 0 while the run must not go on. */
  readonly paused: GPUBuffer;
  /** [slot][`SUMS`][batchPitch] What the open window has added up. */
  readonly sums: GPUBuffer;
}

/** One pair of buffers with datasets, and the positions of the chunk that read from it. */
export interface DataBank {
  readonly rows: GPUBuffer;
  readonly labels: GPUBuffer;
  /** [entry] `SOURCE`: a position that reads from the bank, and where its data begin. */
  readonly sources: GPUBuffer;
}

/**
 * One chunk. Each of `positions` runs takes at most `steps` steps; `steps` is also the stride of the per-step
 * buffers.
 */
export interface Chunk {
  positions: number;
  steps: number;
  /** Steps of all positions together. */
  runSteps: number;
  banks: readonly { bank: DataBank; entries: number }[];
}

/** One variant, compiled for a shape and bound to the trainer's buffers. */
export interface TrainingKernel {
  readonly name: KernelName;
  /**
   * [slot] `stateFloats` floats: one run's weights and moments, in the variant's own order. All are 0 until weights
   * are written.
   */
  readonly state: GPUBuffer;
  readonly stateFloats: number;
  /** [parameter: w1, b1, w2, b2, each row by row] The index of the float that holds it in a state. */
  readonly places: Uint32Array;
  encode(recorder: Recorder, chunk: Chunk): void;
  /** The cost of `encode`, by pipeline. Paused runs count like the others. */
  costs(chunk: Pick<Chunk, 'positions' | 'steps' | 'runSteps'>): Costs;
  /** Frees the variant's own buffers; the shared ones are the trainer's. */
  destroy(): void;
}

/** What the trainer plans its memory with. */
export interface KernelFootprint {
  /** Samples from one batch to the next in the shared buffers `order` and `sums`: the batch size or more. */
  batchPitch: number;
  /** The variant's own buffers that grow with the slots: bytes of each for one slot. The first is the state. */
  slotBuffers: readonly number[];
  /** Bytes for one step of one position in the buffer of prepared batches; 0 where there is none. */
  bytesPerStep: number;
}

export const KERNEL_NAMES = [
  'subgroup',
  'tiles-persistent',
  'tiles-batched',
  'tiles-f16',
  'portable',
] as const;
export type KernelName = (typeof KERNEL_NAMES)[number];

/** What the choice of a variant depends on. A {@link Device} has it. */
export interface AdapterFacts {
  info: Pick<DeviceInfo, 'isCpu' | 'subgroupMinSize' | 'subgroupMaxSize' | 'subgroupMatrices'>;
  features: { has(name: GPUFeatureName): boolean };
  limits: Pick<
    GPUSupportedLimits,
    | 'maxComputeInvocationsPerWorkgroup'
    | 'maxComputeWorkgroupStorageSize'
    | 'maxComputeWorkgroupsPerDimension'
  >;
}

/** A variant before it is compiled. */
export interface KernelVariant {
  readonly name: KernelName;
  /** What whoever trains by it is told, in the plan. */
  readonly note?: string;
  /** A sentence that says why this device cannot run the variant for this shape; undefined where it can. */
  refusal(adapter: AdapterFacts, shape: KernelShape): string | undefined;
  footprint(shape: KernelShape, device: Device): KernelFootprint;
  create(device: Device, shape: KernelShape, buffers: ChunkBuffers): Promise<TrainingKernel>;
}
