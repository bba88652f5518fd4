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
/** Share of a chunk's expected time that is slept; the rest is waited for, so that its end is seen when it comes. */
const SLEPT = 0.93;
/** A wait this short (ms, or this share of the chunk) means that the chunk was done before, nobody knows when. */
const NO_WAIT_MS = 0.5;
const NO_WAIT_SHARE = 0.01;
/** What the estimate shrinks by then. */
const SHRINK = 0.7;

export class Pacer {
  readonly #target: number;
  #msPerStep: number | undefined;
  #lastSteps = 1;
  #chunks = 0;
  /** Steps, over all runs, submitted and not found done. */
  #queued = 0;
  #lastDone = 0;
  /** Whether the end of the last chunk was seen when it came. */
  #lastSeen = false;

  constructor(isCpu: boolean) {
    this.#target = isCpu ? TARGET_MS.cpu : TARGET_MS.gpu;
  }

  /** Steps that each of `runs` runs should take in the next chunk. */
  steps(runs: number): number {
    if (this.#msPerStep === undefined) return FIRST_STEPS;
    const wanted = Math.floor(this.#target / (this.#msPerStep * runs));
    return Math.max(1, Math.min(wanted, GROWTH * this.#lastSteps));
  }

  /** Notes a submit: steps of each run at most, and of all runs together. */
  submitted(steps: number, runSteps: number): void {
    this.#lastSteps = steps;
    this.#queued += runSteps;
  }

  /** How long until the device is done with all that was submitted, in milliseconds. */
  remaining(now: number): number {
    return Math.max(0, this.#lastDone + this.#queued * (this.#msPerStep ?? 0) - now);
  }

  /** How long to sleep before waiting for the oldest chunk that is not done. */
  sleep(start: number, runSteps: number, now: number): number {
    const due = Math.max(start, this.#lastDone) + SLEPT * runSteps * (this.#msPerStep ?? 0);
    return Math.max(0, due - now);
  }

  /** Notes that a chunk submitted at `start` was found done at `now`, after a wait of `waitedMs`. */
  finished(start: number, runSteps: number, now: number, waitedMs: number): void {
    const begin = Math.max(start, this.#lastDone);
    const beginKnown = this.#lastSeen || start >= this.#lastDone;
    const ms = (now - begin) / runSteps;
    this.#lastDone = now;
    this.#queued -= runSteps;
    this.#chunks++;
    if (this.#chunks === 1) return;
    const known = this.#msPerStep ?? ms;
    this.#lastSeen = waitedMs >= Math.max(NO_WAIT_MS, NO_WAIT_SHARE * (now - begin));
    if (!this.#lastSeen) this.#msPerStep = Math.min(ms, known * SHRINK);
    else if (beginKnown) this.#msPerStep = known + NEWEST * (ms - known);
  }
}
