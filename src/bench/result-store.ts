/**
 * Reads and writes the files of one evaluation in `--output-dir`: results of earlier commands, checkpoints during training, and
 * the JSON and the picture at the end. The files' content is made by summary-file.ts, checkpoint-file.ts and curves.ts.
 */
import { LockstepError } from '../platform/errors.js';
import { checkpointBytes, checkpointOf } from './checkpoint-file.js';
import { type CurvePoint, drawCurves } from './curves.js';
import type { Evaluation } from './evaluate.js';
import type { Evaluated, EvaluationFiles } from './evaluation-files.js';
import type { EvaluationCheckpoint } from './events.js';
import { KeptCheckpoint } from './kept-checkpoint.js';
import type { ResultFolder } from './result-folder.js';
import { refuseFile } from './seal.js';
import type { Summary } from './summary.js';
import { summaryIn, summaryText } from './summary-file.js';
import { configName } from './task.js';

/** The files of one evaluation, `LABEL_seedSEED.json`, `.svg` and `.checkpoint`. */
export class ResultFiles implements EvaluationFiles {
  readonly #folder: ResultFolder;
  readonly #kernel: string;
  readonly #names: Record<'json' | 'svg', string>;
  readonly #checkpoint: KeptCheckpoint;

  constructor(folder: ResultFolder, stem: string, kernel: string) {
    this.#folder = folder;
    this.#kernel = kernel;
    this.#names = { json: `${stem}.json`, svg: `${stem}.svg` };
    this.#checkpoint = new KeptCheckpoint(folder, `${stem}.checkpoint`);
  }

  /**
   * Looks for the files of earlier processes. Returns the summary if the evaluation is complete; otherwise makes the evaluation
   * resume from the checkpoint, if there is one.
   *
   * @throws LockstepError `bad-input` that names a file that is damaged or of another evaluation.
   */
  async earlier(evaluation: Evaluation): Promise<Summary | undefined> {
    const { files } = this.#folder;
    const { json, svg } = this.#names;
    const [text, saved] = await this.#folder.reading(() =>
      Promise.all([files.read(json), this.#checkpoint.read()]),
    );
    const summary =
      text && summaryIn(files.path(json), text.toString('utf8'), evaluation.fingerprint(this.#kernel));
    // A process that ended between JSON and picture has left a checkpoint, from which the picture can be drawn.
    if (
      summary?.complete &&
      (!saved || (await this.#folder.reading(() => files.modified(svg))) !== undefined)
    ) {
      if (saved) await this.#checkpoint.end();
      return summary;
    }
    if (saved) this.#resume(evaluation, checkpointOf<EvaluationCheckpoint>(this.#checkpoint.path, saved));
    return undefined;
  }

  #resume(evaluation: Evaluation, checkpoint: EvaluationCheckpoint): void {
    try {
      evaluation.resume(checkpoint, this.#kernel);
    } catch (cause) {
      if (!(cause instanceof LockstepError)) throw cause;
      const reason = `cannot be used: ${cause.message.replace(/\.$/, '')}`;
      throw refuseFile(this.#checkpoint.path, reason, cause);
    }
  }

  /** Replaces the checkpoint. */
  async checkpoint(checkpoint: EvaluationCheckpoint): Promise<void> {
    await this.#checkpoint.replace(checkpointBytes(checkpoint));
  }

  /**
   * Writes the picture and the JSON of a complete evaluation, then removes the checkpoint. In this order, a process that is
   * killed in between leaves what the next one needs. If one of them cannot be written, a checkpoint with all results stays
   * for `--resume`.
   *
   * @returns Paths that were written.
   */
  async finish(evaluation: Evaluated, summary: Summary): Promise<string[]> {
    this.#checkpoint.tellLost();
    const title = `${summary.strategy} ${configName(evaluation.task)}, ${summary.metrics.num_runs} runs`;
    const drawn = await this.#draw(title, evaluation.windows);
    const written = await this.#write('json', summaryText(summary));
    const all = drawn === 'failed' || !written ? evaluation.snapshot() : undefined;
    await this.#checkpoint.end(all && checkpointBytes(all));
    if (drawn === 'failed' && written) await this.#tellLostCurves();
    return [...(written ? [this.#path('json')] : []), ...(drawn === 'written' ? [this.#path('svg')] : [])];
  }

  /** A complete JSON without a checkpoint is left alone by `--resume`. */
  async #tellLostCurves(): Promise<void> {
    if (await this.#checkpoint.read().catch(() => undefined)) return;
    this.#folder.remark(
      `warning: ${this.#path('json')} is complete, but nothing is left to draw its curves from. Delete it and start again, if they are wanted`,
    );
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
    this.#checkpoint.tellLost();
    const canResume = await this.#saveSnapshot(evaluation);
    if (await this.#isBetter(evaluation, summary)) return { paths: [], canResume };
    const written = await this.#write('json', summaryText(summary));
    return { paths: written ? [this.#path('json')] : [], canResume };
  }

  /** Returns whether there is a checkpoint now. */
  async #saveSnapshot(evaluation: Evaluation | undefined): Promise<boolean> {
    try {
      const bytes = await this.#checkpoint.read();
      const last = bytes && checkpointOf<EvaluationCheckpoint>(this.#checkpoint.path, bytes);
      const now = evaluation?.snapshot(last);
      if (now && now.results.length > (last?.results.length ?? 0))
        await this.#checkpoint.write(checkpointBytes(now));
      return last !== undefined || (now?.results.length ?? 0) > 0;
    } catch (error) {
      this.#folder.addFailure(this.#checkpoint.path, error);
      return false;
    }
  }

  /** Whether the existing JSON has, or could have, as many runs of the evaluation. */
  async #isBetter(evaluation: Evaluation | undefined, { results }: Summary): Promise<boolean> {
    const { files } = this.#folder;
    try {
      const text = (await files.read(this.#names.json))?.toString('utf8');
      if (text === undefined || !evaluation) return text !== undefined;
      const there = summaryIn(this.#path('json'), text, evaluation.fingerprint(this.#kernel));
      return there.results.length >= results.length;
    } catch {
      return false; // damaged, or of another evaluation: nothing to keep
    }
  }

  async #draw(title: string, points: readonly CurvePoint[]): Promise<'written' | 'failed' | 'none'> {
    let svg: string;
    try {
      svg = await drawCurves(title, points);
    } catch (error) {
      if (error instanceof LockstepError) {
        this.#folder.remark(error.message); // no vega: nothing has failed
        return 'none';
      }
      this.#folder.addFailure(this.#path('svg'), error);
      return 'failed';
    }
    return (await this.#write('svg', svg)) ? 'written' : 'failed';
  }

  async #write(kind: 'json' | 'svg', content: string): Promise<boolean> {
    try {
      await this.#folder.files.write(this.#names[kind], content);
      return true;
    } catch (error) {
      this.#folder.addFailure(this.#path(kind), error);
      return false;
    }
  }

  #path(kind: 'json' | 'svg'): string {
    return this.#folder.files.path(this.#names[kind]);
  }
}
