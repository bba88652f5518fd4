/**
 * How many steps the next chunk should have, and how long a submitted chunk will take: from the time that the last
 * ones took. Results do not depend on it.
 */

/** Chunks this long keep a GPU's watchdog and a browser's page content; a CPU driver has neither. */
const TARGET_MS = { gpu: 50, cpu: 250 };
/** A chunk is at most so many times as long as the one before: the first, of one step, says little. */
const GROWTH = 8;
/** Steps of the first chunk that counts. The one before, a single step, includes the driver's compiling. */
const FIRST_STEPS = 4;
/** Weight of the newest chunk in the running mean. */
const NEWEST = 0.5;

export class Pacer {
  readonly #target: number;
  #msPerStep: number | undefined;
  #lastSteps = 1;
  #warm = false;
  /** When the device will be done with what was submitted, by the host's clock. */
  #busyUntil = 0;
  #lastDone = 0;

  constructor(isCpu: boolean) {
    this.#target = isCpu ? TARGET_MS.cpu : TARGET_MS.gpu;
  }

  /** Steps for each of `runs` runs. */
  steps(runs: number): number {
    if (this.#msPerStep === undefined) return FIRST_STEPS;
    const wanted = Math.floor(this.#target / (this.#msPerStep * runs));
    return Math.max(1, Math.min(wanted, GROWTH * this.#lastSteps));
  }

  /** Notes a submit of `runSteps` steps, over all runs, at time `now`; returns how long until it is done. */
  submitted(now: number, steps: number, runSteps: number): number {
    this.#lastSteps = steps;
    this.#busyUntil = Math.max(now, this.#busyUntil) + runSteps * (this.#msPerStep ?? 0);
    return this.#busyUntil - now;
  }

  /** How long until the device is done with what was submitted. */
  remaining(now: number): number {
    return Math.max(0, this.#busyUntil - now);
  }

  /** Notes that a chunk submitted at `start` was found done at `now`. */
  finished(start: number, now: number, runSteps: number): void {
    const since = Math.max(start, this.#lastDone);
    this.#lastDone = now;
    if (!this.#warm) {
      this.#warm = true;
      return;
    }
    const ms = (now - since) / runSteps;
    this.#msPerStep = this.#msPerStep === undefined ? ms : this.#msPerStep + NEWEST * (ms - this.#msPerStep);
  }
}
