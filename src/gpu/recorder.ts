/**
 * Commands that go to the device in one submit: kernel launches, copies. All of the library's are encoded here; what is
 * recorded when is known to who records: commands.ts for tensors, the trainer for its chunks.
 */
import { LockstepError } from '../platform/errors.js';
import { annotateLaunch, annotatePass, type LaunchNote, type PassNote } from './annotate.js';
import type { Queue } from './queue.js';

/** Workgroups along x, y and z. */
export type Grid = readonly [number, number?, number?];

export class Recorder {
  readonly #queue: Queue;
  readonly #encoder: GPUCommandEncoder;
  #pass: GPUComputePassEncoder | undefined;
  /** What the open pass is set to. */
  #pipeline: GPUComputePipeline | undefined;
  #note: (() => PassNote) | undefined;
  #size = 0;

  /** `label` names these commands in a profile's spans. */
  constructor(queue: Queue, label: string) {
    this.#queue = queue;
    this.#encoder = queue.gpu.createCommandEncoder({ label });
  }

  /** Commands recorded so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * A launch of a kernel; none where the grid is empty. `note` says what it reads, writes and computes; only a profile asks.
   *
   * @throws LockstepError `unsupported` for more workgroups than the device takes.
   */
  dispatch(pipeline: GPUComputePipeline, group: GPUBindGroup, grid: Grid, note?: () => LaunchNote): void {
    const [x, y = 1, z = 1] = grid;
    if (x === 0 || y === 0 || z === 0) return;
    const most = this.#queue.mostGroups;
    if (x > most || y > most || z > most) {
      throw new LockstepError(
        'unsupported',
        `The kernel "${pipeline.label}" would need ${x} x ${y} x ${z} workgroups; this device takes ${most} a dimension.`,
      );
    }
    this.#pass ??= this.#beginPass();
    const pass = this.#pass;
    if (this.#pipeline !== pipeline) {
      pass.setPipeline(pipeline);
      this.#pipeline = pipeline;
    }
    pass.setBindGroup(0, group);
    if (note) annotateLaunch(pass, note);
    pass.dispatchWorkgroups(x, y, z);
    this.#size++;
  }

  /** Says what the launches from here on are together, those without a note of their own; only a profile asks. */
  describe(note: () => PassNote): void {
    this.#endPass();
    this.#note = note;
  }

  /** Copies bytes between buffers; offsets and size are multiples of 4. */
  copy(
    source: GPUBuffer,
    sourceOffset: number,
    target: GPUBuffer,
    targetOffset: number,
    bytes: number,
  ): void {
    if (bytes === 0) return;
    this.#endPass();
    this.#encoder.copyBufferToBuffer(source, sourceOffset, target, targetOffset, bytes);
    this.#size++;
  }

  /** Sets bytes of a buffer to 0; offset and size are multiples of 4. */
  clear(target: GPUBuffer, offset: number, bytes: number): void {
    this.#endPass();
    this.#encoder.clearBuffer(target, offset, bytes);
    this.#size++;
  }

  /** Writes host memory into a buffer at once, ahead of everything that is recorded here. */
  upload(target: GPUBuffer, offset: number, data: ArrayBufferView): void {
    this.#queue.write(target, offset, data);
  }

  /** Sends what was recorded. Nothing can be recorded here afterwards. */
  submit(): void {
    this.#endPass();
    this.#queue.submit(this.#encoder.finish());
  }

  #beginPass(): GPUComputePassEncoder {
    const pass = this.#encoder.beginComputePass();
    if (this.#note) annotatePass(pass, this.#note);
    return pass;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#pipeline = undefined;
  }
}
