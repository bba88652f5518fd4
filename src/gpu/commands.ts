/**
 * Records the commands of tensors on one device and submits them in batches, in order, as a submit costs more than a small
 * kernel. Reads and waits first submit what is recorded (see device.ts). Code that knows where its commands end, as a chunk of
 * training does, uses a recorder of its own.
 */

import { BindGroups, type Binding } from './bindings.js';
import type { Buffers } from './buffers.js';
import type { LaunchNote } from './observer.js';
import type { Queue } from './queue.js';
import { type Grid, Recorder } from './recorder.js';
import { BufferUsage } from './usage.js';

/** One kernel launch. */
interface Dispatch {
  pipeline: GPUComputePipeline;
  /** `@group(0) @binding(1)` and on, in order. */
  bindings: readonly Binding[];
  /** `@group(0) @binding(0)`, a uniform of these 32-bit words. Without it binding 0 stays empty. */
  params?: Uint32Array;
  grid: Grid;
  /** The description of the launch for profiles. */
  note?: () => LaunchNote;
}

/** So many recorded commands are submitted without a request: enough to hide the cost, few enough to start early. */
const COMMANDS_PER_SUBMIT = 64;

/** Room for the params of one submit. */
const PARAMS_BYTES = COMMANDS_PER_SUBMIT * 1024;

/** The commands of one device. */
export class CommandQueue {
  readonly #queue: Queue;
  readonly #buffers: Buffers;
  readonly #uniformAlignment: number;
  #open: Recorder | undefined;
  #params: GPUBuffer | undefined;
  readonly #words = new Uint32Array(PARAMS_BYTES / 4);
  #usedBytes = 0;
  readonly #groups: BindGroups;

  constructor(queue: Queue, buffers: Buffers) {
    this.#queue = queue;
    this.#buffers = buffers;
    this.#groups = new BindGroups(queue.gpu);
    this.#uniformAlignment = queue.gpu.limits.minUniformBufferOffsetAlignment;
  }

  /** Commands recorded and not yet submitted. */
  get pending(): number {
    return this.#open?.size ?? 0;
  }

  dispatch({ pipeline, bindings, params, grid, note }: Dispatch): void {
    if (grid.includes(0)) return;
    const uniform = params ? this.#uniform(params) : undefined;
    const group = this.#groups.get(pipeline, bindings, uniform);
    this.#record().dispatch(pipeline, group, grid, note);
    this.#flushFull();
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
    this.#record().copy(source, sourceOffset, target, targetOffset, bytes);
    this.#flushFull();
  }

  /** Writes host memory into a buffer, after what has been recorded so far. */
  write(target: GPUBuffer, offset: number, data: ArrayBufferView): void {
    this.flush(); // the queue's write would overtake what is only recorded
    this.#queue.write(target, offset, data);
  }

  /** Commands of their own, which the caller submits: after what has been recorded so far. */
  record(label: string): Recorder {
    this.flush();
    return new Recorder(this.#queue, label);
  }

  /** What is recorded and not submitted yet, for commands that end it: {@link flush} comes next. */
  last(): Recorder {
    return this.#record();
  }

  /** Forgets what refers to buffers that are destroyed. */
  forget(): void {
    this.#groups.clear();
  }

  /** Submits what is recorded. */
  flush(): void {
    const recorder = this.#open;
    if (!recorder) return;
    if (this.#params && this.#usedBytes > 0) {
      // In the queue, this write comes after the submits that read the old params and before the one that reads these.
      recorder.upload(this.#params, 0, this.#words.subarray(0, this.#usedBytes / 4));
    }
    this.#open = undefined;
    this.#usedBytes = 0;
    recorder.submit();
  }

  #record(): Recorder {
    this.#open ??= new Recorder(this.#queue, 'lockstep');
    return this.#open;
  }

  #flushFull(): void {
    if (this.pending >= COMMANDS_PER_SUBMIT) this.flush();
  }

  #uniform(params: Uint32Array): Binding {
    const bytes = Math.ceil(params.byteLength / 16) * 16;
    if (this.#usedBytes + bytes > PARAMS_BYTES) this.flush();
    this.#params ??= this.#buffers.allocate(
      'kernel params',
      PARAMS_BYTES,
      BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    );
    const offset = this.#usedBytes;
    this.#words.set(params, offset / 4);
    const align = this.#uniformAlignment;
    this.#usedBytes = Math.ceil((offset + bytes) / align) * align;
    return { buffer: this.#params, offset, bytes };
  }
}
