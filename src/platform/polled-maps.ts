/**
 * Maps buffers without leaving Dawn for Node to poll. While a map is pending, Dawn polls on the main thread without a pause,
 * which takes a core away from a device that computes on the CPU. Here a buffer is mapped only now and then, for a moment, and
 * of several buffers only the one with the oldest work: no other can be ready before it. When Dawn for Node no longer polls, a
 * plain `mapAsync` will do.
 */

/** The share of the expected time that is slept before the first look: half, as the guess may be twice too long. */
const SLEEP_SHARE = 0.5;
/**
 * The fewest turns of the event loop that a look takes. A map of finished work resolves in the first turn (60 of 60 times, on
 * a loaded machine too). In case it ever needs more, looks get longer: by this share of the time by which work is overdue.
 */
const LOOK_TURNS = 2;
const LOOK_SHARE = 0.005;
/** How long the first look polls without a pause, unless the work was expected to take ten times as long. */
const PATIENCE_MS = 3;
/** The pause between two looks: a share of the time waited so far, up to a limit. */
const PAUSE_SHARE = 0.1;
const LONGEST_PAUSE_MS = 50;

/** What a wait rejects with when its buffer is freed. */
export const freedError = ({ label }: GPUBuffer): Error =>
  new Error(`"${label}" was freed while it was waited for.`);

/** Sleeps for a part of the expected time. */
export async function sleepBefore(expectedMs = 0): Promise<void> {
  const ms = expectedMs * SLEEP_SHARE;
  if (ms >= 1) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** A buffer that is waited for. Times are milliseconds by `performance.now()`. */
interface Waiting {
  buffer: GPUBuffer;
  bytes: number;
  submitted: number;
  /** Since when it is the oldest: pauses grow with the time since then. */
  since: number;
  /** When twice the expected time is over: looks grow with the time since then. */
  overdue: number;
  /** How long the first look polls at least. */
  patienceMs: number;
  /** When it is looked at next. */
  next: number;
  /** When it was first looked at. */
  first?: number;
  done(waitedMs: number): void;
  fail(error: unknown): void;
}

/** The buffers of one device that the host waits for. */
export class PolledMaps {
  readonly #begin: (buffer: GPUBuffer, bytes: number) => Promise<void>;
  /** Oldest work first. */
  readonly #waiting: Waiting[] = [];
  #running = false;
  #wake = () => {};

  /** `begin` calls `mapAsync` for the first `bytes` bytes of a buffer. */
  constructor(begin: (buffer: GPUBuffer, bytes: number) => Promise<void>) {
    this.#begin = begin;
  }

  /**
   * Maps the first `bytes` bytes of a buffer when its work is done, which is noticed late, by up to a tenth of the time waited.
   * A look maps the buffer, and unmaps it again if that does not resolve at once, which the specification allows (WebGPU,
   * `GPUBuffer.unmap`: a pending map is rejected).
   *
   * @param expectedMs How long the work before it probably takes.
   * @param submitted When it was submitted.
   * @returns Milliseconds from the first look to the end.
   * @throws What `mapAsync` rejects with, unless that was caused by the unmap here.
   */
  map(buffer: GPUBuffer, bytes: number, expectedMs = 0, submitted = performance.now()): Promise<number> {
    const since = performance.now();
    const next = since + expectedMs * SLEEP_SHARE;
    const overdue = since + 2 * expectedMs;
    const patienceMs = expectedMs > 10 * PATIENCE_MS ? 0 : PATIENCE_MS;
    return new Promise((done, fail) => {
      const one = { buffer, bytes, submitted, since, next, overdue, patienceMs, done, fail };
      const behind = this.#waiting.findIndex((other) => other.submitted > submitted);
      this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, one);
      this.#wake();
      if (!this.#running) this.#run();
    });
  }

  /** Ends the wait for a buffer that is about to be destroyed: it rejects, and the buffer is not looked at again. */
  stop(buffer: GPUBuffer): void {
    const one = this.#waiting.find((waiting) => waiting.buffer === buffer);
    if (!one) return;
    this.#end(one);
    one.fail(freedError(buffer));
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

  /** Sleeps for so long, or until another buffer is waited for, whose work may be older. */
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
      if (await this.#mapWithin(one, ms)) one.done(performance.now() - one.first);
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

  /** Whether a map resolves within `ms` milliseconds, or {@link LOOK_TURNS} if that is longer. If not, it is taken back. */
  async #mapWithin({ buffer, bytes }: Waiting, ms: number): Promise<boolean> {
    let settled = false;
    const map = this.#begin(buffer, bytes).finally(() => {
      settled = true;
    });
    map.catch(() => {}); // thrown below, unless the unmap here is the cause
    const start = performance.now();
    for (let turns = 0; turns < LOOK_TURNS || performance.now() - start < ms; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (settled) return map.then(() => true);
    }
    buffer.unmap();
    return false;
  }
}
