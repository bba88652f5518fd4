/**
 * Records dispatches and copies into one command buffer and submits them together: a submit costs more than a small
 * kernel. Order is kept. Reads and waits submit what is recorded first (see device.ts).
 */

import { plainBytes } from '../platform/bytes.js';
import { LockstepError } from '../platform/errors.js';
import { annotateLaunch, type LaunchNote } from './annotate.js';
import { BindGroups, type Binding } from './bind-groups.js';
import type { Buffers } from './buffers.js';
import { BufferUsage } from './usage.js';

/** One kernel launch. */
interface Dispatch {
  pipeline: GPUComputePipeline;
  /** `@group(0) @binding(1)` and on, in order. */
  bindings: readonly Binding[];
  /** `@group(0) @binding(0)`, a uniform of these 32-bit words. Without it binding 0 stays empty. */
  params?: Uint32Array;
  /** Workgroups along x, y and z. */
  grid: readonly [number, number?, number?];
  /** What a profile is told. */
  note?: () => LaunchNote;
}

/** Recorded commands that are submitted without being asked to: enough to hide a submit, few enough to start early. */
const COMMANDS_PER_SUBMIT = 64;

/** Room for the params of one submit. */
const PARAMS_BYTES = COMMANDS_PER_SUBMIT * 1024;

/** The open command buffer of one device. */
export class CommandQueue {
  readonly #gpu: GPUDevice;
  readonly #buffers: Buffers;
  readonly #mostGroups: number;
  readonly #uniformAlignment: number;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #recorded = 0;
  #params: GPUBuffer | undefined;
  readonly #words = new Uint32Array(PARAMS_BYTES / 4);
  #usedBytes = 0;
  readonly #groups: BindGroups;

  constructor(gpu: GPUDevice, buffers: Buffers) {
    this.#gpu = gpu;
    this.#buffers = buffers;
    this.#groups = new BindGroups(gpu);
    this.#mostGroups = gpu.limits.maxComputeWorkgroupsPerDimension;
    this.#uniformAlignment = gpu.limits.minUniformBufferOffsetAlignment;
  }

  /** Commands recorded and not yet submitted. */
  get pending(): number {
    return this.#recorded;
  }

  dispatch({ pipeline, bindings, params, grid, note }: Dispatch): void {
    const [x, y = 1, z = 1] = grid;
    const most = this.#mostGroups;
    if (Math.max(x, y, z) > most) {
      throw new LockstepError(
        'unsupported',
        `The kernel "${pipeline.label}" would need ${x} x ${y} x ${z} workgroups; this device takes ${most} a dimension.`,
      );
    }
    if (Math.min(x, y, z) === 0) return;
    const uniform = params ? this.#uniform(params) : undefined;
    this.#encoder ??= this.#gpu.createCommandEncoder({ label: 'lockstep' });
    this.#pass ??= this.#encoder.beginComputePass();
    this.#pass.setPipeline(pipeline);
    this.#pass.setBindGroup(0, this.#groups.get(pipeline, bindings, uniform));
    if (note) annotateLaunch(this.#pass, note);
    this.#pass.dispatchWorkgroups(x, y, z);
    this.#count();
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
    this.#encoder ??= this.#gpu.createCommandEncoder({ label: 'lockstep' });
    this.#endPass();
    this.#encoder.copyBufferToBuffer(source, sourceOffset, target, targetOffset, bytes);
    this.#count();
  }

  /** Writes host memory into a buffer, after what has been recorded so far. */
  write(target: GPUBuffer, offset: number, data: ArrayBufferView): void {
    this.flush(); // the queue's write would overtake what is only recorded
    this.#gpu.queue.writeBuffer(target, offset, plainBytes(data));
  }

  /** Forgets what refers to buffers that are destroyed. */
  forget(): void {
    this.#groups.clear();
  }

  /** Submits what is recorded. */
  flush(): void {
    const encoder = this.#encoder;
    if (!encoder) return;
    this.#endPass();
    if (this.#params && this.#usedBytes > 0) {
      // In queue order: after the submits that read the params of before, in front of the one that reads these.
      this.#gpu.queue.writeBuffer(this.#params, 0, this.#words.buffer, 0, this.#usedBytes);
    }
    this.#gpu.queue.submit([encoder.finish()]);
    this.#encoder = undefined;
    this.#recorded = 0;
    this.#usedBytes = 0;
  }

  #count(): void {
    this.#recorded++;
    if (this.#recorded >= COMMANDS_PER_SUBMIT) this.flush();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #uniform(params: Uint32Array): GPUBufferBinding {
    const size = Math.ceil(params.byteLength / 16) * 16;
    if (this.#usedBytes + size > PARAMS_BYTES) this.flush();
    this.#params ??= this.#buffers.allocate(
      'kernel params',
      PARAMS_BYTES,
      BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    );
    const offset = this.#usedBytes;
    this.#words.set(params, offset / 4);
    const align = this.#uniformAlignment;
    this.#usedBytes = Math.ceil((offset + size) / align) * align;
    return { buffer: this.#params, offset, size };
  }
}
