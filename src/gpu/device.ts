/**
 * An open WebGPU device and what the library adds to it: buffers that are counted, pipelines that are compiled once, reads, and
 * errors at the right place, which WebGPU reports late. This file connects the parts; each is in a file of its own.
 * `openDevice` (src/adapter/open.ts) makes it.
 */
import { span } from '../platform/host-spans.js';
import { freedError, sleepBefore } from '../platform/polled-maps.js';
import { Buffers } from './buffers.js';
import { CommandQueue } from './commands.js';
import type { DeviceInfo, MemoryUse } from './device-info.js';
import { Faults } from './faults.js';
import { ErrorFlag } from './flag.js';
import type { Observation, Observer } from './observer.js';
import { type CompiledPipeline, checkPipeline, type PipelineDescriptor, Pipelines } from './pipelines.js';
import { BufferPool } from './pool.js';
import { Queue } from './queue.js';
import { checkRange, readBack } from './readback.js';
import { Staging } from './staging.js';
import { BufferUsage } from './usage.js';
import { checkWaitOptions, type WaitOptions, Waits } from './waits.js';

/** The usage of tensors' buffers. */
const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
/** Free bytes of tensors' buffers that are kept for reuse. */
const KEPT_BYTES = 256 * 2 ** 20;

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
  /** How kernels report values that they refuse and the host cannot see. @internal */
  readonly flag: ErrorFlag;
  /** The staging buffers of {@link read}. @internal */
  readonly staging: Staging;
  readonly #faults: Faults;
  readonly #queue: Queue;
  readonly #waits: Waits;
  readonly #buffers: Buffers;
  readonly #pipelines: Pipelines;
  #destroyed = false;
  /** Whether an observer still needs the GPUDevice, which then outlives `destroy`. */
  #isHeld = false;

  /** `whenGone` is called once, with the reason in a sentence, when the device is lost or destroyed. */
  constructor(
    gpu: GPUDevice,
    info: DeviceInfo,
    owned: boolean,
    whenGone: (device: Device, why: string) => void,
  ) {
    this.gpu = gpu;
    this.info = info;
    this.owned = owned;
    this.#faults = new Faults(gpu, (why) => {
      whenGone(this, why);
      this.staging.trim(); // nothing will be read again
    });
    this.lost = this.#faults.lost;
    this.#queue = new Queue(gpu);
    this.#waits = new Waits(info.isCpu);
    this.#buffers = new Buffers(this.#queue, this.#waits, this.#faults, () => {
      this.commands.flush();
      this.commands.forget();
    });
    this.#pipelines = new Pipelines(gpu, (outcome) => this.#faults.watch(outcome));
    this.commands = new CommandQueue(this.#queue, this.#buffers);
    const largest = gpu.limits.maxStorageBufferBindingSize;
    const tensors = { label: 'tensor', usage: STORAGE, largest, keptBytes: KEPT_BYTES };
    this.pool = new BufferPool(this.#buffers, tensors);
    this.flag = new ErrorFlag(this.#buffers);
    this.staging = new Staging(this, 'staging');
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

  /** The reason of a failure: the error that {@link check} would throw, else the failure itself. @internal */
  reasonOf(failure: unknown): Promise<unknown> {
    return this.#faults.reasonOf(failure);
  }

  /**
   * A new buffer, counted in {@link memory} until {@link free}. `bytes` is rounded up to a multiple of 4, and to 4.
   *
   * @param usage Flags of {@link BufferUsage}, joined by `|`.
   * @throws LockstepError `unsupported` above the device's largest buffer or, with STORAGE, its largest binding. Where the
   * device has no memory left, a later operation throws `out-of-memory`.
   */
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    return this.#buffers.allocate(label, bytes, usage);
  }

  /** As {@link allocate}, and mapped: the host can write to it at once. @internal */
  allocateMapped(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    return this.#buffers.allocate(label, bytes, usage, true);
  }

  /** Maps a buffer that the device is done with for writing. @internal */
  mapForWriting(buffer: GPUBuffer): Promise<void> {
    return this.#waits.mapForWriting(buffer);
  }

  /** Destroys a buffer of {@link allocate}. A second call does nothing. */
  free(buffer: GPUBuffer): void {
    this.#buffers.free(buffer);
  }

  /** What the library's buffers take on this device. */
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

  /** As {@link pipeline}, without waiting: an error in the shader is thrown by a later operation. */
  pipelineNow(descriptor: PipelineDescriptor): GPUComputePipeline {
    this.check();
    checkPipeline('device.pipelineNow', descriptor);
    return this.#pipelines.immediate(descriptor);
  }

  /** The pipelines compiled so far, in that order, with their code and how long compiling took. */
  get pipelines(): readonly CompiledPipeline[] {
    return this.#pipelines.made;
  }

  /**
   * Reads a part of a buffer, after all work so far, recorded or submitted.
   *
   * @param buffer A buffer with usage COPY_SRC.
   * @param offset The first byte, a multiple of 4.
   * @param bytes How many bytes.
   * @returns A copy of them.
   * @throws LockstepError `bad-input` for a value that a kernel refused since the last read or {@link sync}, such as a class
   * number out of range. It is thrown once.
   */
  async read(
    buffer: GPUBuffer,
    offset: number,
    bytes: number,
    options: WaitOptions = {},
  ): Promise<ArrayBuffer> {
    this.check();
    checkRange(buffer, offset, bytes);
    checkWaitOptions('device.read', options);
    const result = await this.#faults.explain(`Reading ${bytes} bytes`, () =>
      readBack(this, buffer, offset, bytes, options),
    );
    await this.#faults.checkAll();
    return result;
  }

  /**
   * Maps the first `bytes` bytes of a staging buffer for reading, when the work so far is done.
   *
   * @returns Milliseconds from the first look on; see polled-maps.ts.
   * @throws LockstepError `device-lost`, or `device` for whatever else went wrong. @internal
   */
  map(staging: GPUBuffer, bytes: number, options: WaitOptions = {}): Promise<number> {
    return this.#faults.explain(`Waiting for "${staging.label}"`, async () => {
      const sent = this.#queue.sent();
      if (sent) await span('wait', `map ${staging.label}`, () => sent);
      if (sent && !this.#buffers.has(staging)) throw freedError(staging);
      return this.#waits.map(staging, bytes, options);
    });
  }

  /** Calls `observer` for the device's work from here on. There can be one at a time. @internal */
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

  /** Resolves when all work so far is done, recorded or submitted. Throws what went wrong in it, as {@link read} does. */
  async sync(options: WaitOptions = {}): Promise<void> {
    this.check();
    checkWaitOptions('device.sync', options);
    this.commands.flush();
    await span('wait', 'sync', async () => {
      await sleepBefore(options.expectedMs);
      await this.#faults.explain('Waiting for the device', async () => {
        if (this.flag.pending) await readBack(this, this.flag.buffer, 0, 0, {});
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
