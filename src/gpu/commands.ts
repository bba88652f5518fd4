/**
 * Collects the commands of tensors on one device and submits them in batches, in order: a submit costs more than a small
 * kernel. Whatever reads or waits first submits what has been collected (device.ts). The commands are encoded by recorder.ts.
 */
import { plainBytes } from '../platform/bytes.js';
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

/** How many commands are collected before a submit: enough to hide its cost, few enough that the device starts early. */
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
    this.open().dispatch(pipeline, group, grid, note);
    this.#flushFull();
  }

  /** As {@link Recorder.copy}. */
  copy(...copy: Parameters<Recorder['copy']>): void {
    this.open().copy(...copy);
    this.#flushFull();
  }

  /** Writes host memory into a buffer, after everything recorded so far. */
  write(target: GPUBuffer, offset: number, data: ArrayBufferView): void {
    this.flush(); // the queue's write would overtake what is only recorded
    this.#queue.write(target, offset, plainBytes(data));
  }

  /** A recorder whose commands come after everything recorded so far, and which the caller submits. */
  record(label: string): Recorder {
    this.flush();
    return new Recorder(this.#queue, label);
  }

  /** The recorder of what is not submitted yet. {@link flush} submits it. */
  open(): Recorder {
    this.#open ??= new Recorder(this.#queue, 'lockstep');
    return this.#open;
  }

  /** Forgets the bind groups, which refer to buffers. */
  forget(): void {
    this.#groups.clear();
  }

  /** Submits what is recorded. */
  flush(): void {
    const recorder = this.#open;
    if (!recorder) return;
    if (this.#params && this.#usedBytes > 0) {
      // In the queue, this write comes after the submits that read the old params and before the one that reads these.
      this.#queue.write(this.#params, 0, this.#words.subarray(0, this.#usedBytes / 4));
    }
    this.#open = undefined;
    this.#usedBytes = 0;
    recorder.submit();
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
