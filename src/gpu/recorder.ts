/**
 * Records commands (kernel launches, copies) and sends them to the device in one submit. All commands of the library are
 * encoded here. Those of tensors come from commands.ts; code that knows where its commands end, as a chunk of training does,
 * has a recorder of its own.
 */
import { LockstepError } from '../platform/errors.js';
import { addSpan, listening, span } from '../platform/host-spans.js';
import type { GroupNote, Launch, LaunchNote, Part, RecordingObserver } from './observer.js';
import type { Queue } from './queue.js';

/** Workgroups along x, y and z. */
export type Grid = readonly [number, number?, number?];

export class Recorder {
  readonly #queue: Queue;
  readonly #label: string;
  readonly #watch: RecordingObserver | undefined;
  /** When it began, if a profile is being taken. */
  readonly #start: number | undefined;
  #encoder: GPUCommandEncoder;
  #pass: GPUComputePassEncoder | undefined;
  /** What the open pass is set to: setting it anew would cost the host as much as the launch. */
  #pipeline: GPUComputePipeline | undefined;
  #group: GPUBindGroup | undefined;
  #size = 0;
  /** Finished parts of what an observer wants in parts, and `#size` at the end of the last one. */
  #parts: Part[] | undefined;
  #cutAt = 0;
  #together: (() => GroupNote) | undefined;

  /** `label` names these commands in a profile. */
  constructor(queue: Queue, label: string) {
    this.#queue = queue;
    this.#label = label;
    this.#watch = queue.observer?.recording();
    this.#start = listening() ? performance.now() : undefined;
    this.#encoder = queue.gpu.createCommandEncoder({ label });
  }

  /** Commands recorded so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * Records a launch of a kernel, or nothing where the grid is empty.
   *
   * @param note What the launch reads, writes and computes: called only while a profile is taken.
   * @throws LockstepError `unsupported` for more workgroups than the device allows.
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
    const launch = this.#watch && { pipeline, grid: [x, y, z] as const, note, together: this.#together };
    if (launch) this.#beginLaunch(launch);
    this.#pass ??= this.#encoder.beginComputePass();
    const pass = this.#pass;
    if (this.#pipeline !== pipeline) {
      pass.setPipeline(pipeline);
      this.#pipeline = pipeline;
    }
    if (this.#group !== group) {
      pass.setBindGroup(0, group);
      this.#group = group;
    }
    // Dawn for Node takes 0.05 us for an argument, given or not needed; a launch takes 1.4.
    if (z > 1) pass.dispatchWorkgroups(x, y, z);
    else if (y > 1) pass.dispatchWorkgroups(x, y);
    else pass.dispatchWorkgroups(x);
    this.#size++;
    if (launch) this.#endLaunch(launch);
  }

  /** Opens a pass for one launch that an observer watches: WebGPU takes times of whole passes only. */
  #beginLaunch(launch: Launch): void {
    if (this.#watch?.apart) this.#cut();
    const timestampWrites = this.#watch?.launched(launch);
    this.#pass = this.#encoder.beginComputePass({ label: launch.pipeline.label, timestampWrites });
  }

  #endLaunch(launch: Launch): void {
    this.#endPass();
    if (this.#watch?.apart) this.#cut(launch);
  }

  /** Ends a part here, if there is anything in it. */
  #cut(launch?: Launch): void {
    if (this.#size === this.#cutAt) return;
    this.#cutAt = this.#size;
    this.#parts ??= [];
    this.#parts.push({ commands: this.#encoder.finish(), launch });
    this.#encoder = this.#queue.gpu.createCommandEncoder({ label: this.#label });
  }

  /** Describes the launches from here on as a whole, for those without a note. Only called while a profile is taken. */
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
    this.#size++;
  }

  /** Sets bytes of a buffer to 0; offset and size are multiples of 4. */
  clear(target: GPUBuffer, offset: number, bytes: number): void {
    this.#endPass();
    this.#encoder.clearBuffer(target, offset, bytes);
    this.#size++;
  }

  /** Writes host memory into a buffer at once, ahead of everything that is recorded here. */
  upload(target: GPUBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    this.#queue.write(target, offset, data);
  }

  /** Sends what was recorded. Nothing can be recorded here afterwards. */
  submit(): void {
    this.#endPass();
    this.#watch?.finishing(this.#encoder);
    const commands = this.#encoder.finish();
    if (!this.#watch && !listening()) {
      this.#queue.submit([commands]);
      return;
    }
    if (this.#start !== undefined) {
      addSpan({ kind: 'encode', name: this.#label, start: this.#start, end: performance.now() });
    }
    const send = (parts: readonly Part[]) => this.#queue.submit(parts.map((part) => part.commands));
    const parts = [...(this.#parts ?? []), { commands }];
    span('submit', 'submit', () => (this.#watch ? this.#watch.submit(parts, send) : send(parts)));
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#pipeline = undefined;
    this.#group = undefined;
  }
}
