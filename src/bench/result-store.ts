/**
 * Reads and writes the files of `--output-dir`: results of earlier commands, checkpoints during training, and the JSON and the
 * picture at the end. A file that cannot be written causes a warning and never ends the training. The files' content is made
 * by summary-file.ts, checkpoint-file.ts and curves.ts.
 */
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { checkpointBytes, checkpointOf } from './checkpoint-file.js';
import { type CurvePoint, drawCurves } from './curves.js';
import type { Evaluation, TrainOptions } from './evaluate.js';
import type { EvaluationCheckpoint } from './events.js';
import { PatientFiles, type PatientOptions } from './patient-files.js';
import { checkStems, stemOf } from './result-files.js';
import { ResultLock } from './result-lock.js';
import { refuseFile } from './seal.js';
import type { Summary } from './summary.js';
import { summaryIn, summaryText } from './summary-file.js';
import { configName } from './task.js';

interface StoreOptions extends PatientOptions {
  /** Called with each warning, one line. */
  warn(line: string): void;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The folder, locked for some evaluations. */
export class ResultStore {
  readonly files: PatientFiles;
  readonly #warn: (line: string) => void;
  readonly #locks: ResultLock[] = [];
  /** Files that could not be written. */
  failures = 0;

  private constructor(folder: string, { warn, ...options }: StoreOptions) {
    this.files = new PatientFiles(folder, options);
    this.#warn = warn;
  }

  /**
   * Makes the folder if need be, locks the files of each label, and removes temporary files of killed processes. Writing the
   * locks shows that the folder can be written.
   *
   * @throws LockstepError `bad-input` if the folder cannot be written, a name is too long, or another process has the lock.
   */
  static async open(
    folder: string,
    labels: readonly string[],
    seed: number,
    options: StoreOptions,
  ): Promise<ResultStore> {
    const stems = labels.map((label) => stemOf(label, seed));
    checkStems(stems);
    const store = new ResultStore(folder, options);
    try {
      await store.files.makeFolder();
      for (const stem of stems) store.#locks.push(await ResultLock.acquire(store.files, `${stem}.lock`));
      await store.files.removeParts(stems);
      return store;
    } catch (cause) {
      await store.close();
      if (cause instanceof LockstepError) throw cause;
      const reason = messageOf(cause);
      throw new LockstepError(
        'bad-input',
        `--output-dir ${printable(folder, 300)}: nothing can be written there (${reason}).`,
        { cause },
      );
    }
  }

  /** The files of one evaluation. */
  of(label: string, { seed, kernel }: { seed: number; kernel: TrainOptions['kernel'] }): ResultFiles {
    return new ResultFiles(this, stemOf(label, seed), kernel);
  }

  /** Prints a remark, which is not a failure. */
  remark(line: string): void {
    this.#warn(line);
  }

  /** Warns of a file that could not be written, and counts it. */
  addFailure(what: string, error: unknown): void {
    this.failures++;
    this.#warn(`warning: ${what} cannot be written: ${printable(messageOf(error), 500)}`);
  }

  /** Removes the locks. */
  async close(): Promise<void> {
    for (const lock of this.#locks.splice(0)) await lock.release().catch(() => {}); // a lock that stays is taken over later
  }
}

/** The files of one evaluation, `LABEL_seedSEED.json`, `.svg` and `.checkpoint`. */
export class ResultFiles {
  readonly #store: ResultStore;
  readonly #kernel: TrainOptions['kernel'];
  readonly #names: Record<'json' | 'svg' | 'checkpoint', string>;
  #lostCheckpoints = 0;

  constructor(store: ResultStore, stem: string, kernel: TrainOptions['kernel']) {
    this.#store = store;
    this.#kernel = kernel;
    this.#names = { json: `${stem}.json`, svg: `${stem}.svg`, checkpoint: `${stem}.checkpoint` };
  }

  /**
   * Looks for the files of earlier processes. Returns the summary if the evaluation is complete; otherwise makes the evaluation
   * resume from the checkpoint, if there is one.
   *
   * @throws LockstepError `bad-input` that names a file that is damaged or of another evaluation.
   */
  async earlier(evaluation: Evaluation): Promise<Summary | undefined> {
    const { files } = this.#store;
    const { json, svg, checkpoint } = this.#names;
    const [text, saved] = await this.#reading(() => Promise.all([files.read(json), files.read(checkpoint)]));
    const summary =
      text && summaryIn(files.path(json), text.toString('utf8'), evaluation.fingerprint(this.#kernel));
    // A process that ended between JSON and picture has left a checkpoint, from which the picture can be drawn.
    if (summary?.complete && (!saved || (await this.#reading(() => files.modified(svg))) !== undefined)) {
      if (saved) await files.remove(checkpoint).catch(() => {});
      return summary;
    }
    if (saved) this.#resume(evaluation, checkpointOf(files.path(checkpoint), saved));
    return undefined;
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    return read().catch((cause) => {
      const folder = printable(this.#store.files.folder, 300);
      throw new LockstepError(
        'bad-input',
        `--output-dir ${folder}: --resume cannot read (${messageOf(cause)}).`,
        {
          cause,
        },
      );
    });
  }

  #resume(evaluation: Evaluation, checkpoint: EvaluationCheckpoint): void {
    try {
      evaluation.resume(checkpoint, this.#kernel);
    } catch (cause) {
      if (!(cause instanceof LockstepError)) throw cause;
      const reason = `cannot be used: ${cause.message.replace(/\.$/, '')}`;
      throw refuseFile(this.#store.files.path(this.#names.checkpoint), reason, cause);
    }
  }

  /** Replaces the checkpoint. The first failure is a warning, later ones are only counted. */
  async checkpoint(checkpoint: EvaluationCheckpoint): Promise<void> {
    try {
      await this.#store.files.write(this.#names.checkpoint, checkpointBytes(checkpoint));
    } catch (error) {
      if (this.#lostCheckpoints++ > 0) this.#store.failures++;
      else this.#store.addFailure(`${this.#path('checkpoint')} (training goes on)`, error);
    }
  }

  /**
   * Writes the picture and the JSON of a complete evaluation, then removes the checkpoint. In this order, a process that is
   * killed in between leaves what the next one needs. If one of them cannot be written, a checkpoint with all results stays
   * for `--resume`.
   *
   * @returns Paths that were written.
   */
  async finish(evaluation: Evaluation, summary: Summary): Promise<string[]> {
    const { files } = this.#store;
    this.#tellLostCheckpoints();
    const title = `${summary.strategy} ${configName(evaluation.task)}, ${summary.metrics.num_runs} runs`;
    const drawn = await this.#draw(title, evaluation.windows);
    const written = await this.#write('json', summaryText(summary));
    const all = drawn === 'failed' || !written ? evaluation.snapshot() : undefined;
    const { checkpoint } = this.#names;
    await (all ? files.write(checkpoint, checkpointBytes(all)) : files.remove(checkpoint)).catch(
      () => {}, // the failure was reported already, and a checkpoint too many does no harm
    );
    return [...(written ? [this.#path('json')] : []), ...(drawn === 'written' ? [this.#path('svg')] : [])];
  }

  /**
   * Writes the results of an interrupted evaluation: an incomplete JSON, and a checkpoint with the finished runs and the others
   * as in the last checkpoint. A JSON of an earlier command with as many runs or more stays.
   *
   * @param evaluation Undefined if the interrupt came before it was prepared.
   * @returns The paths that were written, and whether `--resume` has a checkpoint to go on from.
   */
  async interrupted(
    evaluation: Evaluation | undefined,
    summary: Summary,
  ): Promise<{ paths: string[]; canResume: boolean }> {
    this.#tellLostCheckpoints();
    const canResume = await this.#saveSnapshot(evaluation);
    if (await this.#isBetter(evaluation, summary)) return { paths: [], canResume };
    const written = await this.#write('json', summaryText(summary));
    return { paths: written ? [this.#path('json')] : [], canResume };
  }

  /** Returns whether there is a checkpoint now. */
  async #saveSnapshot(evaluation: Evaluation | undefined): Promise<boolean> {
    const { files } = this.#store;
    const name = this.#names.checkpoint;
    try {
      const bytes = await files.read(name);
      const last = bytes && checkpointOf(files.path(name), bytes);
      const now = evaluation?.snapshot(last);
      if (now && now.results.length > (last?.results.length ?? 0))
        await files.write(name, checkpointBytes(now));
      return last !== undefined || (now?.results.length ?? 0) > 0;
    } catch (error) {
      this.#store.addFailure(this.#path('checkpoint'), error);
      return false;
    }
  }

  /** Whether the existing JSON has, or could have, as many runs of the evaluation. */
  async #isBetter(evaluation: Evaluation | undefined, { results }: Summary): Promise<boolean> {
    const { files } = this.#store;
    try {
      const text = (await files.read(this.#names.json))?.toString('utf8');
      if (text === undefined || !evaluation) return text !== undefined;
      const there = summaryIn(this.#path('json'), text, evaluation.fingerprint(this.#kernel));
      return there.results.length >= results.length;
    } catch {
      return false; // damaged, or of another evaluation: nothing to keep
    }
  }

  #tellLostCheckpoints(): void {
    if (this.#lostCheckpoints > 1)
      this.#store.remark(`warning: ${this.#lostCheckpoints} checkpoints in all could not be written`);
    this.#lostCheckpoints = 0;
  }

  async #draw(title: string, points: readonly CurvePoint[]): Promise<'written' | 'failed' | 'none'> {
    let svg: string;
    try {
      svg = await drawCurves(title, points);
    } catch (error) {
      if (error instanceof LockstepError) {
        this.#store.remark(error.message); // no vega: nothing has failed
        return 'none';
      }
      this.#store.addFailure(this.#path('svg'), error);
      return 'failed';
    }
    return (await this.#write('svg', svg)) ? 'written' : 'failed';
  }

  async #write(kind: 'json' | 'svg', content: string): Promise<boolean> {
    try {
      await this.#store.files.write(this.#names[kind], content);
      return true;
    } catch (error) {
      this.#store.addFailure(this.#path(kind), error);
      return false;
    }
  }

  #path(kind: 'json' | 'svg' | 'checkpoint'): string {
    return this.#store.files.path(this.#names[kind]);
  }
}
