/**
 * Keeps what went wrong on a device until the library can throw it. WebGPU reports validation and memory errors after the
 * call that caused them, and the loss of the device a few turns of the event loop after the failures that the loss causes.
 */
import { LockstepError } from '../platform/errors.js';

/** A loss is reported within this time after the failures that it causes. Without a report, there was no loss. */
const LOSS_REPORTED_MS = 200;

/** What errors say of a device after `destroy()`. */
const DESTROYED = 'The device was destroyed, by destroy(); open another one.';

export class Faults {
  /** Resolves when the device is lost or destroyed; never rejects. */
  readonly lost: Promise<GPUDeviceLostInfo>;
  readonly #gpu: GPUDevice;
  readonly #whenGone: (why: string) => void;
  /** Errors that WebGPU has reported and that are not thrown yet. */
  #reported: LockstepError[] = [];
  /** Creations (buffers, pipelines) of which it is not known yet whether they failed. */
  readonly #open = new Set<Promise<void>>();
  /** Why the device is no longer there. */
  #gone: string | undefined;
  #resolveLost: (info: GPUDeviceLostInfo) => void = () => {};

  /** `whenGone` is called once, with the reason in a sentence, when the device is lost or destroyed. */
  constructor(gpu: GPUDevice, whenGone: (why: string) => void) {
    this.#gpu = gpu;
    this.#whenGone = whenGone;
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
    gpu.lost.then((info) => {
      const message = info.message.trim().replace(/\.$/, '');
      this.#end(info, `The device was lost (${info.reason}): ${message}. Open another one.`);
    });
    gpu.addEventListener('uncapturederror', this.#onUncaptured);
  }

  readonly #onUncaptured = (event: GPUUncapturedErrorEvent): void => {
    event.preventDefault();
    const code = event.error.constructor.name === 'GPUOutOfMemoryError' ? 'out-of-memory' : 'device';
    const message = `The device refused an operation: ${event.error.message.trim()}`;
    this.#reported.push(new LockstepError(code, message));
  };

  #end(info: GPUDeviceLostInfo, why: string): void {
    this.#resolveLost(info);
    if (this.#gone !== undefined) return;
    this.#gone = why;
    this.#whenGone(why);
  }

  /** Whether the device is lost or destroyed. */
  get gone(): boolean {
    return this.#gone !== undefined;
  }

  /** The device was destroyed: no error of it is reported from here on. */
  destroyed(): void {
    this.#gpu.removeEventListener('uncapturederror', this.#onUncaptured);
    this.#end({ reason: 'destroyed', message: 'destroy() was called.' } as GPUDeviceLostInfo, DESTROYED);
    this.#gone = DESTROYED; // also where the device was lost before
  }

  /** Throws what went wrong since the last check. */
  check(): void {
    if (this.#gone !== undefined) throw new LockstepError('device-lost', this.#gone);
    // A failed creation makes later calls fail, and WebGPU may report their errors first. The creation's error is thrown.
    const cause = this.#reported.find(({ code }) => code !== 'device');
    if (!cause && this.#open.size > 0) return;
    const first = cause ?? this.#reported[0];
    this.#reported = [];
    if (first) throw first;
  }

  /** Takes the outcome of a creation: an error, if it failed. */
  watch(outcome: Promise<LockstepError | undefined>): void {
    const known = outcome.then(
      (error) => {
        this.#open.delete(known);
        if (error) this.#reported.push(error);
      },
      () => {
        this.#open.delete(known); // the device is gone, which `lost` reports
      },
    );
    this.#open.add(known);
  }

  /** Waits until the outcome of every creation so far is known, and then throws as {@link check} does. */
  async checkAll(): Promise<void> {
    await Promise.all(this.#open);
    this.check();
  }

  /** The reason of a failure: the loss of the device or an error that WebGPU reported before it, else the failure itself. */
  async reasonOf(failure: unknown): Promise<unknown> {
    if (failure instanceof LockstepError) return failure;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, LOSS_REPORTED_MS);
    });
    await Promise.race([this.lost, late]).finally(() => clearTimeout(timer));
    try {
      await this.checkAll();
    } catch (reason) {
      return reason;
    }
    return failure;
  }

  /**
   * Calls `wait`, and turns what it rejects with into an error that gives the reason.
   *
   * @param what The beginning of the message, as "Reading 4 bytes".
   */
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
