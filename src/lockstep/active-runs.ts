/** Keeps the runs that train, and chooses those that have a turn in the next chunk. The pacer decides how long a chunk is. */
import type { Cohort } from './cohort.js';
import type { Pacer } from './pacer.js';
import type { Run, RunTurn } from './run.js';
import { spread } from './spread.js';

export class ActiveRuns implements Iterable<Run> {
  #runs: Run[] = [];

  get size(): number {
    return this.#runs.length;
  }

  [Symbol.iterator](): Iterator<Run> {
    return this.#runs[Symbol.iterator]();
  }

  /** Whether all runs, at least one, wait for a pause. */
  get allWait(): boolean {
    return this.#runs.length > 0 && this.#runs.every((run) => run.waits);
  }

  add(run: Run): void {
    this.#runs.push(run);
  }

  /** Drops the runs that have ended. */
  prune(): void {
    this.#runs = this.#runs.filter((run) => !run.ended);
  }

  /** The turns of the next chunk, by cohort; empty if no run has both steps left and batches for them. */
  turns(pacer: Pacer): Map<Cohort, RunTurn[]> {
    const turns = new Map<Cohort, RunTurn[]>();
    const ready = this.#runs.filter((run) => run.ready);
    if (ready.length === 0) return turns;
    const wanted = pacer.chunk(ready.length);
    const taken = this.#take(ready, wanted);
    for (const cohort of new Set(taken.map((run) => run.cohort))) {
      const runs = taken.filter((run) => run.cohort === cohort);
      const most = Math.min(wanted.steps, cohort.stepsFor(runs.length));
      turns.set(
        cohort,
        spread(
          runs.map((run) => run.turn(most)),
          ({ steps }) => steps,
        ),
      );
    }
    return turns;
  }

  /** Takes as many runs as have `runSteps` steps together. The others come first next time. */
  #take(ready: readonly Run[], { steps, runSteps }: ReturnType<Pacer['chunk']>): Run[] {
    let left = runSteps;
    const taken = ready.filter((run) => {
      if (left <= 0) return false;
      left -= run.stepsWithin(steps);
      return true;
    });
    if (taken.length < ready.length) {
      const these = new Set(taken);
      this.#runs = [...this.#runs.filter((run) => !these.has(run)), ...taken];
    }
    return taken;
  }
}
