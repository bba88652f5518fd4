/**
 * Runs the jobs of `bench` one after the other: connects evaluations (evaluate.ts) with files (open-results.ts) and displays,
 * prints the table, and decides the exit code.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDevice, reopen, subgroupMatrices } from '../adapter/open.js';
import { Evaluation, type TrainOptions } from '../bench/evaluate.js';
import type { Job } from '../bench/jobs.js';
import { openResults, openShard, type Results } from '../bench/open-results.js';
import { isHeldByFiles } from '../bench/patient-files.js';
import { StrategyHosts } from '../bench/strategy-hosts.js';
import { summariesText } from '../bench/summary-file.js';
import { configName } from '../bench/task.js';
import type { Device } from '../gpu/device.js';
import { variantNamed } from '../lockstep/autotune/candidates.js';
import { LockstepError } from '../platform/errors.js';
import { endWorkers } from '../platform/node-worker.js';
import { printable } from '../platform/printable.js';
import { type FoundShard, shardText } from '../platform/shard.js';
import type { BenchFlags } from './bench-flags.js';
import { EXIT, reportFailure } from './failure.js';
import { endByForce, exitCodeOf, Interrupt } from './interrupt.js';
import { JobRun } from './job-run.js';
import { describeFailure, out, say, stderr, stdout } from './outlets.js';
import { resultsTable } from './results-table.js';
import { colorsFor } from './style.js';

/** How long a strategy's thread, and a slow file system, may take after an interrupt. */
const THREAD_MS = 300;
const LAST_FILES_MS = 5000;

/** Prepares all jobs before any training, so that bad input is found first. */
async function prepareAll(jobs: readonly Job[], seed: number, hosts: StrategyHosts): Promise<Evaluation[]> {
  const evaluations: Evaluation[] = [];
  for (const job of jobs) {
    const host = await hosts.get(job.strategy, job.reference);
    evaluations.push(await Evaluation.prepare(host, job.task, seed, job.part?.runs));
  }
  return evaluations;
}

/**
 * @throws LockstepError `bad-input` where the kernel of `--kernel` cannot train one of the jobs on this device. It assumes
 * that all features are used, though a dataset may leave some out.
 */
function checkKernel({ kernel }: BenchFlags, jobs: readonly Job[], device: Device): void {
  if (kernel === 'auto') return;
  for (const { task, part } of jobs) {
    const { nFeatures, hiddenWidth, batchSize, secrets, orders } = task;
    const shape = { features: nFeatures, hidden: hiddenWidth, batch: batchSize };
    try {
      variantNamed(kernel, device, shape, part?.runs.length ?? secrets * orders);
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
  readonly #store: Results | undefined;
  readonly #interrupt = new Interrupt();
  readonly #hosts = new StrategyHosts();
  readonly #runs: JobRun[] = [];
  #evaluations: Evaluation[] = [];
  #device: Device | undefined;
  /** Whether all work is done, and only printing the results is left. */
  #isPrinting = false;

  constructor(jobs: readonly Job[], flags: BenchFlags, store: Results | undefined) {
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
    for (const { strategy, reference } of jobs) this.#hosts.get(strategy, reference); // they load while the device opens
    const { adapter, kernel } = this.#flags;
    this.#device = await openDevice({ adapter, ...(kernel === 'tiles-f16' && subgroupMatrices) });
    checkKernel(this.#flags, jobs, this.#device);
    this.#runs.push(new JobRun(jobs[0], this.#flags, () => this.#hosts.running()));
    const evaluations = await prepareAll(jobs, this.#flags.seed, this.#hosts);
    this.#evaluations = evaluations;
    const earlier = evaluations.map((evaluation, i) =>
      this.#flags.resume ? this.#store?.of(i).earlier(evaluation) : undefined,
    );
    const summaries = await Promise.all(earlier);
    await this.#store?.begin?.(adapterText(this.#device));
    for (const [i, evaluation] of evaluations.entries()) {
      if (i > 0) this.#runs.push(new JobRun(jobs[i], this.#flags));
      const run = this.#runs[i];
      const files = this.#store?.of(i);
      const summary = summaries[i];
      if (summary) run.recall(summary);
      else {
        const options = { signal: this.#interrupt.signal, recover: this.#recover };
        await run.train(evaluation, this.#device, options, files);
      }
      if (this.#interrupt.happened) return;
      run.end();
      if (files && !summary) {
        this.#tellWritten(await files.finish(evaluation, run.row().summary, run.course));
      }
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

  #tellWritten(paths: readonly string[]): void {
    if (!this.#flags.quiet && paths.length > 0)
      say(`wrote ${paths.map((path) => printable(path, 500)).join(' and ')}`);
  }

  /** Writes the results of the job that was under way at an interrupt or a failure. There is no time to draw curves. */
  async #saveLast(failed: boolean): Promise<void> {
    const run = this.#runs.at(-1);
    if (!run || run.filesDone || !this.#store) return;
    if (!this.#interrupt.happened && !(failed && run.hasResults)) return;
    const job = this.#runs.length - 1;
    const saved = this.#store.of(job).interrupted(this.#evaluations[job], run.row().summary);
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
    const text = summariesText(rows.map(({ summary }) => summary));
    if (json) out(text);
    if (await stdout.arrived()) return;
    // Standard output has failed, so this goes to standard error.
    if (!failedBefore) say(`error: ${describeFailure('standard output', stdout.failure!)}`);
    if (outlet === stdout) say(resultsTable(rows, colorsFor(stderr.stream)));
    else if (json && !this.#store) say(text);
  }

  async #end(failure: unknown): Promise<number> {
    await this.#store?.folder.close();
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
    return stdout.failure || (this.#store?.folder.failures ?? 0) > 0 ? EXIT.failed : EXIT.ok;
  }
}

/** What a shard's result says of the adapter: its name, and the driver where that is told. */
const adapterText = ({ info }: Device): string =>
  [info.device || info.vendor, info.description, info.backend].filter(Boolean).join(', ');

/**
 * Runs all jobs and returns the exit code.
 *
 * @param shard The one that the jobs are parts of.
 */
export async function runBench(jobs: readonly Job[], flags: BenchFlags, shard?: FoundShard): Promise<number> {
  const { outputDir, quiet, seed, kernel, resume } = flags;
  const options = { seed, kernel, resume, warn: say };
  if (!shard) {
    const results = outputDir === undefined ? undefined : await openResults(outputDir, jobs, options);
    return new Bench(jobs, flags, results).run();
  }
  const store = await openShard(outputDir!, shard, jobs, options);
  const name = `shard ${shardText(shard)}${shard.found ? ` (${printable(shard.found)})` : ''}`;
  if (store.isDone) {
    await store.folder.close();
    if (!quiet) say(`${name} is done: ${printable(store.path, 500)}`);
    return EXIT.ok;
  }
  const runs = jobs.reduce((sum, { part }) => sum + part!.runs.length, 0);
  if (!quiet) say(`${name}: ${runs} runs`);
  return new Bench(jobs, flags, store).run();
}
