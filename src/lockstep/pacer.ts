/**
 * Estimates from the times of the last chunks how many steps the next one should have, of each run and in all, and how long
 * a submitted chunk will take. Results do not depend on it.
 */

/**
 * Chunks this long keep a GPU's watchdog and a browser's page content; a CPU driver has neither, and there loading
 * and storing the weights of a hundred runs, once a chunk, takes up to 0.1 s.
 */
export const TARGET_MS = { gpu: 50, cpu: 1000 };
/**
 * Where a CPU driver trains so many runs that a chunk of all would be a few steps, and weights would be loaded and stored
 * as long as they are trained, the runs take turns: a chunk takes as many as can have so many steps each, a window of
 * the default length, and these few at least, of which every core has some.
 */
const IN_TURNS = { steps: 250, runs: 64 };
/** The most by which a chunk may be larger than those before, as the first ones tell little. */
const GROWTH = 8;
/** Steps of the first chunk that counts. The one before, a single step, includes the driver's compiling. */
const FIRST_STEPS = 4;
/** What remains of the chunks so far when the next is counted: half a dozen of them matter. */
const KEPT = 0.5;
/**
 * A chunk found done this soon, in ms or as a share of its time, was done before it was looked for; when is not known.
 * The share matters after the host was busy with other things: the map of a chunk that was done long ago takes a
 * millisecond or two, and the host's time must not be taken for the device's.
 */
const NO_WAIT_MS = 0.8;
const NO_WAIT_SHARE = 0.02;
/** What the estimate shrinks by then, where the time that went by does not bound it lower. */
const SHRINK = 0.9;

export class Pacer {
  readonly #isCpu: boolean;
  /** Time and steps, over all runs, of the chunks measured; older ones count less. Short chunks count little. */
  #ms = 0;
  #steps = 0;
  /** Steps, over all runs, of the largest chunk submitted. */
  #largest = 1;
  #chunks = 0;
  /** Steps, over all runs, submitted and not found done. */
  #queued = 0;
  #lastDone = 0;
  /** Whether the end of the last chunk is known, and with it the begin of one that was submitted before that. */
  #endKnown = false;

  constructor(isCpu: boolean) {
    this.#isCpu = isCpu;
  }

  /** 0 where nothing was measured. */
  get #msPerStep(): number {
    return this.#steps > 0 ? this.#ms / this.#steps : 0;
  }

  /**
   * Steps that a chunk should have: of each run at most, and of all together. Where `ready` runs have more, some
   * wait for the next chunk.
   */
  chunk(ready: number): { steps: number; runSteps: number } {
    const fitting = Math.floor(this.#fitting(ready));
    const turn = this.#isCpu ? Math.max(IN_TURNS.runs, Math.floor(fitting / IN_TURNS.steps)) : ready;
    const runs = Math.min(ready, turn);
    return { steps: Math.max(1, Math.floor(fitting / runs)), runSteps: Math.max(runs, fitting) };
  }

  /** Steps of all runs together that take as long as a chunk should. */
  #fitting(ready: number): number {
    if (this.#steps === 0) return FIRST_STEPS * (this.#isCpu ? Math.min(ready, IN_TURNS.runs) : ready);
    const fitting = (this.#isCpu ? TARGET_MS.cpu : TARGET_MS.gpu) / this.#msPerStep;
    return Math.min(fitting, GROWTH * this.#largest);
  }

  /** A chunk was sent: steps of all runs together. */
  submitted(runSteps: number): void {
    this.#largest = Math.max(this.#largest, runSteps);
    this.#queued += runSteps;
  }

  /** How long until the device is done with all that was submitted, in milliseconds. */
  remaining(now: number): number {
    return Math.max(0, this.#lastDone + this.#queued * this.#msPerStep - now);
  }

  /** How long until the oldest chunk that was not found done is done, in milliseconds. */
  expected(start: number, runSteps: number, now: number): number {
    return Math.max(0, Math.max(start, this.#lastDone) + runSteps * this.#msPerStep - now);
  }

  /** A chunk sent at `start` was found done at `now`, `waitedMs` after the first look. */
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
    } else if (!this.#endKnown) this.#shrink(ms / runSteps);
  }

  /** A chunk took at most `most` milliseconds a step. */
  #shrink(most: number): void {
    if (this.#steps === 0) this.#steps = 1;
    else most = Math.min(most, SHRINK * this.#msPerStep);
    this.#ms = most * this.#steps;
  }
}
