/**
 * What the caller of a training has been told of its runs. After a loss of the device some steps are trained a second time, and some
 * runs to the same end: no event comes twice, but for a pause whose decisions were lost. recovery.ts does all the rest.
 */

export interface RunStep {
  readonly run: number;
  readonly step: number;
}

export class Reported {
  /** The last step of each run that was told, by kind of event. */
  readonly #steps = new Map<string, number>();
  readonly #finished = new Set<number>();
  /** A pause that is to be told once more if the device is lost before the next checkpoint. */
  #unsaved: readonly RunStep[] = [];

  /** Whether no event of this kind was told of the run for this step or a later one. From now on one was. */
  isNew(kind: string, { run, step }: RunStep): boolean {
    const key = `${kind} ${run}`;
    if (step <= (this.#steps.get(key) ?? -1)) return false;
    this.#steps.set(key, step);
    return true;
  }

  /** Whether this is the first that the caller hears of the run's end. */
  isFirstEnd(run: number): boolean {
    const isFirst = !this.#finished.has(run);
    this.#finished.add(run);
    return isFirst;
  }

  hasFinished(run: number): boolean {
    return this.#finished.has(run);
  }

  /** Whether a checkpoint has to come next. */
  get waitsForCheckpoint(): boolean {
    return this.#unsaved.length > 0;
  }

  /** What came of this pause is in no checkpoint yet. */
  unsaved(pause: readonly RunStep[]): void {
    this.#unsaved = pause;
  }

  /** A checkpoint has come. */
  saved(): void {
    this.#unsaved = [];
  }

  /** The device was lost. The caller is asked again about the runs of a pause that is in no checkpoint, about all or none. */
  lost(): void {
    for (const { run, step } of this.#unsaved) this.#steps.set(`pause ${run}`, step - 1);
    this.#unsaved = [];
  }
}
