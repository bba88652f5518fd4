/** Chooses how many steps a chunk has, from the time that earlier chunks took. Results do not depend on it. */
import { type Program, trainingFlops } from '../../network/program.js';

/** How long a chunk should take. On a GPU, longer ones would stall a browser's page or wake the driver's watchdog. */
const TARGET_MS = { gpu: 50, cpu: 400 };
/** A chunk has at most this many times the work of the largest one before: the first times say little about later ones. */
const GROWTH = 8;
/** The weight that earlier chunks keep when the time of a new one is added. */
const KEPT = 0.5;

/**
 * The work of a step of a run, in floating-point operations, to compare chunks with each other. Those of the optimizer count more,
 * and each step has a fixed part.
 */
export const workOf = ({ network, batch }: Pick<Program, 'network' | 'batch'>): number =>
  trainingFlops(network, batch) + 40 * network.parameters + 20_000;

/** The work of looking at a batch of an evaluation, which takes no more than the forward pass. */
export const lookWork = ({ network, evaluationBatch: batch }: Program): number =>
  workOf({ network, batch }) / 3;

export class NetworkPacer {
  readonly #isCpu: boolean;
  readonly #targetMs: number;
  #ms = 0;
  #work = 0;
  #largest = 0;

  constructor(isCpu: boolean) {
    this.#isCpu = isCpu;
    this.#targetMs = isCpu ? TARGET_MS.cpu : TARGET_MS.gpu;
  }

  /** Steps that the next chunk should have if each is `work` of work; few where nothing was measured. */
  steps(work: number): number {
    if (this.#work === 0) return this.#largest === 0 ? 1 : 4;
    const fitting = (this.#targetMs * this.#work) / this.#ms;
    return Math.max(1, Math.floor(Math.min(fitting, GROWTH * this.#largest) / work));
  }

  /** The most work of one submit of an evaluation. No watchdog waits for a CPU driver. */
  get mostWork(): number {
    if (this.#isCpu) return Number.POSITIVE_INFINITY;
    const fitting = this.#work === 0 ? 0 : (this.#targetMs * this.#work) / this.#ms;
    return Math.min(Math.max(fitting, this.#largest), GROWTH * this.#largest);
  }

  /** Milliseconds that this work will probably take; 0 where nothing was measured. */
  expected(work: number): number {
    return this.#work === 0 ? 0 : (work * this.#ms) / this.#work;
  }

  /** Takes the time of a chunk. That of the first one does not count, as the driver compiles in it. */
  took(work: number, ms: number): void {
    const isFirst = this.#largest === 0;
    this.#largest = Math.max(this.#largest, work);
    if (isFirst) return;
    this.#ms = KEPT * this.#ms + ms;
    this.#work = KEPT * this.#work + work;
  }
}
