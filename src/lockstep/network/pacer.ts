/** How many steps a chunk of networks should have, from the time that the last ones took. Results do not depend on it. */

/** Chunks this long keep a GPU's watchdog and a browser's page content; a CPU driver has neither. */
const TARGET_MS = { gpu: 50, cpu: 400 };
/** A chunk does at most so many times the work of the largest before: the first ones say little. */
const GROWTH = 8;
/** What remains of the chunks so far when the next is counted. */
const KEPT = 0.5;

export class NetworkPacer {
  readonly #targetMs: number;
  #ms = 0;
  #work = 0;
  #largest = 0;

  constructor(isCpu: boolean) {
    this.#targetMs = isCpu ? TARGET_MS.cpu : TARGET_MS.gpu;
  }

  /** Steps of a chunk each of which is so much work; 1 where nothing was measured. */
  steps(work: number): number {
    if (this.#work === 0) return this.#largest === 0 ? 1 : 4;
    const fitting = (this.#targetMs * this.#work) / this.#ms;
    return Math.max(1, Math.floor(Math.min(fitting, GROWTH * this.#largest) / work));
  }

  /** Milliseconds that so much work will take, as far as is known. */
  expected(work: number): number {
    return this.#work === 0 ? 0 : (work * this.#ms) / this.#work;
  }

  /** Notes what a chunk took. The first one, in which the driver compiles, does not count. */
  took(work: number, ms: number): void {
    const isFirst = this.#largest === 0;
    this.#largest = Math.max(this.#largest, work);
    if (isFirst) return;
    this.#ms = KEPT * this.#ms + ms;
    this.#work = KEPT * this.#work + work;
  }
}
