/**
 * Admits runs: takes the next one from the source, opens a cohort for it if there is none, and puts it into a slot. Training
 * never waits for runs that are not ready. active-runs.ts decides which runs train when.
 */
import { span } from '../platform/host-spans.js';
import type { AcceptedRun } from './accept-run.js';
import type { ActiveRuns } from './active-runs.js';
import type { BatchSettings, BatchSource } from './batches/drawn.js';
import type { Cohort } from './cohort.js';
import type { Cohorts } from './cohorts.js';
import { liveWeights } from './live-columns.js';
import type { Settings } from './options.js';
import { Run } from './run.js';
import type { RunSource } from './run-source.js';
import type { Slot } from './slots.js';
import type { LockstepEvent } from './types.js';

/** Admitting runs (uploads, the first draw of an order) pauses after this long, so that the admitted ones can train. */
const ADMIT_MS = 50;
/** How long to wait for the next run, as a share of the time for which the device has work. */
const ADMIT_SHARE = 0.5;

export class Admission {
  readonly #settings: Settings;
  readonly #source: RunSource;
  readonly #cohorts: Cohorts;
  readonly #openBatches: (settings: BatchSettings) => BatchSource;

  constructor(
    settings: Settings,
    source: RunSource,
    cohorts: Cohorts,
    openBatches: (settings: BatchSettings) => BatchSource,
  ) {
    this.#settings = settings;
    this.#source = source;
    this.#cohorts = cohorts;
    this.#openBatches = openBatches;
  }

  /**
   * Admits the runs that are there, and those that come while the device is busy.
   *
   * @param busyMs How long the device has work; Infinity if nothing trains, so that waiting costs nothing.
   * @returns A `plan` event for each kernel that was compiled for them.
   */
  async *admit(active: ActiveRuns, busyMs: number): AsyncGenerator<LockstepEvent> {
    const start = performance.now();
    const patience = Math.min(ADMIT_MS, ADMIT_SHARE * busyMs);
    while (performance.now() - start < ADMIT_MS) {
      const run = this.#source.peek();
      if (!run) {
        const left = start + patience - performance.now();
        if (this.#source.ended || !(await this.#source.arrives(left))) return;
        continue;
      }
      const columns = this.#cohorts.columnsOf(run.dataset);
      let cohort = this.#cohorts.get(columns.length);
      if (!cohort) {
        cohort = await span('compile', 'open a cohort', () => this.#cohorts.open(columns.length));
        yield planEvent(cohort);
      }
      const slot = cohort.slots.take();
      if (slot === undefined) return;
      this.#source.take();
      const place = cohort;
      active.add(span('data', 'admit a run', () => this.#start(run, columns, place, slot)));
    }
  }

  /** Whether the next run is there, and there is a place for it. */
  get isDue(): boolean {
    const run = this.#source.peek();
    if (!run) return false;
    const cohort = this.#cohorts.get(this.#cohorts.columnsOf(run.dataset).length);
    return !cohort || cohort.slots.hasFree;
  }

  #start(accepted: AcceptedRun, columns: Uint16Array, cohort: Cohort, slot: Slot): Run {
    const { dataset, weights, checkpoint } = accepted;
    const placement = cohort.banks.acquire(dataset, columns);
    const place = { cohort, slot, placement };
    const run = new Run(accepted, place, this.#settings, this.#openBatches);
    slot.load(run.optimizer.hypers, checkpoint ?? liveWeights(weights, this.#settings.features, columns));
    return run;
  }
}

function planEvent({ plan, kernelName, shape }: Cohort): LockstepEvent {
  const { slots, note } = plan;
  return { type: 'plan', kernel: kernelName, features: shape.features, runsAtOnce: slots, note };
}
