/**
 * The state of an evaluation under way: results, windows, and where unfinished runs stand. It passes runs to the trainer,
 * translates the trainer's events, and makes the checkpoints from which a later process resumes. checkpoint-file.ts turns
 * them into files.
 */

import type { LockstepEvent, LockstepRun, RunCheckpoint } from '../lockstep/types.js';
import type { DatasetFacts, EvaluationCheckpoint, EvaluationEvent, WindowPoint } from './events.js';
import { differences, type Fingerprint } from './fingerprint.js';
import type { RunResult } from './summary.js';
import type { Task } from './task.js';

/** A run of an evaluation, as it begins. */
export interface PlacedRun {
  secret: number;
  order: number;
  run: Omit<LockstepRun, 'checkpoint'>;
}

/** The state of one evaluation under way. */
export class EvaluationState {
  readonly #results: RunResult[];
  readonly #kernels: Set<string>;
  readonly #fingerprint: () => Fingerprint;
  readonly #orders: number;
  readonly #datasets: DatasetFacts[];
  readonly #windows: WindowPoint[];
  /** Runs that resume from a checkpoint and have not been passed to the trainer yet, by run number. */
  readonly #resumed: Map<number, RunCheckpoint>;
  readonly #stepsBefore: number;
  /** Run number, secret x orders + order, of each run in the order in which the trainer got them. */
  readonly #handedOut: number[] = [];

  /**
   * @param fingerprint Gives the evaluation's fingerprint, which changes as datasets are made.
   * @param resume A checkpoint of the same evaluation.
   */
  constructor(task: Task, fingerprint: () => Fingerprint, resume?: EvaluationCheckpoint) {
    this.#fingerprint = fingerprint;
    this.#orders = task.orders;
    const { kernels = [], datasets = [], results = [], windows = [], runs = [] } = resume ?? {};
    this.#kernels = new Set(kernels);
    this.#datasets = [...datasets];
    this.#results = [...results];
    this.#windows = [...windows];
    this.#resumed = new Map(
      runs.map(({ secret, order, checkpoint }) => [this.#number(secret, order), checkpoint]),
    );
    this.#stepsBefore = [...results, ...runs.map(({ checkpoint }) => checkpoint)].reduce(
      (sum, { steps }) => sum + steps,
      0,
    );
  }

  #number(secret: number, order: number): number {
    return secret * this.#orders + order;
  }

  get results(): readonly RunResult[] {
    return this.#results;
  }

  /** All windows that have closed, in that order. */
  get windows(): readonly WindowPoint[] {
    return this.#windows;
  }

  get fingerprint(): Fingerprint {
    return this.#fingerprint();
  }

  /** Training kernels that ran. */
  get kernels(): readonly string[] {
    return [...this.#kernels];
  }

  /** The events before the checkpoint again, for displays and logs. */
  *before(): Generator<EvaluationEvent> {
    for (const facts of this.#datasets) yield { type: 'dataset', ...facts };
    yield* this.#windows;
    for (const result of this.#results) yield { type: 'run', result };
    if (this.#stepsBefore > 0)
      yield { type: 'progress', steps: this.#stepsBefore, running: this.#resumed.size };
  }

  /** The event of a training set that is ready; none where the checkpoint had it. */
  announce(facts: DatasetFacts): EvaluationEvent[] {
    if (this.#datasets.some(({ secret }) => secret === facts.secret)) return [];
    this.#datasets.push(facts);
    return [{ type: 'dataset', ...facts }];
  }

  /** Those of a secret's runs, by order, that have no result yet. */
  runsLeft(secret: number, orders: readonly number[]): number[] {
    const done = new Set(this.#results.filter((r) => r.secretIndex === secret).map((r) => r.orderIndex));
    return orders.filter((o) => !done.has(o));
  }

  /** The runs for the trainer, which numbers them in this order: from their beginning or from the checkpoint. */
  async *handOut(runs: AsyncIterable<PlacedRun>): AsyncGenerator<LockstepRun> {
    for await (const { secret, order, run } of runs) {
      const number = this.#number(secret, order);
      const checkpoint = this.#resumed.get(number);
      this.#resumed.delete(number);
      this.#handedOut.push(number);
      yield { ...run, checkpoint };
    }
  }

  /** Secret and order of a run number: the inverse of {@link #number}. */
  #place(run: number): { secret: number; order: number } {
    return { secret: Math.floor(run / this.#orders), order: run % this.#orders };
  }

  /** The evaluation's event for an event of the trainer; undefined where there is none. */
  translate(event: LockstepEvent): EvaluationEvent | undefined {
    switch (event.type) {
      case 'plan':
        this.#kernels.add(event.kernel);
        return event;
      case 'lost':
      case 'recovered':
        return event;
      case 'progress':
        return { ...event, steps: this.#stepsBefore + event.steps };
      case 'window': {
        const { step, loss, accuracy } = event;
        const point = {
          type: 'window' as const,
          ...this.#place(this.#handedOut[event.run]),
          step,
          loss,
          accuracy,
        };
        this.#windows.push(point);
        return point;
      }
      case 'checkpoint':
        return { type: 'checkpoint', checkpoint: this.#checkpoint(event.runs) };
      case 'finish':
        return event.reason === 'aborted' ? undefined : { type: 'run', result: this.#result(event) };
    }
  }

  #result(event: Extract<LockstepEvent, { type: 'finish' }>): RunResult {
    const { secret, order } = this.#place(this.#handedOut[event.run]);
    const { steps, testAccuracy } = event;
    const nonFinite = event.reason === 'non-finite' ? { nonFinite: true } : {};
    const result = { secretIndex: secret, orderIndex: order, steps, testAccuracy, ...nonFinite };
    this.#results.push(result);
    return result;
  }

  /**
   * A checkpoint between two that the trainer made: finished runs, and the other runs as in `last`.
   *
   * @param last The last checkpoint; without it, runs that have not finished begin anew.
   */
  snapshot(last?: EvaluationCheckpoint): EvaluationCheckpoint {
    const done = new Set(this.#results.map((r) => this.#number(r.secretIndex, r.orderIndex)));
    const fingerprint = this.#fingerprint();
    const ours = last && differences(last.fingerprint, fingerprint).length === 0 ? last.runs : [];
    const runs = ours.filter(({ secret, order }) => !done.has(this.#number(secret, order)));
    return this.#checkpointWith(runs);
  }

  /** Runs that were resumed but not passed to the trainer yet stand where they stood. */
  #checkpoint(runs: readonly { run: number; checkpoint: RunCheckpoint }[]): EvaluationCheckpoint {
    const waiting = [...this.#resumed].map(([run, checkpoint]) => ({ ...this.#place(run), checkpoint }));
    const underWay = runs.map(({ run, checkpoint }) => ({
      ...this.#place(this.#handedOut[run]),
      checkpoint,
    }));
    return this.#checkpointWith([...waiting, ...underWay]);
  }

  /** Windows of the runs that come after their checkpoints are left out, as they will come again. */
  #checkpointWith(runs: EvaluationCheckpoint['runs']): EvaluationCheckpoint {
    const done = new Set(this.#results.map((r) => this.#number(r.secretIndex, r.orderIndex)));
    const stepsOf = new Map(runs.map((r) => [this.#number(r.secret, r.order), r.checkpoint.steps]));
    const windows = this.#windows.filter(({ secret, order, step }) => {
      const run = this.#number(secret, order);
      return done.has(run) || step <= (stepsOf.get(run) ?? 0);
    });
    const [kernels, datasets, results] = [[...this.#kernels], [...this.#datasets], [...this.#results]];
    return { fingerprint: this.#fingerprint(), kernels, datasets, results, windows, runs };
  }
}
