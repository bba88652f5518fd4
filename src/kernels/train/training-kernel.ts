/**
 * What every variant of the training kernel is to the lockstep trainer: the same buffers in, the same sums out, one
 * call that encodes a chunk of steps of all runs. Interfaces and buffer layouts only; subgroup.ts,
 * tiles-persistent.ts, tiles-batched.ts and portable.ts implement them.
 */
import type { Costs } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';
import type { DeviceInfo } from '../../gpu/device-info.js';
import type { Recorder } from '../../gpu/recorder.js';

/** The network and batch that a kernel is compiled for. */
export interface KernelShape {
  /** Features that the packed rows have; a trainer may have left out columns that are always 0. */
  features: number;
  hidden: number;
  batch: number;
}

/**
 * Buffers that every variant shares. A *slot* holds one run's state for as long as it trains; a *position* is its
 * place in one chunk of steps, and there are only as many as there are runs under way.
 */
export interface ChunkBuffers {
  /** Slots (and at most as many positions). */
  readonly slots: number;
  /** Steps, over all positions of a chunk, that the per-step buffers hold. */
  readonly capacity: number;
  /** [position] `POSITION` (shaders/train/chunk.wgsl.ts, as all the layouts here). */
  readonly positions: GPUBuffer;
  /** [slot] `HYPER`: AdamW's settings. */
  readonly hypers: GPUBuffer;
  /** [position][step] `STEP`: AdamW's step sizes, examples of the batch. */
  readonly steps: GPUBuffer;
  /** [position][step][batchPitch] row indices, `NO_ROW` past the end of a smaller batch. */
  readonly order: GPUBuffer;
  /** [slot] not 0 while the run must not go on. */
  readonly paused: GPUBuffer;
  /** [slot][`SUMS`][batchPitch]: what the open window has added up. */
  readonly sums: GPUBuffer;
}

/** Datasets that one pair of buffers holds, and which positions of the chunk read from it. */
export interface DataBank {
  readonly rows: GPUBuffer;
  readonly labels: GPUBuffer;
  /** [entry] `SOURCE`: the positions that read from the bank, and where. */
  readonly sources: GPUBuffer;
}

/** One chunk: how many positions train, and the most steps that any of them takes: the stride of the
 * per-step buffers. */
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
  /** [slot] floats of one run's weights and moments, in the variant's own order; all are 0 before weights are written. */
  readonly state: GPUBuffer;
  readonly stateFloats: number;
  /** [parameter: w1, b1, w2, b2, each row by row] the float of a state that holds it. */
  readonly places: Uint32Array;
  encode(recorder: Recorder, chunk: Chunk): void;
  /** What `encode` asks of the device, all launches of a pipeline together; runs that are paused count as the others. */
  costs(chunk: Pick<Chunk, 'positions' | 'steps' | 'runSteps'>): Costs;
  /** Frees what the variant allocated; the shared buffers are the trainer's. */
  destroy(): void;
}

/** What the trainer plans its memory with. */
export interface KernelFootprint {
  /** Samples that a batch takes in the shared buffers `order` and `sums`: the batch or more. */
  batchPitch: number;
  /** Bytes a slot of each of the variant's own buffers that grow with the slots; the first is the state's. */
  slotBuffers: readonly number[];
  /** Bytes of a step of a position, in one buffer. */
  bytesPerStep: number;
}

export const KERNEL_NAMES = ['subgroup', 'tiles-persistent', 'tiles-batched', 'portable'] as const;
export type KernelName = (typeof KERNEL_NAMES)[number];

/** What a choice of variant depends on; a {@link Device} says it. */
export interface AdapterFacts {
  info: Pick<DeviceInfo, 'isCpu' | 'subgroupMinSize' | 'subgroupMaxSize'>;
  features: { has(name: GPUFeatureName): boolean };
  limits: Pick<GPUSupportedLimits, 'maxComputeInvocationsPerWorkgroup' | 'maxComputeWorkgroupStorageSize'>;
}

/** A variant before it is compiled. */
export interface KernelVariant {
  readonly name: KernelName;
  /** Why this device cannot run it for this shape, in a sentence; undefined where it can. */
  refusal(adapter: AdapterFacts, shape: KernelShape): string | undefined;
  footprint(shape: KernelShape, device: Device): KernelFootprint;
  create(device: Device, shape: KernelShape, buffers: ChunkBuffers): Promise<TrainingKernel>;
}
