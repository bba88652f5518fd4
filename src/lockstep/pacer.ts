/**
 * Estimates from the times of the last chunks how many steps the next one should have, of each run and in all, and how long
 * a submitted chunk will take. Results do not depend on it.
 */

/**
 * How long a chunk should take. On a GPU that is short, for the watchdog and for a browser's page. A CPU driver has
 * neither, and there loading and storing the weights of a hundred runs, once a chunk, takes up to 0.1 s.
 */
export const TARGET_MS = { gpu: 50, cpu: 1000 };
/**
 * With many runs on a CPU driver, a chunk of all of them would have only a few steps, and loading and storing weights
 * would take as long as training. So the runs take turns: a chunk takes as many runs as can have this many steps
 * each, a window of the default length, and at least this many runs, so that every core has some.
 */
const IN_TURNS = { steps: 250, runs: 64 };
/** On a GPU a chunk has one step of this many runs, however long that takes: with fewer, a part of the GPU would stand idle. */
const GPU_RUNS = 256;
/** The most by which a chunk may be larger than those before, because the first ones tell little. */
const GROWTH = 8;
/**
 * Steps of each run in the first chunk that counts. The chunk before it, a single step, includes the driver's
 * compiling.
 */
const FIRST_STEPS = { gpu: 1, cpu: 4 };
/** How much the chunks so far still count after the next one: half a dozen of them matter. */
const KEPT = 0.5;
/**
 * A chunk that is found done this soon after the first look, in ms or as a share of its time, was done earlier, and
 * nobody knows when. The share matters after the host was busy with other things: mapping the buffer of a chunk that
 * was done long ago takes a millisecond or two, and the host's time must not be taken for the device's.
 */
const NO_WAIT_MS = 0.8;
const NO_WAIT_SHARE = 0.02;
/**
 * In that case the estimate for a CPU driver shrinks by this factor, unless the time that went by bounds it lower. For a GPU
 * it stays, or else chunks could grow as long as the host is busy, and a watchdog could fire.
 */
const SHRINK = 0.9;

export class Pacer {
  readonly #isCpu: boolean;
  /** Time and steps, over all runs, of the chunks measured. Older chunks and short ones count less. */
  #ms = 0;
  #steps = 0;
  /** Steps, over all runs, of the largest chunk submitted. */
  #largest = 1;
  #chunks = 0;
  /** Steps, over all runs, submitted and not found done. */
  #queued = 0;
  #lastDone = 0;
  /**
   * Whether the end of the last chunk is known, and with it the beginning of a chunk that was submitted before that
   * end.
   */
  #endKnown = false;

  constructor(isCpu: boolean) {
    this.#isCpu = isCpu;
  }

  /** Milliseconds for a step; 0 if nothing was measured yet. */
  get #msPerStep(): number {
    return this.#steps > 0 ? this.#ms / this.#steps : 0;
  }

  /**
   * The most steps that each run should have in a chunk, and the steps of all together. If `ready` runs have more,
   * some wait for the next chunk.
   */
  chunk(ready: number): { steps: number; runSteps: number } {
    const fitting = Math.floor(this.#fitting(ready));
    const turn = this.#isCpu
      ? Math.max(IN_TURNS.runs, Math.floor(fitting / IN_TURNS.steps))
      : Math.max(GPU_RUNS, fitting);
    const runs = Math.min(ready, turn);
    return { steps: Math.max(1, Math.floor(fitting / runs)), runSteps: Math.max(runs, fitting) };
  }

  /** Steps, of all runs together, that take as long as a chunk should. */
  #fitting(ready: number): number {
    if (this.#steps === 0)
      return this.#isCpu ? FIRST_STEPS.cpu * Math.min(ready, IN_TURNS.runs) : FIRST_STEPS.gpu * ready;
    const fitting = (this.#isCpu ? TARGET_MS.cpu : TARGET_MS.gpu) / this.#msPerStep;
    return Math.min(fitting, GROWTH * this.#largest);
  }

  /** Notes that a chunk was sent, with this many steps of all runs together. */
  submitted(runSteps: number): void {
    this.#largest = Math.max(this.#largest, runSteps);
    this.#queued += runSteps;
  }

  /** How long until the device has done all that was submitted, in milliseconds. */
  remaining(now: number): number {
    return Math.max(0, this.#lastDone + this.#queued * this.#msPerStep - now);
  }

  /** How long until the oldest chunk that was not found done yet is done, in milliseconds. */
  expected(start: number, runSteps: number, now: number): number {
    return Math.max(0, Math.max(start, this.#lastDone) + runSteps * this.#msPerStep - now);
  }

  /** Notes that a chunk sent at `start` was found done at `now`, `waitedMs` after the first look. */
  finished(start: number, runSteps: number, now: number, waitedMs: number): void {
    const begin = Math.max(start, this.#lastDone);
    const beginKnown = this.#endKnown || start >= this.#lastDone;
    const ms = now - begin;
    this.#lastDone = now;
    this.#queued -= runSteps;
    this.#endKnown = waitedMs >= Math.max(NO_WAIT_MS, NO_WAIT_SHARE * ms);
    if (this.#chunks++ === 0) return;
    if (this.#endKnown && (beginKnown || this.#steps === 0)) {
      this.#ms = KEPT * this.#ms + ms;
      this.#steps = KEPT * this.#steps + runSteps;
    } else if (!this.#endKnown) this.#shrink((beginKnown || this.#isCpu ? ms : now - start) / runSteps);
  }

  /** Notes that a chunk took at most `most` milliseconds for a step. */
  #shrink(most: number): void {
    if (this.#steps === 0) this.#steps = 1;
    else most = Math.min(most, (this.#isCpu ? SHRINK : 1) * this.#msPerStep);
    this.#ms = most * this.#steps;
  }
}
