/**
 * How many steps the next chunk should have, and how long a submitted chunk will take: from the time that the last
 * ones took. Results do not depend on it.
 */

/**
 * Chunks this long keep a GPU's watchdog and a browser's page content; a CPU driver has neither, and there loading
 * and storing the weights of a hundred runs, once a chunk, takes up to 0.1 s.
 */
export const TARGET_MS = { gpu: 50, cpu: 800 };
/** A chunk is at most so many times as long as the one before: the first, of one step, says little. */
const GROWTH = 8;
/** Steps of the first chunk that counts. The one before, a single step, includes the driver's compiling. */
const FIRST_STEPS = 4;
/** Weight of a newly measured chunk in the running mean. */
const NEWEST = 0.4;
/**
 * A wait this short, in ms or as a share of the chunk's time, means that the chunk was done before; when is not known.
 * The share matters after the host was busy with other things: the map of a chunk that was done long ago takes a
 * millisecond or two, and the host's time must not be taken for the device's.
 */
const NO_WAIT_MS = 0.5;
const NO_WAIT_SHARE = 0.02;
/** What the estimate shrinks by then, and by which power more for each time in a row. */
const SHRINK = 0.95;

export class Pacer {
  readonly #target: number;
  #msPerStep: number | undefined;
  #lastSteps = 1;
  #chunks = 0;
  /** Steps, over all runs, submitted and not found done. */
  #queued = 0;
  #lastDone = 0;
  /** Chunks in a row that were done before they were waited for: the ends of those are not known. */
  #missed = 1;

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
    const due = Math.max(start, this.#lastDone) + runSteps * (this.#msPerStep ?? 0);
    return Math.max(0, due - now);
  }

  /** Notes that a chunk submitted at `start` was found done at `now`, after a wait of `waitedMs`. */
  finished(start: number, runSteps: number, now: number, waitedMs: number): void {
    const begin = Math.max(start, this.#lastDone);
    const beginKnown = this.#missed === 0 || start >= this.#lastDone;
    const ms = (now - begin) / runSteps;
    this.#lastDone = now;
    this.#queued -= runSteps;
    this.#chunks++;
    if (this.#chunks === 1) return;
    const known = this.#msPerStep ?? ms;
    if (waitedMs < Math.max(NO_WAIT_MS, NO_WAIT_SHARE * (now - begin))) {
      this.#missed++;
      this.#msPerStep = Math.min(ms, known * SHRINK ** this.#missed);
    } else {
      this.#missed = 0;
      if (beginKnown) this.#msPerStep = known + NEWEST * (ms - known);
    }
  }
}
