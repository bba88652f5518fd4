/**
 * The lockstep trainer: many two-layer MLPs, each with its own weights, data, order and optimizer settings, trained in
 * the same dispatches. It admits runs, keeps two chunks of steps in flight, and turns what the device reports into
 * events. Steps, windows and the stop rule are computed on the device (cohort.ts and the kernels).
 */
import type { Device } from '../gpu/device.js';
import { span } from '../gpu/host-spans.js';
import type { WindowRecord } from '../kernels/train/close-window.js';
import { LockstepError } from '../platform/errors.js';
import type { BinaryDataset } from '../tensor/bits.js';
import { BatchThreads, defaultThreads } from './batch-threads.js';
import { DrawnBatches } from './batches.js';
import { Cohort } from './cohort.js';
import { Finisher } from './finisher.js';
import { liveColumns } from './live-columns.js';
import { planMemory } from './memory-plan.js';
import { checkOptions, checkRun, type Settings } from './options.js';
import { Pacer } from './pacer.js';
import { type RunChunk, RunProgress } from './run-progress.js';
import { RunSource } from './run-source.js';
import { spread } from './spread.js';
import type { LockstepEvent, LockstepOptions, LockstepRun, RunCheckpoint } from './types.js';
import { chooseVariant } from './variants.js';
import { meanAccuracy } from './windows.js';

const DEFAULT_EXPECTED_RUNS = 128;
/** One chunk trains while the host prepares the next. */
const CHUNKS_IN_FLIGHT = 2;
/** Admitting runs (uploads, a shuffle's first fill) pauses after so long, for the training of those admitted. */
const ADMIT_MS = 50;
/** What of the device's queued work may go by while the next run is waited for. */
const ADMIT_SHARE = 0.5;
/** Time that finished runs have to be scored after an abort. */
const ABORT_GRACE_MS = 600;

/** A run under way. */
interface Active {
  progress: RunProgress;
  cohort: Cohort;
}

/** A submitted chunk of one cohort. */
interface Part {
  cohort: Cohort;
  chunks: RunChunk[];
  records: GPUBuffer;
}

interface Flight {
  parts: Part[];
  start: number;
  runSteps: number;
}

/**
 * Trains a list of `Linear(N, W) -> ReLU -> Linear(W, 1) -> Sigmoid` networks with mean binary cross-entropy and
 * AdamW, all in the same dispatches. A run's numbers are the same bits whatever else is trained beside it.
 *
 * @returns An async iterator of events; leaving the loop early frees everything.
 * @throws LockstepError `bad-input` before anything is allocated, `unsupported` where the device cannot hold one run.
 * @example
 * for await (const event of trainLockstep(device, { runs, features: 32, maxSteps: 2000 })) {
 *   if (event.type === 'finish') console.log(event.run, event.steps, event.testAccuracy);
 * }
 */
export async function* trainLockstep(
  device: Device,
  options: LockstepOptions,
): AsyncGenerator<LockstepEvent> {
  const trainer = new Trainer(device, options);
  try {
    yield* trainer.events();
  } finally {
    await trainer.destroy();
  }
}

class Trainer {
  readonly #device: Device;
  readonly #settings: Settings;
  readonly #expectedRuns: number;
  readonly #source: RunSource;
  readonly #pacer: Pacer;
  readonly #finisher: Finisher;
  /** By number of live features. */
  readonly #cohorts = new Map<number, Cohort>();
  readonly #columns = new WeakMap<BinaryDataset, Uint16Array>();
  readonly #aborted: Promise<void>;
  #active: Active[] = [];
  #flights: Flight[] = [];
  #threads: BatchThreads | undefined;
  #admitted = 0;
  #lastCheckpoint = performance.now();
  #steps = 0;

  constructor(device: Device, options: LockstepOptions) {
    this.#device = device;
    this.#settings = checkOptions(options);
    const { runs, expectedRuns, signal } = options;
    span('data', 'check runs', () => {
      if (Array.isArray(runs)) for (const [k, run] of runs.entries()) checkRun(run, k, this.#settings);
    });
    this.#expectedRuns = expectedRuns ?? (Array.isArray(runs) ? runs.length : DEFAULT_EXPECTED_RUNS);
    this.#source = new RunSource(runs);
    this.#pacer = new Pacer(device.info.isCpu);
    this.#finisher = new Finisher(device, this.#settings, this.#pacer);
    this.#aborted = new Promise((resolve) => {
      if (signal?.aborted) resolve();
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async *events(): AsyncGenerator<LockstepEvent> {
    await this.#startThreads();
    while (!this.#settings.signal?.aborted) {
      yield* this.#admit();
      if (this.#checkpointDue) yield* this.#checkpoint();
      if (this.#submit() && this.#flights.length < CHUNKS_IN_FLIGHT) continue;
      const flight = this.#flights.shift();
      if (flight) yield* this.#collect(flight);
      else await this.#anything();
      yield* this.#finisher.drain();
      const idle = this.#flights.length === 0 && this.#active.length === 0;
      if (idle && this.#source.ended && !this.#finisher.busy) return;
    }
    yield* this.#abort();
  }

  async #startThreads(): Promise<void> {
    const threads = this.#settings.batchThreads ?? (await defaultThreads(this.#device.info));
    if (threads > 0) this.#threads = await BatchThreads.start(threads, this.#expectedRuns);
  }

  get #checkpointDue(): boolean {
    const { checkpointSeconds = Number.POSITIVE_INFINITY } = this.#settings;
    return performance.now() - this.#lastCheckpoint >= 1e3 * checkpointSeconds;
  }

  /** Ends what is in flight, reports what has finished, and reads where the others stand. */
  async *#checkpoint(): AsyncGenerator<LockstepEvent> {
    for (let flight = this.#flights.shift(); flight; flight = this.#flights.shift())
      yield* this.#collect(flight);
    await Promise.race([this.#finisher.wait(), this.#aborted]);
    yield* this.#finisher.drain();
    const reads = this.#active.map(async ({ progress, cohort }) => ({
      run: progress.index,
      checkpoint: await cohort.save(progress),
    }));
    const runs = await Promise.race([Promise.all(reads), this.#aborted]);
    if (!runs || this.#settings.signal?.aborted) return;
    this.#lastCheckpoint = performance.now();
    yield { type: 'checkpoint', runs };
  }

  /** With nothing to train: waits for batches, for the next run, for a finished one to be scored, or for the abort. */
  async #anything(): Promise<void> {
    const waits: Promise<void>[] = [];
    if (this.#threads && this.#active.length > 0) waits.push(this.#threads.more());
    if (!this.#source.ended) waits.push(this.#source.wait());
    if (this.#finisher.busy) waits.push(this.#finisher.wait());
    if (waits.length > 0) await Promise.race([...waits, this.#aborted]);
  }

  /** Takes in the runs that are there, and those that come while the device has enough to do, or nothing. */
  async *#admit(): AsyncGenerator<LockstepEvent> {
    const start = performance.now();
    const idle = this.#flights.length === 0;
    const patience = idle ? ADMIT_MS : Math.min(ADMIT_MS, ADMIT_SHARE * this.#pacer.remaining(start));
    while (performance.now() - start < ADMIT_MS) {
      const run = this.#source.peek();
      if (!run) {
        const left = start + patience - performance.now();
        if (this.#source.ended || !(await this.#source.arrives(left))) return;
        continue;
      }
      checkRun(run, this.#admitted, this.#settings);
      const columns =
        this.#columns.get(run.dataset) ?? span('data', 'live columns', () => liveColumns(run.dataset));
      this.#columns.set(run.dataset, columns);
      let cohort = this.#cohorts.get(columns.length);
      if (!cohort) {
        cohort = await span('compile', 'open a cohort', () => this.#open(columns.length, run.checkpoint));
        const { plan, kernelName } = cohort;
        yield {
          type: 'plan',
          kernel: kernelName,
          features: columns.length,
          runsAtOnce: plan.slots,
          note: plan.note,
        };
      }
      const slot = cohort.takeSlot();
      if (slot === undefined) return;
      this.#source.take();
      const place = cohort;
      span('data', 'admit a run', () => this.#start(run, columns, place, slot));
    }
  }

  /** A cohort for runs with so many live features. */
  async #open(features: number, checkpoint?: RunCheckpoint): Promise<Cohort> {
    const { hidden, batchSize, logInterval, kernel, stop } = this.#settings;
    const shape = { features, hidden, batch: batchSize };
    // A checkpoint goes on with the kernel that made it.
    const name = kernel === 'auto' && checkpoint ? checkpoint.kernel : kernel;
    const variant = await chooseVariant(this.#device, shape, name, this.#expectedRuns);
    const footprint = variant.footprint(shape, this.#device);
    const plan = planMemory(this.#device, shape, footprint, this.#expectedRuns, logInterval);
    const cohort = await Cohort.create(this.#device, variant, shape, plan, stop?.windows ?? 0xffffffff);
    this.#cohorts.set(features, cohort);
    return cohort;
  }

  #start(run: LockstepRun, columns: Uint16Array, cohort: Cohort, slot: number): void {
    const refusal = run.checkpoint && cohort.refusal(run.checkpoint);
    if (refusal) {
      throw new LockstepError(
        'bad-input',
        `trainLockstep: run ${this.#admitted} cannot go on from its checkpoint: ${refusal}. Use the options and the ` +
          'kernel that it was made with, or begin the run anew.',
      );
    }
    const placement = cohort.banks.acquire(run.dataset, columns);
    const progress = new RunProgress(
      this.#admitted++,
      run,
      slot,
      placement,
      this.#settings,
      cohort.plan.batchPitch,
      (plan) => this.#threads?.open(plan) ?? new DrawnBatches(plan),
    );
    cohort.load(progress, run, this.#settings.features);
    this.#active.push({ progress, cohort });
  }

  /** Sends a chunk of runs that have steps left, and batches for them; false where none has. */
  #submit(): boolean {
    const ready = this.#active.filter(({ progress }) => progress.ready);
    if (ready.length === 0) return false;
    const wanted = this.#pacer.chunk(ready.length);
    const taken = this.#take(ready, wanted);
    const encoder = this.#device.gpu.createCommandEncoder({ label: 'train' });
    const parts = [...this.#cohorts.values()].flatMap((cohort) => {
      const runs = taken.filter((active) => active.cohort === cohort).map(({ progress }) => progress);
      if (runs.length === 0) return [];
      const most = Math.min(wanted.steps, cohort.stepsFor(runs.length));
      const chunks = spread(
        runs.map((run) => run.plan(most)),
        ({ steps }) => steps,
      );
      return [{ cohort, chunks, records: cohort.encode(encoder, chunks) }];
    });
    this.#device.gpu.queue.submit([encoder.finish()]);
    this.#threads?.refill();
    const start = performance.now();
    const sent = parts.flatMap(({ chunks }) => chunks.map(({ steps }) => steps));
    const runSteps = sent.reduce((sum, steps) => sum + steps, 0);
    this.#pacer.submitted(runSteps);
    this.#flights.push({ parts, start, runSteps });
    return true;
  }

  /** As many of the runs as have so many steps together; the others come first next time. */
  #take(ready: readonly Active[], { steps, runSteps }: { steps: number; runSteps: number }): Active[] {
    let left = runSteps;
    const taken = ready.filter(({ progress }) => {
      if (left <= 0) return false;
      left -= progress.plan(steps).steps;
      return true;
    });
    if (taken.length < ready.length) {
      const these = new Set(taken);
      this.#active = [...this.#active.filter((one) => !these.has(one)), ...taken];
    }
    return taken;
  }

  /** Waits for a chunk and reports the windows that closed in it. */
  async *#collect(flight: Flight): AsyncGenerator<LockstepEvent> {
    const outcome = await Promise.race([this.#records(flight), this.#aborted]);
    if (!outcome) return;
    for (const [p, { cohort, chunks }] of flight.parts.entries()) {
      for (const [c, chunk] of chunks.entries()) {
        if (chunk.run.finished) continue;
        chunk.run.done += chunk.steps;
        this.#steps += chunk.steps;
        if (chunk.closing) yield* this.#close(cohort, chunk, outcome[p][c]);
      }
    }
    this.#finisher.flush();
    this.#active = this.#active.filter(({ progress }) => !progress.finished);
    yield { type: 'progress', steps: this.#steps, running: this.#active.length };
  }

  /** The records of a chunk, when it is done. */
  async #records({ parts, start, runSteps }: Flight): Promise<WindowRecord[][]> {
    const expectedMs = this.#pacer.expected(start, runSteps, performance.now());
    const options = { expectedMs, submitted: start };
    const waits = await Promise.all(parts.map(({ cohort, records }) => cohort.wait(records, options)));
    this.#pacer.finished(start, runSteps, performance.now(), Math.max(...waits));
    this.#device.check();
    return parts.map(({ cohort, records }) => cohort.records(records));
  }

  *#close(cohort: Cohort, { run, closing }: RunChunk, record: WindowRecord): Generator<LockstepEvent> {
    if (!closing) return;
    const { step, batches } = closing;
    const { batchSize, maxSteps, stop } = this.#settings;
    if (record.nanSteps > 0) {
      this.#finish(cohort, run, step - record.nanSteps + 1, 'non-finite');
      return;
    }
    const loss = record.lossSum / (batches.whole + batches.small);
    const accuracy = meanAccuracy(batches, batchSize, record.hits, record.smallHits);
    yield { type: 'window', run: run.index, step, loss, accuracy };
    if (stop && record.stableWindows >= stop.windows) this.#finish(cohort, run, step, 'stopped');
    else if (step === maxSteps) this.#finish(cohort, run, step, 'max-steps');
  }

  #finish(
    cohort: Cohort,
    run: RunProgress,
    steps: number,
    reason: 'stopped' | 'max-steps' | 'non-finite',
  ): void {
    run.finish();
    this.#finisher.add(cohort, run, steps, reason);
    // The weights are on their way to the host before anything comes next for this slot.
    cohort.giveSlot(run.slot);
    cohort.banks.release(run.placement);
  }

  async *#abort(): AsyncGenerator<LockstepEvent> {
    await Promise.race([
      this.#finisher.wait(),
      new Promise((resolve) => setTimeout(resolve, ABORT_GRACE_MS)),
    ]);
    const abandoned = this.#finisher.abandon();
    yield* this.#finisher.drain();
    for (const { index, steps } of abandoned) {
      yield { type: 'finish', run: index, steps, reason: 'aborted', testAccuracy: Number.NaN };
    }
    for (const { progress } of this.#active) {
      if (progress.finished) continue;
      yield {
        type: 'finish',
        run: progress.index,
        steps: progress.done,
        reason: 'aborted',
        testAccuracy: Number.NaN,
      };
    }
  }

  async destroy(): Promise<void> {
    for (const cohort of this.#cohorts.values()) cohort.destroy();
    await this.#threads?.close();
    await this.#source.close();
  }
}
