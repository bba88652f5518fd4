/**
 * Runs the jobs of `bench` one after the other: strategies in their threads, progress, logs, files, the table. What is
 * computed is evaluate.ts's.
 */
import {
  hasCheckpoint,
  readCheckpoint,
  removeCheckpoint,
  writeCheckpoint,
} from '../bench/checkpoint-file.js';
import { type CurvePoint, drawCurves } from '../bench/curves.js';
import { Evaluation } from '../bench/evaluate.js';
import type { Fingerprint } from '../bench/fingerprint.js';
import { prepareOutputFolder, resultPath, writeResult } from '../bench/result-files.js';
import { refuseFile } from '../bench/seal.js';
import type { StrategyHost } from '../bench/strategy-host.js';
import { startStrategy } from '../bench/strategy-start.js';
import { type RunResult, type Summary, summarize } from '../bench/summary.js';
import { readComplete, sealedSummary, summaryText } from '../bench/summary-file.js';
import { configName } from '../bench/task.js';
import type { Device } from '../gpu/device.js';
import { openDevice } from '../gpu/open.js';
import { variantNamed } from '../lockstep/kernel-choice.js';
import { LockstepError } from '../platform/errors.js';
import type { BenchFlags, Job } from './bench-flags.js';
import { EXIT } from './failure.js';
import { Interrupt } from './interrupt.js';
import { LogWriter } from './log-writer.js';
import { type Progress, showProgress, silent } from './progress.js';
import { type Row, resultsTable } from './results-table.js';
import { colorsFor } from './style.js';

const out = (line: string) => process.stdout.write(`${line}\n`);
const say = (line: string) => process.stderr.write(`${line}\n`);

/** One thread a strategy, however many configurations it is run on. */
class Hosts {
  readonly #started = new Map<string, Promise<StrategyHost>>();

  get({ strategy, reference }: Job): Promise<StrategyHost> {
    let host = this.#started.get(strategy);
    if (!host) {
      host = startStrategy(reference);
      host.catch(() => {});
      this.#started.set(strategy, host);
    }
    return host;
  }

  close(): void {
    for (const host of this.#started.values()) host.then((started) => started.close()).catch(() => {});
  }
}

/** Everything that bad input can stop happens here, for all jobs, before any training. */
async function prepareAll(jobs: readonly Job[], seed: number, hosts: Hosts): Promise<Evaluation[]> {
  const evaluations: Evaluation[] = [];
  for (const job of jobs) evaluations.push(await Evaluation.prepare(await hosts.get(job), job.task, seed));
  return evaluations;
}

/**
 * @throws LockstepError `bad-input` where the kernel of `--kernel` cannot train one of the jobs here. A dataset may
 * leave features out, and then more might fit: not counted on.
 */
function checkKernel({ kernel }: BenchFlags, jobs: readonly Job[], device: Device): void {
  if (kernel === 'auto') return;
  for (const { task } of jobs) {
    const { nFeatures, hiddenWidth, batchSize, secrets, orders } = task;
    const shape = { features: nFeatures, hidden: hiddenWidth, batch: batchSize };
    try {
      variantNamed(kernel, device, shape, secrets * orders);
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      throw new LockstepError('bad-input', `--kernel ${kernel}, ${configName(task)}: ${error.message}`);
    }
  }
}

/** What an earlier process has made of a job: its summary where it is complete; else a checkpoint to go on from. */
function earlier({ label }: Job, evaluation: Evaluation, flags: BenchFlags): Summary | undefined {
  const { outputDir, seed, resume } = flags;
  if (!resume || outputDir === undefined) return undefined;
  const summary = readComplete(outputDir, label, evaluation.fingerprint(flags.kernel));
  const checkpoint = summary ? undefined : readCheckpoint(outputDir, label, seed);
  try {
    if (checkpoint) evaluation.resume(checkpoint, flags.kernel);
  } catch (cause) {
    if (!(cause instanceof LockstepError)) throw cause;
    throw refuseFile(
      resultPath(outputDir, label, seed, 'checkpoint'),
      `cannot be used: ${cause.message}`,
      cause,
    );
  }
  return summary;
}

/** One job under way: its display, its log, and what came out so far, for an interrupt can come at any moment. */
class JobRun {
  readonly job: Job;
  readonly points: CurvePoint[] = [];
  readonly #flags: BenchFlags;
  readonly #results: RunResult[] = [];
  readonly #kernels = new Set<string>();
  readonly #progress: Progress;
  readonly #log: LogWriter | undefined;
  #strategy: string;
  /** What the evaluation is made of; undefined while its strategy has not been asked. */
  #fingerprint: () => Fingerprint | undefined = () => undefined;
  #begin = Number.NaN;
  #seconds: number | undefined;

  constructor(job: Job, flags: BenchFlags) {
    this.job = job;
    this.#flags = flags;
    this.#strategy = job.strategy;
    const title = `${job.strategy} ${configName(job.task)}`;
    this.#progress = flags.quiet ? silent : showProgress({ title, ...job.task }, process.stderr);
    this.#log = flags.log ? new LogWriter(job.task, out) : undefined;
  }

  async train(evaluation: Evaluation, device: Device, signal: AbortSignal): Promise<void> {
    const { outputDir, seed, checkpointSeconds, kernel } = this.#flags;
    this.#strategy = evaluation.strategy;
    this.#fingerprint = () => evaluation.fingerprint(kernel);
    this.#begin = performance.now();
    const checkpoints = outputDir === undefined ? {} : { checkpointSeconds };
    for await (const event of evaluation.train(device, { signal, kernel, ...checkpoints })) {
      if (this.#seconds !== undefined) return; // the grace is over
      if (event.type === 'plan') this.#kernels.add(event.kernel);
      // Also those that ran before the checkpoint that this goes on from.
      if (event.type === 'end') for (const name of event.summary.kernels) this.#kernels.add(name);
      if (event.type === 'checkpoint' && outputDir !== undefined)
        writeCheckpoint(outputDir, this.job.label, seed, event.checkpoint);
      if (event.type === 'window') this.points.push(event);
      if (event.type === 'run') this.#results.push(event.result);
      this.#progress.note(event);
      this.#log?.note(event);
    }
  }

  /** Takes over what an earlier process has computed, instead of {@link train}. */
  recall(evaluation: Evaluation, { strategy, kernels, results }: Summary): void {
    this.#strategy = strategy;
    this.#fingerprint = () => evaluation.fingerprint(this.#flags.kernel);
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

async function writeFiles(run: JobRun, { outputDir, seed, quiet }: BenchFlags): Promise<void> {
  if (outputDir === undefined) return;
  const { label } = run.job;
  const { summary, config } = run.row();
  const paths = [writeResult(outputDir, label, seed, 'json', summaryText(summary))];
  // An interrupt leaves no time to draw.
  if (!summary.complete) {
    if (hasCheckpoint(outputDir, label, seed))
      say('to go on from the last checkpoint: the same command with --resume');
  } else {
    removeCheckpoint(outputDir, label, seed);
    try {
      const svg = await drawCurves(
        `${summary.strategy} ${config}, ${summary.metrics.num_runs} runs`,
        run.points,
      );
      paths.push(writeResult(outputDir, label, seed, 'svg', svg));
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      say(error.message);
    }
  }
  if (!quiet) say(`wrote ${paths.join(' and ')}`);
}

function printResults(runs: readonly JobRun[], { json, log }: BenchFlags): void {
  const rows = runs.map((run) => run.row());
  const stream = json || log ? process.stderr : process.stdout;
  stream.write(`${resultsTable(rows, colorsFor(stream))}\n`);
  if (json) {
    const summaries = rows.map(({ summary }) => sealedSummary(summary));
    out(JSON.stringify(summaries.length === 1 ? summaries[0] : summaries, null, 2));
  }
}

/** Runs all jobs and returns the exit code. */
export async function runBench(jobs: readonly Job[], flags: BenchFlags): Promise<number> {
  if (flags.outputDir !== undefined) prepareOutputFolder(flags.outputDir);
  const interrupt = new Interrupt();
  const hosts = new Hosts();
  const runs: JobRun[] = [];
  let device: Device | undefined;

  const runAll = async () => {
    for (const job of jobs) hosts.get(job); // they load while the device opens
    device = await openDevice({ adapter: flags.adapter });
    checkKernel(flags, jobs, device);
    runs.push(new JobRun(jobs[0], flags));
    const evaluations = await prepareAll(jobs, flags.seed, hosts);
    const complete = evaluations.map((evaluation, i) => earlier(jobs[i], evaluation, flags));
    for (const [i, evaluation] of evaluations.entries()) {
      if (i > 0) runs.push(new JobRun(jobs[i], flags));
      const summary = complete[i];
      if (summary) runs[i].recall(evaluation, summary);
      else await runs[i].train(evaluation, device, interrupt.signal);
      if (interrupt.happened) return;
      runs[i].end();
      if (!summary) await writeFiles(runs[i], flags);
    }
  };

  try {
    await interrupt.bounded(runAll());
    const last = runs.at(-1);
    last?.end();
    if (interrupt.happened && last && !last.row().summary.complete) await writeFiles(last, flags);
    printResults(runs, flags);
  } finally {
    runs.at(-1)?.end();
    if (!interrupt.happened) {
      hosts.close();
      device?.destroy();
      interrupt.dispose();
    }
  }
  // The device may be in the middle of something that nobody waits for any more.
  if (interrupt.happened) process.exit(EXIT.interrupted);
  return EXIT.ok;
}
