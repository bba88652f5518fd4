/**
 * Commands that go to the device in one submit: kernel launches, copies. All of the library's are encoded here; what is
 * recorded when is known to who records: commands.ts for tensors, the trainer for its chunks.
 */
import { LockstepError } from '../platform/errors.js';
import { addSpan } from '../platform/host-spans.js';
import type { GroupNote, Launch, LaunchNote, Part, RecordingObserver } from './observer.js';
import type { Queue } from './queue.js';

/** Workgroups along x, y and z. */
export type Grid = readonly [number, number?, number?];

export class Recorder {
  readonly #queue: Queue;
  readonly #label: string;
  readonly #watch: RecordingObserver | undefined;
  readonly #start = performance.now();
  #encoder: GPUCommandEncoder;
  readonly #parts: Part[] = [];
  #pass: GPUComputePassEncoder | undefined;
  /** What the open pass is set to. */
  #pipeline: GPUComputePipeline | undefined;
  #together: (() => GroupNote) | undefined;
  #size = 0;
  /** Whether the open part has no commands: only an observed recorder asks. */
  #isEmpty = true;

  /** `label` names these commands in a profile's spans. */
  constructor(queue: Queue, label: string) {
    this.#queue = queue;
    this.#label = label;
    this.#watch = queue.observer?.recording();
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
    const x = grid[0];
    const y = grid[1] ?? 1;
    const z = grid[2] ?? 1;
    if (x === 0 || y === 0 || z === 0) return;
    const most = this.#queue.mostGroups;
    if (x > most || y > most || z > most) {
      throw new LockstepError(
        'unsupported',
        `The kernel "${pipeline.label}" would need ${x} x ${y} x ${z} workgroups; this device takes ${most} a dimension.`,
      );
    }
    this.#size++;
    if (this.#watch) {
      this.#dispatchWatched(this.#watch, pipeline, group, [x, y, z], note);
      return;
    }
    this.#pass ??= this.#encoder.beginComputePass();
    const pass = this.#pass;
    if (this.#pipeline !== pipeline) {
      pass.setPipeline(pipeline);
      this.#pipeline = pipeline;
    }
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(x, y, z);
  }

  /** A launch in a pass of its own, since WebGPU takes times for whole passes only. */
  #dispatchWatched(
    watch: RecordingObserver,
    pipeline: GPUComputePipeline,
    group: GPUBindGroup,
    grid: readonly [number, number, number],
    note?: () => LaunchNote,
  ): void {
    if (watch.apart) this.#cut();
    const launch = { pipeline, grid, note, together: this.#together };
    const timestampWrites = watch.launched(launch);
    const pass = this.#encoder.beginComputePass({ label: pipeline.label, timestampWrites });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
    pass.end();
    this.#isEmpty = false;
    if (watch.apart) this.#cut(launch);
  }

  /** Ends a part here, if there is anything in it. */
  #cut(launch?: Launch): void {
    if (this.#isEmpty) return;
    this.#parts.push({ commands: this.#encoder.finish(), launch });
    this.#encoder = this.#queue.gpu.createCommandEncoder({ label: this.#label });
    this.#isEmpty = true;
  }

  /** Says what the launches from here on are together, those without a note of their own; only a profile asks. */
  describe(note: () => GroupNote): void {
    this.#together = note;
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
    this.#isEmpty = false;
    this.#size++;
  }

  /** Sets bytes of a buffer to 0; offset and size are multiples of 4. */
  clear(target: GPUBuffer, offset: number, bytes: number): void {
    this.#endPass();
    this.#encoder.clearBuffer(target, offset, bytes);
    this.#isEmpty = false;
    this.#size++;
  }

  /** Writes host memory into a buffer at once, ahead of everything that is recorded here. */
  upload(target: GPUBuffer, offset: number, data: ArrayBufferView): void {
    this.#queue.write(target, offset, data);
  }

  /** Sends what was recorded. Nothing can be recorded here afterwards. */
  submit(): void {
    this.#endPass();
    this.#watch?.finishing(this.#encoder);
    this.#parts.push({ commands: this.#encoder.finish() });
    addSpan({ kind: 'encode', name: this.#label, start: this.#start, end: performance.now() });
    this.#queue.submit(this.#parts, this.#watch);
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#pipeline = undefined;
  }
}
