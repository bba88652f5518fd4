/**
 * One job of `bench` while it runs: its display, its log, its clock. The results so far are the evaluation's, as an interrupt
 * can come at any moment.
 */
import type { Evaluation, TrainOptions } from '../bench/evaluate.js';
import type { Course, EvaluationFiles } from '../bench/evaluation-files.js';
import type { Job } from '../bench/jobs.js';
import { type Summary, summarize } from '../bench/summary.js';
import { configName } from '../bench/task.js';
import type { Device } from '../gpu/device.js';
import type { LostEvent } from '../lockstep/recovery-types.js';
import { printable } from '../platform/printable.js';
import { shardText } from '../platform/shard.js';
import type { BenchFlags } from './bench-flags.js';
import { LogWriter } from './log-writer.js';
import { out } from './outlets.js';
import { type Progress, showProgress, silent } from './progress.js';
import type { Row } from './results-table.js';

export class JobRun {
  readonly job: Job;
  /** Whether the files of a complete evaluation are written, or were. */
  filesDone = false;
  readonly #flags: BenchFlags;
  readonly #progress: Progress;
  #log: LogWriter | undefined;
  /** The summary as it is now. */
  #summary: () => Summary;
  readonly #lost: LostEvent['reason'][] = [];
  #begin = Number.NaN;
  #seconds: number | undefined;

  /** @param running The function of a strategy that is running, for the display. */
  constructor(job: Job, flags: BenchFlags, running?: () => string | undefined) {
    this.job = job;
    this.#flags = flags;
    this.#summary = () => summarize(job.strategy, job.task, flags.seed, [], false);
    const title = `${printable(job.strategy, 200)} ${configName(job.task)}`;
    const runs = job.part?.runs;
    const hidden = flags.quiet || runs?.length === 0;
    this.#progress = hidden ? silent : showProgress({ title, ...job.task, runs, running }, process.stderr);
  }

  /** @param files Where checkpoints go; without it, none are made. */
  async train(
    evaluation: Evaluation,
    device: Device,
    { signal, recover }: TrainOptions & { signal: AbortSignal },
    files: EvaluationFiles | undefined,
  ): Promise<void> {
    const { checkpointSeconds, kernel } = this.#flags;
    const nothing = this.#summary();
    this.#begun(() => evaluation.summary() ?? nothing);
    this.#begin = performance.now();
    signal.addEventListener('abort', () => this.#progress.close(), { once: true });
    const checkpoints = files ? { checkpointSeconds } : {};
    for await (const event of evaluation.train(device, { signal, recover, kernel, ...checkpoints })) {
      if (this.#seconds !== undefined) return; // the time after an interrupt is over
      if (event.type === 'lost') this.#lost.push(event.reason);
      if (event.type === 'checkpoint') await files?.checkpoint(event.checkpoint, this.course);
      this.#progress.add(event);
      this.#log?.add(event);
    }
  }

  /** Begins the log. Called when all input has been checked. */
  #begun(summary: () => Summary): void {
    this.#summary = summary;
    if (this.#flags.log) this.#log = new LogWriter(this.job.task, out);
  }

  /** Takes over the summary of an earlier process, instead of {@link train}. */
  recall(summary: Summary): void {
    this.#begun(() => summary);
    for (const { secret_index, order_index, steps, test_accuracy, non_finite } of summary.results) {
      const result = {
        secretIndex: secret_index,
        orderIndex: order_index,
        steps,
        testAccuracy: test_accuracy,
        nonFinite: non_finite,
      };
      this.#progress.add({ type: 'run', result });
      this.#log?.add({ type: 'run', result });
    }
  }

  /** Stops the clock and removes the display. Later events are ignored, and so is a second call. */
  end(): void {
    if (this.#seconds !== undefined) return;
    this.#seconds = this.#elapsed;
    this.#progress.close();
    const summary = this.#summary();
    this.#summary = () => summary;
    this.#log?.end(summary);
  }

  /** Seconds since the training began; 0 before. */
  get #elapsed(): number {
    return Number.isNaN(this.#begin) ? 0 : (performance.now() - this.#begin) / 1000;
  }

  get course(): Course {
    return { seconds: this.#seconds ?? this.#elapsed, lost: [...this.#lost] };
  }

  get hasResults(): boolean {
    return this.#summary().results.length > 0;
  }

  row(): Row {
    const config = configName(this.job.task);
    const { part } = this.job;
    const summary = this.#summary();
    const isWhole = part?.runs.length === summary.results.length;
    const covers = isWhole ? `shard ${shardText(part.shard)}; the figures cover its runs` : undefined;
    return { config, summary, ...this.course, covers };
  }
}
