/**
 * Launches the kernel that closes windows at the end of a chunk (shaders/train/close-window.wgsl.ts): keeps its
 * buffers, writes the windows and reads the records. When a window closes, and what follows from its record, is up to
 * the trainer.
 */
import { RECORD, SUMS, WINDOW } from '../../../shaders/train/chunk.wgsl.js';
import { closeWindow } from '../../../shaders/train/close-window.wgsl.js';
import { bindGroup } from '../../gpu/bindings.js';
import type { Cost } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';
import type { Recorder } from '../../gpu/recorder.js';
import { BufferUsage } from '../../gpu/usage.js';
import type { ChunkBuffers, KernelShape } from './training-kernel.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** A window that closes, as the device needs it: {@link WINDOW} says what the fields are. */
export type Window = Record<keyof typeof WINDOW.at, number>;
/** What the device found when a window closed; {@link RECORD} says what the fields are. */
export type WindowRecord = Record<keyof typeof RECORD.at, number>;

/** Stands for the window of a position where none closes; the kernel does not read it. */
const OPEN: Window = { wholeBatches: 0, smallBatches: 0, smallBatch: 0, budget: -1 };

export class WindowCloser {
  /** [slot] How many of the run's latest windows in a row passed the stop rule. */
  readonly stable: GPUBuffer;
  /** [position] {@link RECORD}; {@link read} takes a copy of its bytes. */
  readonly records: GPUBuffer;
  readonly #device: Device;
  readonly #shape: KernelShape;
  readonly #windows: GPUBuffer;
  readonly #rule: GPUBuffer;
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;

  /**
   * @param batchPitch Samples from one sum's batch to the next in `buffers.sums`: the batch size or more.
   * @param stableWindows A run ends after this many passing windows in a row.
   */
  static async create(
    device: Device,
    shape: KernelShape,
    batchPitch: number,
    buffers: ChunkBuffers,
    stableWindows: number,
  ): Promise<WindowCloser> {
    const pipeline = await device.pipeline({
      label: 'close-window',
      code: closeWindow({ batch: shape.batch, batchPitch }),
      options: { batch: shape.batch, batchPitch },
    });
    return new WindowCloser(device, shape, buffers, stableWindows, pipeline);
  }

  private constructor(
    device: Device,
    shape: KernelShape,
    buffers: ChunkBuffers,
    stableWindows: number,
    pipeline: GPUComputePipeline,
  ) {
    const { slots } = buffers;
    this.#device = device;
    this.#shape = shape;
    this.#pipeline = pipeline;
    this.stable = device.allocate('stable windows', 4 * slots, STORAGE);
    this.records = device.allocate('window records', 4 * RECORD.words * slots, STORAGE);
    this.#windows = device.allocate('windows', 4 * WINDOW.words * slots, STORAGE);
    this.#rule = device.allocate('stop rule', 16, BufferUsage.UNIFORM | BufferUsage.COPY_DST);
    device.commands.write(this.#rule, 0, new Uint32Array([stableWindows]));
    const { positions, sums, paused } = buffers;
    const bindings = [this.#rule, positions, this.#windows, sums, this.stable, paused, this.records];
    this.#group = bindGroup(device.gpu, pipeline, bindings);
  }

  /** @param windows For each position of the chunk the window that closes there, undefined where none does. */
  encode(recorder: Recorder, windows: readonly (Window | undefined)[]): void {
    const words = WINDOW.array(windows.map((window) => window ?? OPEN));
    recorder.upload(this.#windows, 0, words);
    recorder.dispatch(this.#pipeline, this.#group, [windows.length]);
  }

  /** The cost of `encode`: the sums are read and cleared, and one of them is added up in floats. */
  cost(positions: number): Cost {
    const { batch } = this.#shape;
    return {
      bytes: positions * (2 * 4 * SUMS.length * batch + 4 * (WINDOW.words + RECORD.words)),
      flops: positions * batch,
    };
  }

  /** The records in bytes copied from {@link records}, by position. */
  read(bytes: ArrayBuffer): WindowRecord[] {
    return RECORD.values(bytes);
  }

  destroy(): void {
    for (const buffer of [this.stable, this.records, this.#windows, this.#rule]) this.#device.free(buffer);
  }
}
