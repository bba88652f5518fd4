/**
 * Runs the jobs of `bench` one after the other. It starts the strategies' threads, connects evaluations (evaluate.ts) with
 * files (result-store.ts) and displays, prints the table, and decides the exit code.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDevice, reopen } from '../adapter/open.js';
import { Evaluation, type TrainOptions } from '../bench/evaluate.js';
import { isHeldByFiles } from '../bench/patient-files.js';
import { type ResultFiles, ResultStore } from '../bench/result-store.js';
import type { StrategyHost } from '../bench/strategy-host.js';
import { startStrategy } from '../bench/strategy-start.js';
import { sealedSummary } from '../bench/summary-file.js';
import { configName } from '../bench/task.js';
import type { Device } from '../gpu/device.js';
import { variantNamed } from '../lockstep/autotune/candidates.js';
import { LockstepError } from '../platform/errors.js';
import { endWorkers } from '../platform/node-worker.js';
import { printable } from '../platform/printable.js';
import type { BenchFlags, Job } from './bench-flags.js';
import { EXIT, reportFailure } from './failure.js';
import { endByForce, exitCodeOf, Interrupt } from './interrupt.js';
import { JobRun } from './job-run.js';
import { describeFailure, out, say, stderr, stdout } from './outlets.js';
import { resultsTable } from './results-table.js';
import { colorsFor } from './style.js';

/** How long a strategy's thread, and a slow file system, may take after an interrupt. */
const THREAD_MS = 300;
const LAST_FILES_MS = 5000;

/** The strategies' threads. A strategy has the same ones for all configurations. */
class Hosts {
  readonly #started = new Map<string, Promise<StrategyHost>>();
  readonly #hosts: StrategyHost[] = [];

  get({ strategy, reference }: Job): Promise<StrategyHost> {
    let host = this.#started.get(strategy);
    if (!host) {
      host = startStrategy(reference);
      host.then((started) => this.#hosts.push(started)).catch(() => {});
      this.#started.set(strategy, host);
    }
    return host;
  }

  /** The function of a strategy that is running. */
  running(): string | undefined {
    const [running] = this.#hosts.flatMap((host) => host.running?.() ?? []);
    return running;
  }

  close(): void {
    for (const host of this.#started.values()) host.then((started) => started.close()).catch(() => {});
  }
}

/** Prepares all jobs before any training, so that bad input is found first. */
async function prepareAll(jobs: readonly Job[], seed: number, hosts: Hosts): Promise<Evaluation[]> {
  const evaluations: Evaluation[] = [];
  for (const job of jobs) evaluations.push(await Evaluation.prepare(await hosts.get(job), job.task, seed));
  return evaluations;
}

/**
 * @throws LockstepError `bad-input` where the kernel of `--kernel` cannot train one of the jobs on this device. It assumes
 * that all features are used, though a dataset may leave some out.
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

/** All jobs of one command. */
class Bench {
  readonly #jobs: readonly Job[];
  readonly #flags: BenchFlags;
  readonly #store: ResultStore | undefined;
  readonly #interrupt = new Interrupt();
  readonly #hosts = new Hosts();
  readonly #runs: JobRun[] = [];
  #evaluations: Evaluation[] = [];
  #device: Device | undefined;
  /** Whether all work is done, and only printing the results is left. */
  #isPrinting = false;

  constructor(jobs: readonly Job[], flags: BenchFlags, store: ResultStore | undefined) {
    this.#jobs = jobs;
    this.#flags = flags;
    this.#store = store;
    stdout.onFailure(() => this.#withoutOutput());
  }

  /** Stops training where nobody reads the output and no file is written, as in `--log | head -1`. */
  #withoutOutput(): void {
    const failure = stdout.failure!;
    if (this.#isPrinting) return; // reported there
    const goesOn = this.#store !== undefined || failure.code !== 'EPIPE';
    const then = goesOn ? 'the work goes on' : 'the training is stopped (with --output-dir it would go on)';
    say(`error: ${describeFailure('standard output', failure)}; ${then}`);
    if (!goesOn) this.#interrupt.stop();
  }

  async run(): Promise<number> {
    let failure: unknown;
    try {
      await this.#interrupt.bounded(this.#runAll());
    } catch (error) {
      failure = error;
    }
    this.#runs.at(-1)?.end();
    await this.#saveLast(failure !== undefined);
    const told = failure === undefined || this.#runs.some((run) => run.hasResults);
    if (told) await this.#printResults();
    return this.#end(failure);
  }

  async #runAll(): Promise<void> {
    const jobs = this.#jobs;
    for (const job of jobs) this.#hosts.get(job); // they load while the device opens
    this.#device = await openDevice({ adapter: this.#flags.adapter });
    checkKernel(this.#flags, jobs, this.#device);
    this.#runs.push(new JobRun(jobs[0], this.#flags, () => this.#hosts.running()));
    const evaluations = await prepareAll(jobs, this.#flags.seed, this.#hosts);
    this.#evaluations = evaluations;
    const earlier = evaluations.map((evaluation, i) =>
      this.#flags.resume ? this.#filesOf(jobs[i])?.earlier(evaluation) : undefined,
    );
    const summaries = await Promise.all(earlier);
    for (const [i, evaluation] of evaluations.entries()) {
      if (i > 0) this.#runs.push(new JobRun(jobs[i], this.#flags));
      const run = this.#runs[i];
      const files = this.#filesOf(run.job);
      const summary = summaries[i];
      if (summary) run.recall(summary);
      else {
        const options = { signal: this.#interrupt.signal, recover: this.#recover };
        await run.train(evaluation, this.#device, options, files);
      }
      if (this.#interrupt.happened) return;
      run.end();
      if (files && !summary) this.#tellWritten(await files.finish(evaluation, run.row().summary));
      run.filesDone = true;
    }
  }

  /** A device that is opened in place of a lost one serves the later jobs too. */
  get #recover(): TrainOptions['recover'] {
    const { recover: attempts } = this.#flags;
    const device = async () => {
      const lost = this.#device!;
      this.#device = await reopen(lost);
      lost.destroy();
      return this.#device;
    };
    return attempts > 0 && { attempts, device };
  }

  #filesOf(job: Job): ResultFiles | undefined {
    return this.#store?.of(job.label, this.#flags);
  }

  #tellWritten(paths: readonly string[]): void {
    if (!this.#flags.quiet && paths.length > 0)
      say(`wrote ${paths.map((path) => printable(path, 500)).join(' and ')}`);
  }

  /** Writes the results of the job that was under way at an interrupt or a failure. There is no time to draw curves. */
  async #saveLast(failed: boolean): Promise<void> {
    const run = this.#runs.at(-1);
    if (!run || run.filesDone || !this.#store) return;
    if (!this.#interrupt.happened && !(failed && run.hasResults)) return;
    const evaluation = this.#evaluations[this.#runs.length - 1];
    const saved = this.#filesOf(run.job)!.interrupted(evaluation, run.row().summary);
    const what = await Promise.race([saved, sleep(LAST_FILES_MS, undefined, { ref: false })]);
    if (!what) say(`warning: the file system of ${printable(this.#flags.outputDir, 300)} does not answer`);
    if (what?.canResume) say('to go on from the last checkpoint: the same command with --resume');
    this.#tellWritten(what?.paths ?? []);
  }

  async #printResults(): Promise<void> {
    this.#isPrinting = true;
    const { json, log } = this.#flags;
    const failedBefore = stdout.failure !== undefined;
    const rows = this.#runs.map((run) => run.row());
    const outlet = json || log ? stderr : stdout;
    outlet.line(resultsTable(rows, colorsFor(outlet.stream)));
    const summaries = rows.map(({ summary }) => sealedSummary(summary));
    const text = JSON.stringify(summaries.length === 1 ? summaries[0] : summaries, null, 2);
    if (json) out(text);
    if (await stdout.arrived()) return;
    // Standard output has failed, so this goes to standard error.
    if (!failedBefore) say(`error: ${describeFailure('standard output', stdout.failure!)}`);
    if (outlet === stdout) say(resultsTable(rows, colorsFor(stderr.stream)));
    else if (json && !this.#store) say(text);
  }

  async #end(failure: unknown): Promise<number> {
    await this.#store?.close();
    const code = failure === undefined ? this.#code() : reportFailure(failure);
    const { caught, happened } = this.#interrupt;
    this.#hosts.close();
    if (happened) {
      // The device may still be busy with work whose result is not needed.
      if (!(await endWorkers(THREAD_MS)) || isHeldByFiles()) endByForce(caught);
      process.exit(code);
    }
    this.#device?.destroy();
    this.#interrupt.dispose();
    return code;
  }

  #code(): number {
    const { caught } = this.#interrupt;
    if (caught) return exitCodeOf(caught);
    return stdout.failure || (this.#store?.failures ?? 0) > 0 ? EXIT.failed : EXIT.ok;
  }
}

/** Runs all jobs and returns the exit code. */
export async function runBench(jobs: readonly Job[], flags: BenchFlags): Promise<number> {
  const { outputDir, seed } = flags;
  const labels = jobs.map(({ label }) => label);
  const store =
    outputDir === undefined ? undefined : await ResultStore.open(outputDir, labels, seed, { warn: say });
  return new Bench(jobs, flags, store).run();
}
