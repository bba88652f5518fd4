/**
 * A WebGPU device and what the library keeps beside it: counted buffers, compiled pipelines, reads, and the errors
 * that WebGPU reports late. It knows neither tensors nor kernels. Opened by open.ts.
 */

import { badArgument, checkNumber, checkText } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { span } from '../platform/host-spans.js';
import { printable } from '../platform/printable.js';
import { CommandQueue } from './commands.js';
import { DESTROYED, forgetDefaultDevice } from './default-device.js';
import { ErrorFlag } from './flag.js';
import { checkWaitOptions, mapWhenDone, sleepBefore, stopWaiting, type WaitOptions } from './map.js';
import { type CompiledPipeline, checkPipeline, type PipelineDescriptor, Pipelines } from './pipelines.js';
import { BufferPool } from './pool.js';
import { Readback } from './readback.js';
import { BufferUsage } from './usage.js';

/** Who made the adapter and what it can do; what the implementation does not tell is empty or 0. */
export interface DeviceInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** `vulkan`, `metal`, `d3d12`, …, where known. */
  backend?: string;
  /** Lanes a subgroup; 0 where the device has no subgroups. */
  subgroupMinSize: number;
  subgroupMaxSize: number;
  /** True for drivers that compute on the CPU (lavapipe, SwiftShader, WARP). */
  isCpu: boolean;
}

/** WebGPU tells of a loss a few turns after what failed of it; where nothing is told for so long, it is none. */
const LOSS_TOLD_MS = 200;

/** What the library's buffers on a device take. */
export interface MemoryUse {
  /** Buffers in use. */
  buffers: number;
  /** Bytes of the buffers in use. */
  bytes: number;
  /** The most bytes that the device held at once, in use or kept. */
  peak: number;
  /** Bytes of the buffers that are free and kept for the next tensor; `trim()` destroys them. */
  pooled: number;
}

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

  readonly #sizes = new Map<GPUBuffer, number>();
  readonly #pipelines: Pipelines;
  readonly #readback: Readback;
  /** Records kernels and copies, and submits them in batches. @internal */
  readonly commands: CommandQueue;
  /** Storage buffers for tensors, reused by size. @internal */
  readonly pool: BufferPool;
  /** What kernels refuse of values that only they see. @internal */
  readonly flag: ErrorFlag;
  readonly #onUncaptured: (event: GPUUncapturedErrorEvent) => void;
  #bytes = 0;
  #peak = 0;
  #pending: LockstepError[] = [];
  readonly #untold = new Set<Promise<void>>();
  #lostInfo: GPUDeviceLostInfo | undefined;
  #destroyed = false;
  #tellDestroyed: (info: GPUDeviceLostInfo) => void = () => {};

  constructor(gpu: GPUDevice, info: DeviceInfo, owned: boolean) {
    this.gpu = gpu;
    this.info = info;
    this.owned = owned;
    this.#pipelines = new Pipelines(gpu, (outcome) => this.#watch(outcome));
    this.#readback = new Readback(this);
    this.commands = new CommandQueue(this);
    this.pool = new BufferPool(this);
    this.flag = new ErrorFlag(this);
    gpu.lost.then((lost) => {
      this.#lostInfo = lost;
      forgetDefaultDevice(this, this.#lossMessage());
      this.#readback.destroy(); // nothing will be read again
    });
    const destroyed = new Promise<GPUDeviceLostInfo>((resolve) => {
      this.#tellDestroyed = resolve;
    });
    this.lost = Promise.race([gpu.lost, destroyed]);
    this.#onUncaptured = (event) => {
      event.preventDefault();
      this.#record(event.error);
    };
    gpu.addEventListener('uncapturederror', this.#onUncaptured);
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
    if (this.#destroyed || this.#lostInfo) throw new LockstepError('device-lost', this.#lossMessage());
    // What WebGPU refuses because of a creation that failed is told before the reason why that failed.
    const reason = this.#pending.find(({ code }) => code !== 'device');
    if (!reason && this.#untold.size > 0) return;
    const first = reason ?? this.#pending[0];
    this.#pending = [];
    if (first) throw first;
  }

  #lossMessage(): string {
    if (this.#destroyed) return DESTROYED;
    const { reason, message } = this.#lostInfo!;
    return `The device was lost (${reason}): ${message.trim().replace(/\.$/, '')}. Open another one.`;
  }

  /**
   * What something failed of: the loss of the device, or an error that WebGPU told about something before it; else the
   * failure itself. @internal
   */
  async reasonOf(failure: unknown): Promise<unknown> {
    if (failure instanceof LockstepError) return failure;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, LOSS_TOLD_MS);
    });
    await Promise.race([this.lost, late]).finally(() => clearTimeout(timer));
    await Promise.all(this.#untold);
    try {
      this.check();
    } catch (reason) {
      return reason;
    }
    return failure;
  }

  /** Takes the outcome of a creation whose error WebGPU tells later. */
  #watch(outcome: Promise<LockstepError | undefined>): void {
    const told = outcome.then(
      (error) => {
        this.#untold.delete(told);
        if (error) this.#pending.push(error);
      },
      () => {
        this.#untold.delete(told); // the device is gone, which `lost` reports
      },
    );
    this.#untold.add(told);
  }

  #record(error: GPUError): void {
    const code = error.constructor.name === 'GPUOutOfMemoryError' ? 'out-of-memory' : 'device';
    this.#pending.push(new LockstepError(code, `The device refused an operation: ${error.message.trim()}`));
  }

  /**
   * A new buffer, counted in {@link memory} until {@link free}. `bytes` is rounded up to a multiple of 4, and to 4.
   *
   * @param usage Flags of {@link BufferUsage}, joined by `|`.
   * @throws LockstepError `unsupported` above the device's maxBufferSize. That the device has no memory left shows
   * later: `out-of-memory`, from the operation that follows.
   */
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.check();
    checkText('device.allocate', 'the label', label);
    checkNumber('device.allocate', 'bytes', bytes, { min: 0 });
    checkNumber('device.allocate', 'usage', usage, { min: 1, whole: true });
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    const bindable = usage & BufferUsage.STORAGE ? this.limits.maxStorageBufferBindingSize : Infinity;
    const most = Math.min(this.limits.maxBufferSize, bindable);
    if (!(size <= most)) {
      throw new LockstepError(
        'unsupported',
        `The buffer "${label}" would have ${size} bytes; this device takes at most ${most} in one ` +
          `${bindable < this.limits.maxBufferSize ? 'storage binding' : 'buffer'}. Make it smaller, or cut it in parts.`,
      );
    }
    this.gpu.pushErrorScope('out-of-memory');
    const buffer = this.gpu.createBuffer({ label, size, usage });
    this.#watch(
      this.gpu.popErrorScope().then((error) => {
        const held = `${this.#sizes.size} buffers with ${this.#bytes} bytes are alive`;
        const message = `No device memory for "${label}" (${size} bytes); ${held}.`;
        return error ? new LockstepError('out-of-memory', message) : undefined;
      }),
    );
    this.#sizes.set(buffer, size);
    this.#bytes += size;
    this.#peak = Math.max(this.#peak, this.#bytes);
    return buffer;
  }

  /** Destroys a buffer of {@link allocate}. A second call does nothing. */
  free(buffer: GPUBuffer): void {
    const size = this.#sizes.get(buffer);
    if (size === undefined) return;
    this.commands.flush(); // what is recorded may use it
    this.commands.forget();
    this.#sizes.delete(buffer);
    this.#bytes -= size;
    stopWaiting(buffer, this.info);
    buffer.destroy();
  }

  memory(): MemoryUse {
    const pooled = this.pool.freeBytes;
    return {
      buffers: this.#sizes.size - this.pool.freeBuffers,
      bytes: this.#bytes - pooled,
      peak: this.#peak,
      pooled,
    };
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
    this.commands.flush();
    const result = await this.#telling(`Reading ${printable(bytes)} bytes`, () =>
      this.#readback.read(buffer, offset, bytes, options),
    );
    await Promise.all(this.#untold);
    this.check();
    return result;
  }

  /**
   * Maps the first `bytes` bytes of a staging buffer for reading, when the work so far is done.
   *
   * @returns Milliseconds from the first look on.
   * @throws LockstepError `device-lost`, or whatever else kept it from being done. @internal
   */
  async map(staging: GPUBuffer, bytes: number, options: WaitOptions = {}): Promise<number> {
    return this.#telling(`Waiting for "${staging.label}"`, () =>
      mapWhenDone(staging, bytes, this.info, options),
    );
  }

  /** Calls `wait`; what it rejects with becomes an error that says why. */
  async #telling<T>(what: string, wait: () => Promise<T>): Promise<T> {
    try {
      return await wait();
    } catch (failure) {
      const reason = await this.reasonOf(failure);
      if (reason instanceof LockstepError) throw reason;
      throw new LockstepError('device', `${what} failed: ${(reason as Error).message}`, { cause: failure });
    }
  }

  /** Resolves when all work submitted so far is done; throws what went wrong in it, as {@link read} does. */
  async sync(options: WaitOptions = {}): Promise<void> {
    this.check();
    checkWaitOptions('device.sync', options);
    this.commands.flush();
    await span('wait', 'sync', async () => {
      await sleepBefore(options);
      await this.#telling('Waiting for the device', async () => {
        if (this.flag.pending) await this.#readback.read(this.flag.buffer, 0, 0, {});
        await this.gpu.queue.onSubmittedWorkDone();
      });
    });
    await Promise.all(this.#untold);
    this.check();
  }

  /** Frees every buffer and, unless it is the caller's, the device. A second call does nothing. */
  destroy(): void {
    if (this.#destroyed) return;
    if (!this.#lostInfo) this.commands.flush();
    this.#readback.destroy();
    for (const buffer of [...this.#sizes.keys()]) this.free(buffer);
    this.#destroyed = true;
    this.gpu.removeEventListener('uncapturederror', this.#onUncaptured);
    forgetDefaultDevice(this);
    this.#tellDestroyed({ reason: 'destroyed', message: 'destroy() was called.' } as GPUDeviceLostInfo);
    if (this.owned) this.gpu.destroy();
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
