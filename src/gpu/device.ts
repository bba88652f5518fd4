/**
 * A WebGPU device with what the library adds: counted buffers, compiled pipelines, reads, and the errors that WebGPU reports
 * late. open.ts opens it. Tensors and kernels are built above it.
 */

import { badArgument } from '../platform/arguments.js';
import { span } from '../platform/host-spans.js';
import { printable } from '../platform/printable.js';
import { Buffers } from './buffers.js';
import { CommandQueue } from './commands.js';
import type { DeviceInfo, MemoryUse } from './device-info.js';
import { Faults } from './faults.js';
import { ErrorFlag } from './flag.js';
import { checkWaitOptions, mapWhenDone, sleepBefore, type WaitOptions } from './map.js';
import type { Observation, Observer } from './observer.js';
import { type CompiledPipeline, checkPipeline, type PipelineDescriptor, Pipelines } from './pipelines.js';
import { BufferPool } from './pool.js';
import { Queue } from './queue.js';
import { Readback } from './readback.js';
import type { StagingHost } from './staging.js';

/**
 * An open device.
 *
 * @example
 * using device = await openDevice();
 * const storage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
 * const buffer = device.allocate('numbers', 1024, storage);
 * const pipeline = await device.pipeline({ label: 'double', code });
 * // … encode and submit with device.gpu …
 * const numbers = new Float32Array(await device.read(buffer, 0, 1024));
 * device.free(buffer);
 */
export class Device {
  readonly gpu: GPUDevice;
  readonly info: DeviceInfo;
  /** False where the GPUDevice is the caller's: then `destroy` leaves it alive. */
  readonly owned: boolean;
  /** Resolves when the device is lost or destroyed; never rejects. */
  readonly lost: Promise<GPUDeviceLostInfo>;

  /** Records kernels and copies, and submits them in batches. @internal */
  readonly commands: CommandQueue;
  /** Storage buffers for tensors, reused by size. @internal */
  readonly pool: BufferPool;
  /** How kernels report values that they refuse and only they can see. @internal */
  readonly flag: ErrorFlag;
  readonly #faults: Faults;
  readonly #queue: Queue;
  readonly #buffers: Buffers;
  readonly #pipelines: Pipelines;
  readonly #readback: Readback;
  #destroyed = false;
  /** By an observer: the GPUDevice outlives `destroy`. */
  #isHeld = false;

  /** `whenGone` is called, with the reason in a sentence, when the device is lost or destroyed. */
  constructor(
    gpu: GPUDevice,
    info: DeviceInfo,
    owned: boolean,
    whenGone: (device: Device, why: string) => void = () => {},
  ) {
    this.gpu = gpu;
    this.info = info;
    this.owned = owned;
    this.#faults = new Faults(gpu, (why) => {
      whenGone(this, why);
      this.#readback.close(); // nothing will be read again
    });
    this.lost = this.#faults.lost;
    this.#queue = new Queue(gpu);
    this.#buffers = new Buffers(this.#queue, info, this.#faults, () => {
      this.commands.flush();
      this.commands.forget();
    });
    this.#pipelines = new Pipelines(gpu, (outcome) => this.#faults.watch(outcome));
    this.commands = new CommandQueue(this.#queue, this.#buffers);
    this.pool = new BufferPool(this.#buffers, gpu.limits.maxStorageBufferBindingSize);
    this.flag = new ErrorFlag(this.#buffers);
    const staging: StagingHost = {
      allocate: (label, bytes, usage) => this.#buffers.allocate(label, bytes, usage),
      free: (buffer) => this.#buffers.free(buffer),
      map: (buffer, bytes, options) => this.#map(buffer, bytes, options),
    };
    this.#readback = new Readback(staging, this.commands, this.flag);
  }

  get limits(): GPUSupportedLimits {
    return this.gpu.limits;
  }

  get features(): GPUSupportedFeatures {
    return this.gpu.features;
  }

  /**
   * Throws what went wrong since the last check: WebGPU reports validation and memory errors after the call that
   * caused them. Every operation of the library begins with it.
   */
  check(): void {
    this.#faults.check();
  }

  /** Why something failed, as {@link check} would say it; else the failure itself. @internal */
  reasonOf(failure: unknown): Promise<unknown> {
    return this.#faults.reasonOf(failure);
  }

  /**
   * A new buffer, counted in {@link memory} until {@link free}. `bytes` is rounded up to a multiple of 4, and to 4.
   *
   * @param usage Flags of {@link BufferUsage}, joined by `|`.
   * @throws LockstepError `unsupported` above the device's maxBufferSize. That the device has no memory left shows
   * later: `out-of-memory`, from the operation that follows.
   */
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    return this.#buffers.allocate(label, bytes, usage);
  }

  /** Destroys a buffer of {@link allocate}. A second call does nothing. */
  free(buffer: GPUBuffer): void {
    this.#buffers.free(buffer);
  }

  memory(): MemoryUse {
    const { count, bytes, peak } = this.#buffers;
    const { freeBuffers, freeBytes: pooled } = this.pool;
    return { buffers: count - freeBuffers, bytes: bytes - pooled, peak, pooled };
  }

  /** Destroys the buffers that are kept for reuse. */
  trim(): void {
    this.pool.trim();
  }

  /**
   * A compute pipeline with layout `auto`, compiled once for the same code, entry point and constants.
   *
   * @throws LockstepError `shader`, with the WGSL around each error.
   */
  async pipeline(descriptor: PipelineDescriptor): Promise<GPUComputePipeline> {
    this.check();
    checkPipeline('device.pipeline', descriptor);
    return this.#pipelines.compile(descriptor);
  }

  /** As {@link pipeline}, without waiting: an error in the shader reaches the operation that follows. */
  pipelineNow(descriptor: PipelineDescriptor): GPUComputePipeline {
    this.check();
    checkPipeline('device.pipelineNow', descriptor);
    return this.#pipelines.immediate(descriptor);
  }

  /** The pipelines that were compiled, in that order, with their code and how long it took. */
  get pipelines(): readonly CompiledPipeline[] {
    return this.#pipelines.made;
  }

  /**
   * A copy of `bytes` bytes of a buffer (usage COPY_SRC) from `offset`, a multiple of 4, after all work
   * so far, recorded or submitted.
   *
   * @throws LockstepError `bad-input` for a value that a kernel refused since the last read or {@link sync}, such as a class number
   * out of range. The first such read throws it, and the next ones work.
   */
  async read(
    buffer: GPUBuffer,
    offset: number,
    bytes: number,
    options: WaitOptions = {},
  ): Promise<ArrayBuffer> {
    this.check();
    checkRead(buffer);
    checkWaitOptions('device.read', options);
    const result = await this.#faults.explain(`Reading ${printable(bytes)} bytes`, () =>
      this.#readback.read(buffer, offset, bytes, options),
    );
    await this.#faults.checkAll();
    return result;
  }

  /**
   * Maps the first `bytes` bytes of a staging buffer for reading, when the work so far is done.
   *
   * @returns Milliseconds from the first look on.
   * @throws LockstepError `device-lost`, or whatever else kept it from being done. @internal
   */
  async map(staging: GPUBuffer, bytes: number, options: WaitOptions = {}): Promise<number> {
    return this.#faults.explain(`Waiting for "${staging.label}"`, () => this.#map(staging, bytes, options));
  }

  async #map(staging: GPUBuffer, bytes: number, options: WaitOptions): Promise<number> {
    const sent = this.#queue.sent();
    if (sent) {
      await span('wait', `map ${staging.label}`, () => sent);
      if (!this.#buffers.has(staging)) {
        throw new Error(`"${staging.label}" was freed while it was waited for.`);
      }
    }
    return mapWhenDone(staging, bytes, this.info, options);
  }

  /** Tells `observer` of the device's work from here on: of one observer at a time. @internal */
  observe(observer: Observer): Observation {
    this.commands.flush();
    this.#queue.observer = observer;
    this.#isHeld = true;
    return {
      end: () => {
        if (!this.#faults.gone) this.commands.flush();
        this.#queue.observer = undefined;
      },
      release: () => {
        this.#isHeld = false;
        if (this.#destroyed && this.owned) this.gpu.destroy();
      },
    };
  }

  /** Resolves when all work submitted so far is done; throws what went wrong in it, as {@link read} does. */
  async sync(options: WaitOptions = {}): Promise<void> {
    this.check();
    checkWaitOptions('device.sync', options);
    this.commands.flush();
    await span('wait', 'sync', async () => {
      await sleepBefore(options);
      await this.#faults.explain('Waiting for the device', async () => {
        if (this.flag.pending) await this.#readback.read(this.flag.buffer, 0, 0, {});
        await this.#queue.done();
      });
    });
    await this.#faults.checkAll();
  }

  /** Frees every buffer and, unless it is the caller's, the device. A second call does nothing. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    if (!this.#faults.gone) this.commands.flush();
    this.#readback.close();
    this.#buffers.freeAll();
    this.#faults.destroyed();
    if (this.owned && !this.#isHeld) this.gpu.destroy();
  }

  /** Whether {@link destroy} was called. @internal */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** Whether it is a buffer; what may be read of it, readback.ts checks. */
function checkRead(buffer: unknown): void {
  const { size } = (buffer ?? {}) as Partial<GPUBuffer>;
  if (typeof size !== 'number') {
    throw badArgument('device.read', 'the buffer', buffer, 'a GPUBuffer fits, as device.allocate() gives');
  }
}
