/**
 * Launches the kernel that ends a chunk for the runs whose window closes (shaders/train/close-window.wgsl.ts): where its
 * windows and records lie, and what they say. When a window closes and what follows from a record is the trainer's.
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
/** What the device found when a window closed: {@link RECORD}. */
export type WindowRecord = Record<keyof typeof RECORD.at, number>;

/** For a position whose window stays open; the kernel does not read it. */
const OPEN: Window = { wholeBatches: 0, smallBatches: 0, smallBatch: 0, budget: -1 };

export class WindowCloser {
  /** [slot] windows in a row, up to the last, that counted for the stop rule. */
  readonly stable: GPUBuffer;
  /** [position] {@link RECORD}; {@link read} reads a copy of it. */
  readonly records: GPUBuffer;
  readonly #device: Device;
  readonly #shape: KernelShape;
  readonly #windows: GPUBuffer;
  readonly #rule: GPUBuffer;
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;

  /**
   * @param batchPitch Samples that a batch takes in `buffers.sums`.
   * @param stableWindows Windows in a row that end a run.
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

  /** @param windows The window of each position of the chunk that closes; undefined where it stays open. */
  encode(recorder: Recorder, windows: readonly (Window | undefined)[]): void {
    const words = WINDOW.array(windows.map((window) => window ?? OPEN));
    recorder.upload(this.#windows, 0, words);
    recorder.dispatch(this.#pipeline, this.#group, [windows.length]);
  }

  /** What `encode` asks of the device. The sums are read and cleared; one of them is added up in floats. */
  cost(positions: number): Cost {
    const { batch } = this.#shape;
    return {
      bytes: positions * (2 * 4 * SUMS.length * batch + 4 * (WINDOW.words + RECORD.words)),
      flops: positions * batch,
    };
  }

  /** The records in the bytes of {@link records}, by position. */
  read(bytes: ArrayBuffer): WindowRecord[] {
    return RECORD.values(bytes);
  }

  destroy(): void {
    for (const buffer of [this.stable, this.records, this.#windows, this.#rule]) this.#device.free(buffer);
  }
}
