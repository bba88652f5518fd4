/**
 * Chooses between the two schedules of the kernel (step.wgsl.ts), which give the same bits: times `batched` against `persistent`
 * while runs train, and goes on with the faster. Which one that is depends on the adapter, on the networks and on how many runs
 * are under way, and WebGPU does not tell how many workgroups a GPU works on at once.
 */
import type { Schedule } from '../../../shaders/network/step.wgsl.js';

/** A trial compiles a kernel: it is made only where training will probably take this much longer. */
const WORTH_MS = 10_000;
/** Chunks by the schedule in use before it is compared. The first ones are short, and say little. */
const SETTLED = 5;
/** Chunks of a trial: in the first one the driver may still compile. */
const TRIAL = 2;
/** Another trial is made when runs under way are no more than this part of those at the last one. */
const FEWER = 0.5;

export class ScheduleChoice {
  readonly #isTried: boolean;
  #current: Schedule;
  /** Chunks of the trial that are left; 0 outside of one. */
  #left = 0;
  #chunks = 0;
  /** Milliseconds for a unit of work, of the schedule in use. */
  #cost = 0;
  /** Runs under way at the last trial. */
  #tried = Number.POSITIVE_INFINITY;

  /**
   * @param wanted The schedule that the caller asked for; `auto` chooses.
   * @param isCpu Whether the adapter computes on the CPU: there a workgroup for each run keeps all cores busy.
   */
  constructor(wanted: 'auto' | Schedule, isCpu: boolean) {
    this.#current = wanted === 'auto' ? 'persistent' : wanted;
    this.#isTried = wanted === 'auto' && !isCpu;
  }

  /** Whether the next chunk is one of a trial: then a short one will do. */
  get isTrial(): boolean {
    return this.#left > 0;
  }

  /** The schedule of the next chunk, as things stand. */
  get schedule(): Schedule {
    return this.isTrial ? otherThan(this.#current) : this.#current;
  }

  /**
   * The schedule of the next chunk, which may begin a trial.
   *
   * @param runs How many runs are under way.
   * @param leftMs How long their training will probably take.
   */
  next(runs: number, leftMs: number): Schedule {
    const isDue = this.#chunks >= SETTLED && runs <= FEWER * this.#tried && leftMs > WORTH_MS;
    if (this.#isTried && this.#left === 0 && isDue) {
      this.#left = TRIAL;
      this.#tried = runs;
    }
    return this.schedule;
  }

  /** Takes the time of the chunk that `next` was asked for. */
  took(work: number, ms: number): void {
    const cost = ms / work;
    if (!this.isTrial) {
      this.#chunks++;
      this.#cost = cost;
      return;
    }
    this.#left--;
    if (this.#left > 0 || cost >= this.#cost) return;
    this.#current = otherThan(this.#current);
    this.#chunks = 0;
    this.#cost = cost;
  }
}

const otherThan = (schedule: Schedule): Schedule => (schedule === 'batched' ? 'persistent' : 'batched');
