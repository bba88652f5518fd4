/**
 * Collects the errors of a device until the library throws them. WebGPU reports validation and memory errors after the call
 * that caused them, and the loss of the device a few turns of the event loop after the failures that it causes.
 */
import { LockstepError } from '../platform/errors.js';

/** WebGPU reports a loss within this time after the failures that it causes. Without a report there was no loss. */
const LOSS_TOLD_MS = 200;

/** What is said of a device after `destroy()`. */
export const DESTROYED = 'The device was destroyed, by destroy(); open another one.';

export class Faults {
  /** Resolves when the device is lost or destroyed; never rejects. */
  readonly lost: Promise<GPUDeviceLostInfo>;
  readonly #gpu: GPUDevice;
  readonly #whenGone: (why: string) => void;
  readonly #onUncaptured: (event: GPUUncapturedErrorEvent) => void;
  /** Errors that WebGPU has reported and that are not thrown yet. */
  #pending: LockstepError[] = [];
  /** Creations of which WebGPU has not reported yet whether they failed. */
  readonly #untold = new Set<Promise<void>>();
  /** Why the device is no longer there. */
  #gone: string | undefined;
  #tellDestroyed: (info: GPUDeviceLostInfo) => void = () => {};

  /** `whenGone` is called once, with a sentence, when the device is lost or destroyed. */
  constructor(gpu: GPUDevice, whenGone: (why: string) => void) {
    this.#gpu = gpu;
    this.#whenGone = whenGone;
    gpu.lost.then(({ reason, message }) => {
      const said = message.trim().replace(/\.$/, '');
      this.#end(`The device was lost (${reason}): ${said}. Open another one.`);
    });
    const destroyed = new Promise<GPUDeviceLostInfo>((resolve) => {
      this.#tellDestroyed = resolve;
    });
    this.lost = Promise.race([gpu.lost, destroyed]);
    this.#onUncaptured = (event) => {
      event.preventDefault();
      const code = event.error.constructor.name === 'GPUOutOfMemoryError' ? 'out-of-memory' : 'device';
      const message = `The device refused an operation: ${event.error.message.trim()}`;
      this.#pending.push(new LockstepError(code, message));
    };
    gpu.addEventListener('uncapturederror', this.#onUncaptured);
  }

  #end(why: string): void {
    if (this.#gone !== undefined) return;
    this.#gone = why;
    this.#whenGone(why);
  }

  /** Whether the device is lost or destroyed. */
  get gone(): boolean {
    return this.#gone !== undefined;
  }

  /** The device was destroyed: nothing is expected of it from here on. */
  destroyed(): void {
    this.#gpu.removeEventListener('uncapturederror', this.#onUncaptured);
    this.#end(DESTROYED);
    this.#gone = DESTROYED; // also of a device that was lost before
    this.#tellDestroyed({ reason: 'destroyed', message: 'destroy() was called.' } as GPUDeviceLostInfo);
  }

  /** Throws what went wrong since the last check. */
  check(): void {
    if (this.#gone !== undefined) throw new LockstepError('device-lost', this.#gone);
    // A failed creation makes later calls fail, whose errors WebGPU may report first. Throw the error of the creation.
    const reason = this.#pending.find(({ code }) => code !== 'device');
    if (!reason && this.#untold.size > 0) return;
    const first = reason ?? this.#pending[0];
    this.#pending = [];
    if (first) throw first;
  }

  /** Takes the outcome of a creation: an error, if it failed. */
  watch(outcome: Promise<LockstepError | undefined>): void {
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

  /** Waits until the outcome of every creation so far is told, and then throws as {@link check} does. */
  async checkAll(): Promise<void> {
    await Promise.all(this.#untold);
    this.check();
  }

  /**
   * Why something failed: the loss of the device, or an error that WebGPU told about something before it; else the
   * failure itself.
   */
  async reasonOf(failure: unknown): Promise<unknown> {
    if (failure instanceof LockstepError) return failure;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, LOSS_TOLD_MS);
    });
    await Promise.race([this.lost, late]).finally(() => clearTimeout(timer));
    try {
      await this.checkAll();
    } catch (reason) {
      return reason;
    }
    return failure;
  }

  /** Calls `wait`; what it rejects with becomes an error that says why. `what`: as in "Reading 4 bytes". */
  async explain<T>(what: string, wait: () => Promise<T>): Promise<T> {
    try {
      return await wait();
    } catch (failure) {
      const reason = await this.reasonOf(failure);
      if (reason instanceof LockstepError) throw reason;
      throw new LockstepError('device', `${what} failed: ${(reason as Error).message}`, { cause: failure });
    }
  }
}
