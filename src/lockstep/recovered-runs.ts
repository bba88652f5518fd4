/**
 * The runs of a training that may begin several times. Each time, the runs that were begun come first, with their last checkpoints
 * and their numbers, but for those that have finished; then the rest of the caller's iterable. Nothing is trained here.
 */

import { closeRunner, type Runner, type Runs } from './iterables.js';

/** A run that a trainer has taken. */
interface Taken<Run> {
  run: Run;
  /** Its last checkpoint here. */
  checkpoint?: { steps: number };
  /** Steps from its beginning here to its end. */
  finished?: number;
}

export class RecoveredRuns<Run extends { checkpoint?: unknown }> {
  readonly #given: Runs<Run>;
  readonly #keepsEnded: boolean;
  readonly #taken: Taken<Run>[] = [];
  /** Those that have ended since the last checkpoint, and after how many steps. */
  readonly #ended = new Map<number, number>();
  /** Numbers of the runs in the order in which the trainer under way has taken them. */
  #numbers: number[] = [];
  #iterator: Runner<Run> | undefined;
  /** The iterable's next run, from the time it is asked for until a trainer takes it: the trainer that asked may have ended. */
  #asked: Promise<IteratorResult<Run>> | undefined;
  #isEnded = false;
  /** Which trainer is under way, by number. */
  #turn = 0;

  /**
   * @param keepsEnded Whether those that have ended since the last checkpoint are trained a second time with the others, so that runs
   * that wait for their places begin when they did the first time.
   */
  constructor(given: Runs<Run>, keepsEnded: boolean) {
    this.#given = given;
    this.#keepsEnded = keepsEnded;
  }

  /** Whether they come when they like. */
  get areAsync(): boolean {
    return Symbol.asyncIterator in this.#given;
  }

  /** The number of the k-th run that the trainer under way takes. */
  numberOf(k: number): number {
    return this.#numbers[k] ?? k;
  }

  /** Steps of all runs together since the training began, up to their checkpoints and ends. */
  get steps(): number {
    return this.#taken.reduce((sum, { run, checkpoint, finished }) => {
      return sum + (finished ?? (checkpoint ? checkpoint.steps - stepsOf(run) : 0));
    }, 0);
  }

  /** Takes the checkpoints of all runs under way. */
  saved(runs: readonly { run: number; checkpoint: { steps: number } }[]): void {
    for (const { run, checkpoint } of runs) this.#taken[run].checkpoint = checkpoint;
    for (const [number, steps] of this.#ended) this.#letGo(number, steps);
    this.#ended.clear();
  }

  /** The last checkpoint of each run that has one and has not finished, also of one that waits to be trained again. */
  checkpoints(): { run: number; checkpoint: { steps: number } }[] {
    return this.#unfinished().flatMap((number) => {
      const { run, checkpoint = run.checkpoint as { steps: number } | undefined } = this.#taken[number];
      return checkpoint ? [{ run: number, checkpoint }] : [];
    });
  }

  finished(number: number, steps: number): void {
    if (this.#keepsEnded) this.#ended.set(number, steps);
    else this.#letGo(number, steps);
  }

  /** Lets go of the run and its checkpoint. */
  #letGo(number: number, steps: number): void {
    const { run } = this.#taken[number];
    this.#taken[number] = { run: {} as Run, finished: steps - stepsOf(run) };
  }

  /** The runs for a trainer that begins now. A list comes as a list, which trainers check as a whole before they begin. */
  forTrainer(): Runs<Run> {
    this.#turn++;
    this.#ended.clear();
    this.#numbers = [];
    const given = this.#given;
    if (Array.isArray(given)) return this.#list(given);
    if (typeof given !== 'object' || given === null) return given; // refused by the trainer
    const again = this.#unfinished();
    return Symbol.asyncIterator in given ? this.#asynchronous(given, again) : this.#synchronous(given, again);
  }

  #list(list: readonly Run[]): readonly Run[] {
    if (this.#turn === 1) {
      for (const run of list) this.#taken.push({ run });
      return list;
    }
    this.#numbers = this.#unfinished();
    return this.#numbers.map((number) => this.#again(number));
  }

  #unfinished(): number[] {
    return [...this.#taken.keys()].filter((number) => this.#taken[number].finished === undefined);
  }

  #again(number: number): Run {
    const { run, checkpoint } = this.#taken[number];
    return checkpoint ? { ...run, checkpoint } : run;
  }

  #synchronous(given: Iterable<Run>, again: number[]): Iterable<Run> {
    const next = (): IteratorResult<Run> => {
      if (again.length > 0) return { done: false, value: this.#next(again.shift()!) };
      return this.#came((this.#iterator as Iterator<Run>).next());
    };
    return { [Symbol.iterator]: () => this.#open(() => given[Symbol.iterator](), next) };
  }

  #asynchronous(given: AsyncIterable<Run>, again: number[]): AsyncIterable<Run> {
    const turn = this.#turn;
    const next = async (): Promise<IteratorResult<Run>> => {
      if (again.length > 0) return { done: false, value: this.#next(again.shift()!) };
      this.#asked ??= Promise.resolve((this.#iterator as AsyncIterator<Run>).next());
      try {
        const result = await this.#asked;
        if (turn !== this.#turn) return { done: true, value: undefined }; // the next trainer takes it
        return this.#came(result);
      } finally {
        if (turn === this.#turn) this.#asked = undefined;
      }
    };
    return { [Symbol.asyncIterator]: () => this.#open(() => given[Symbol.asyncIterator](), next) };
  }

  /** The iterator for a trainer, whose end is not the end of the caller's; one that is no iterator is for the trainer to refuse. */
  #open<Given extends Runner<Run>, Next>(open: () => Given, next: Next): { next: Next } & Given {
    this.#iterator ??= open();
    const is = typeof this.#iterator === 'object' && typeof this.#iterator?.next === 'function';
    return (is ? { next } : this.#iterator) as { next: Next } & Given;
  }

  #next(number: number): Run {
    this.#numbers.push(number);
    return this.#again(number);
  }

  #came(result: IteratorResult<Run>): IteratorResult<Run> {
    if (result?.done) this.#isEnded = true;
    else if (typeof result === 'object' && result !== null) {
      this.#numbers.push(this.#taken.length);
      this.#taken.push({ run: result.value });
    }
    return result;
  }

  /** No more runs are wanted. */
  async close(): Promise<void> {
    if (this.#isEnded || !this.#iterator) return;
    this.#isEnded = true;
    await closeRunner(this.#iterator, this.#asked !== undefined);
  }
}

/** Of the checkpoint that the caller's run begins with. */
function stepsOf(run: { checkpoint?: unknown }): number {
  return (run?.checkpoint as { steps?: number } | undefined)?.steps ?? 0;
}
