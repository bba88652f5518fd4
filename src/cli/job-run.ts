/**
 * One job of `bench` under way: its display, its log, and what came out so far, for an interrupt can come at any moment.
 */
import type { CurvePoint } from '../bench/curves.js';
import type { Evaluation } from '../bench/evaluate.js';
import type { Fingerprint } from '../bench/fingerprint.js';
import type { ResultFiles } from '../bench/result-store.js';
import { type RunResult, type Summary, summarize } from '../bench/summary.js';
import { configName } from '../bench/task.js';
import type { Device } from '../gpu/device.js';
import { printable } from '../platform/printable.js';
import type { BenchFlags, Job } from './bench-flags.js';
import { LogWriter } from './log-writer.js';
import { out } from './outlets.js';
import { type Progress, showProgress, silent } from './progress.js';
import type { Row } from './results-table.js';

export class JobRun {
  readonly job: Job;
  /** Whether the files of a complete evaluation are written, or were. */
  filesDone = false;
  readonly points: CurvePoint[] = [];
  readonly #flags: BenchFlags;
  readonly #results: RunResult[] = [];
  readonly #kernels = new Set<string>();
  readonly #progress: Progress;
  #log: LogWriter | undefined;
  #strategy: string;
  /** What the evaluation is made of; undefined while its strategy has not been asked. */
  #fingerprint: () => Fingerprint | undefined = () => undefined;
  #begin = Number.NaN;
  #seconds: number | undefined;

  /** @param running Which function of a strategy is running, for the display. */
  constructor(job: Job, flags: BenchFlags, running?: () => string | undefined) {
    this.job = job;
    this.#flags = flags;
    this.#strategy = job.strategy;
    const title = `${printable(job.strategy, 200)} ${configName(job.task)}`;
    this.#progress = flags.quiet ? silent : showProgress({ title, ...job.task, running }, process.stderr);
  }

  /** @param files Where checkpoints go; without it, none are made. */
  async train(
    evaluation: Evaluation,
    device: Device,
    signal: AbortSignal,
    files: ResultFiles | undefined,
  ): Promise<void> {
    const { checkpointSeconds, kernel } = this.#flags;
    this.#begun(evaluation);
    this.#begin = performance.now();
    signal.addEventListener('abort', () => this.#progress.close(), { once: true });
    const checkpoints = files ? { checkpointSeconds } : {};
    for await (const event of evaluation.train(device, { signal, kernel, ...checkpoints })) {
      if (this.#seconds !== undefined) return; // the grace is over
      if (event.type === 'plan') this.#kernels.add(event.kernel);
      // Also those that ran before the checkpoint that this goes on from.
      if (event.type === 'end') for (const name of event.summary.kernels) this.#kernels.add(name);
      if (event.type === 'checkpoint') await files?.checkpoint(event.checkpoint);
      if (event.type === 'window') this.points.push(event);
      if (event.type === 'run') this.#results.push(event.result);
      this.#progress.note(event);
      this.#log?.note(event);
    }
  }

  /** The log begins when all input is found to be good. */
  #begun(evaluation: Evaluation): void {
    this.#strategy = evaluation.strategy;
    this.#fingerprint = () => evaluation.fingerprint(this.#flags.kernel);
    if (this.#flags.log) this.#log = new LogWriter(this.job.task, out);
  }

  /** Takes over what an earlier process has computed, instead of {@link train}. */
  recall(evaluation: Evaluation, { kernels, results }: Summary): void {
    this.#begun(evaluation);
    for (const kernel of kernels) this.#kernels.add(kernel);
    for (const { secret_index, order_index, steps, test_accuracy, non_finite } of results) {
      const result: RunResult = {
        secretIndex: secret_index,
        orderIndex: order_index,
        steps,
        testAccuracy: test_accuracy,
        nonFinite: non_finite,
      };
      this.#results.push(result);
      this.#progress.note({ type: 'run', result });
      this.#log?.note({ type: 'run', result });
    }
  }

  /** Stops the clock and takes the display away. A second call does nothing. */
  end(): void {
    if (this.#seconds !== undefined) return;
    this.#seconds = Number.isNaN(this.#begin) ? 0 : (performance.now() - this.#begin) / 1000;
    this.#progress.close();
    this.#log?.end(this.row().summary);
  }

  get hasResults(): boolean {
    return this.#results.length > 0;
  }

  row(): Row {
    const { task } = this.job;
    const complete = this.#results.length === task.secrets * task.orders;
    const summary = summarize(
      this.#strategy,
      task,
      this.#flags.seed,
      this.#results,
      complete,
      [...this.#kernels],
      this.#fingerprint(),
    );
    return { config: configName(task), summary, seconds: this.#seconds ?? 0 };
  }
}
