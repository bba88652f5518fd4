/**
 * Waits until a buffer can be read on the host, without taking CPU time from the device. While a map is awaited, Dawn for Node
 * polls on the main thread without a pause, and so takes a core from an adapter that computes on the CPU. For such adapters,
 * only the buffer of the oldest work is checked, now and then, as no other can be done earlier.
 */
import { checkNumber } from '../platform/arguments.js';
import { span } from '../platform/host-spans.js';
import { checkOptionNames } from '../platform/options.js';
import { hasDawnAddOn } from '../platform/platform.js';
import type { DeviceInfo } from './device-info.js';
import { MAP_MODE_READ } from './usage.js';

/** Options of {@link Device.read} and {@link Device.sync}. */
export interface WaitOptions {
  /** How long the work before it probably takes, in milliseconds. A guess saves a few polls. Default 0. */
  expectedMs?: number;
  /** When the work was submitted, by `performance.now()`: what is older is looked at first. Default: now. */
  submitted?: number;
}

/** Throws for options of other names, and for times that are none. */
export function checkWaitOptions(where: string, options: WaitOptions): void {
  checkOptionNames(where, options, ['expectedMs', 'submitted']);
  const { expectedMs, submitted } = options;
  if (expectedMs !== undefined) checkNumber(where, 'expectedMs', expectedMs, { min: 0 });
  if (submitted !== undefined) checkNumber(where, 'submitted', submitted);
}

/** Share of the expected time that is slept before the first look: half, so that the guess may be twice too long. */
const SLEEP_SHARE = 0.5;
/**
 * Turns of the event loop that one look takes at least. A map of work that is done resolves in the first one (60 of 60, on
 * a loaded machine too). Should it ever not, looks that grow find it: by a share of the time since twice the expected one.
 */
const LOOK_TURNS = 2;
const LOOK_SHARE = 0.005;
/** Work that is done after so long is waited for without a pause, unless it was expected to take ten times as long. */
const PATIENCE_MS = 3;
/** Pause between two looks, as a share of the time waited so far, and at most. */
const PAUSE_SHARE = 0.1;
const LONGEST_PAUSE_MS = 50;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Sleeps for a part of the expected time. */
export async function sleepBefore({ expectedMs = 0 }: WaitOptions): Promise<void> {
  const ms = expectedMs * SLEEP_SHARE;
  if (ms >= 1) await sleep(ms);
}

/**
 * `mapAsync` for reading, of the first `bytes` bytes. On a CPU adapter of Dawn's add-on it looks now and then: maps, and unmaps
 * again when that does not resolve at once, which the specification allows (WebGPU, `GPUBuffer.unmap`: a pending map
 * is rejected). Found late by a tenth of the time waited; the cores are the driver's meanwhile. It can become
 * a plain `mapAsync` when Dawn for Node waits without polling.
 *
 * @returns Milliseconds from the first look to the end.
 * @throws What `mapAsync` rejects with, where that is not our own unmap.
 */
export function mapWhenDone(
  buffer: GPUBuffer,
  bytes: number,
  info: DeviceInfo,
  options: WaitOptions = {},
): Promise<number> {
  return span('wait', `map ${buffer.label}`, async () => {
    if (info.isCpu && hasDawnAddOn()) return looksAt(info).until(buffer, bytes, options);
    const start = performance.now();
    await buffer.mapAsync(MAP_MODE_READ, 0, bytes);
    return performance.now() - start;
  });
}

/** Ends the wait for a buffer that is about to be destroyed: it rejects, and the buffer is not looked at again. */
export function stopWaiting(buffer: GPUBuffer, info: DeviceInfo): void {
  looks.get(info)?.stop(buffer);
}

const looks = new WeakMap<DeviceInfo, Looks>();

function looksAt(info: DeviceInfo): Looks {
  const these = looks.get(info) ?? new Looks();
  looks.set(info, these);
  return these;
}

interface Waiting {
  buffer: GPUBuffer;
  bytes: number;
  submitted: number;
  /** Since when nothing older is waited for: pauses grow with the time since then. */
  since: number;
  /** When it should have been done for long: looks grow with the time since then. */
  overdue: number;
  /** How long the first look polls at least. */
  patienceMs: number;
  /** When it is to be looked at next, and was first. */
  next: number;
  first?: number;
  done(waitedMs: number): void;
  fail(error: unknown): void;
}

/** The looks at what one device is to finish. */
class Looks {
  /** Oldest work first. */
  readonly #waiting: Waiting[] = [];
  #running = false;
  #wake = () => {};

  until(buffer: GPUBuffer, bytes: number, { expectedMs = 0, submitted }: WaitOptions): Promise<number> {
    const now = performance.now();
    return new Promise((done, fail) => {
      const next = now + expectedMs * SLEEP_SHARE;
      const overdue = now + 2 * expectedMs;
      const patienceMs = expectedMs > 10 * PATIENCE_MS ? 0 : PATIENCE_MS;
      const one = {
        buffer,
        bytes,
        submitted: submitted ?? now,
        since: now,
        next,
        overdue,
        patienceMs,
        done,
        fail,
      };
      const behind = this.#waiting.findIndex((other) => other.submitted > one.submitted);
      this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, one);
      this.#wake();
      if (!this.#running) this.#run();
    });
  }

  stop(buffer: GPUBuffer): void {
    const one = this.#waiting.find((waiting) => waiting.buffer === buffer);
    if (!one) return;
    this.#end(one);
    one.fail(new Error(`"${buffer.label}" was freed while it was waited for.`));
    this.#wake();
  }

  #end(one: Waiting): void {
    const at = this.#waiting.indexOf(one);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    if (this.#waiting.length > 0) this.#waiting[0].since = performance.now();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let one = this.#waiting[0]; one; one = this.#waiting[0]) {
      const early = one.next - performance.now();
      if (early >= 1) await this.#pause(early);
      else await this.#look(one);
    }
    this.#running = false;
  }

  /** Sleeps so long, or until something else is waited for, which may be older. */
  async #pause(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  async #look(one: Waiting): Promise<void> {
    const now = performance.now();
    const ms =
      one.first === undefined ? one.patienceMs : LOOK_SHARE * (now - Math.max(one.since, one.overdue));
    one.first ??= now;
    try {
      if (await mapWithin(one.buffer, one.bytes, ms)) one.done(performance.now() - one.first);
      else {
        const waited = performance.now() - one.since;
        one.next = performance.now() + Math.min(LONGEST_PAUSE_MS, Math.max(1, PAUSE_SHARE * waited));
        return;
      }
    } catch (error) {
      one.fail(error);
    }
    this.#end(one);
  }
}

/** Whether a map resolves within so many milliseconds, or {@link LOOK_TURNS}; if not it is taken back. */
async function mapWithin(buffer: GPUBuffer, bytes: number, ms: number): Promise<boolean> {
  let settled = false;
  const map = buffer.mapAsync(MAP_MODE_READ, 0, bytes).finally(() => {
    settled = true;
  });
  map.catch(() => {}); // thrown below where it is not our own unmap
  const start = performance.now();
  for (let turns = 0; turns < LOOK_TURNS || performance.now() - start < ms; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (settled) return map.then(() => true);
  }
  buffer.unmap();
  return false;
}
