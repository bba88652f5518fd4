/**
 * The lockstep trainer: many two-layer MLPs, each with its own weights, data, order and optimizer settings, trained in
 * the same dispatches. It admits runs, keeps two chunks of steps in flight, and turns what the device reports into
 * events. Steps, windows and the stop rule are computed on the device (cohort.ts and the kernels).
 */
import type { Device } from '../gpu/device.js';
import type { Staged } from '../gpu/staging.js';
import type { WindowRecord } from '../kernels/train/close-window.js';
import type { KernelName } from '../kernels/train/training-kernel.js';
import { span } from '../platform/host-spans.js';
import type { BinaryDataset } from '../tensor/bits.js';
import { type AcceptedRun, RunAcceptor } from './accept-run.js';
import { variantNamed } from './autotune/candidates.js';
import { chooseVariant } from './autotune/index.js';
import { DrawnBatches } from './batches/drawn.js';
import { BatchThreads, defaultThreads } from './batches/threads.js';
import type { StateLayout } from './checkpoint.js';
import { Cohort } from './cohort.js';
import { abortedEvent, type HeldEvent } from './finish-event.js';
import { type Ended, Finisher } from './finisher.js';
import { liveColumns } from './live-columns.js';
import { planMemory } from './memory-plan.js';
import { checkDevice, checkOptions, reading, type Settings } from './options.js';
import { Outbox } from './outbox.js';
import { Pacer } from './pacer.js';
import { type RunChunk, RunProgress } from './run-progress.js';
import { RunSource, RunsFailed } from './run-source.js';
import { spread } from './spread.js';
import type { LockstepEvent, LockstepOptions, RunCheckpoint } from './types.js';
import { meanAccuracy } from './windows.js';

const DEFAULT_EXPECTED_RUNS = 128;
/** One chunk trains while the host prepares the next. */
const CHUNKS_IN_FLIGHT = 2;
/** Admitting runs (uploads, a shuffle's first fill) pauses after so long, for the training of those admitted. */
const ADMIT_MS = 50;
/** What of the device's queued work may go by while the next run is waited for. */
const ADMIT_SHARE = 0.5;
/** Time that finished runs have to be scored when the training ends before its end. */
const GRACE_MS = 600;

/** A run under way. */
interface Active {
  progress: RunProgress;
  cohort: Cohort;
}

/** A submitted chunk of one cohort. */
interface Part {
  cohort: Cohort;
  chunks: RunChunk[];
  records: Staged;
}

interface Flight {
  parts: Part[];
  start: number;
  runSteps: number;
}

/** Two-layer networks of bits; what the public `trainLockstep` (train.ts) says of them. */
export async function* trainLockstep(
  device: Device,
  options: LockstepOptions,
): AsyncGenerator<LockstepEvent> {
  checkDevice(device);
  const trainer = makeTrainer(device, options);
  let failed = false;
  try {
    yield* trainer.events();
  } catch (error) {
    failed = true;
    // What a training has finished is not lost to what ends it.
    yield* trainer.finished();
    throw error instanceof RunsFailed ? error.cause : await trainer.reasonOf(error);
  } finally {
    const destroyed = trainer.destroy();
    if (failed)
      await destroyed.catch(() => {}); // the first error says more
    else await destroyed;
  }
}

function makeTrainer(device: Device, options: LockstepOptions): Trainer {
  try {
    return new Trainer(device, options);
  } catch (error) {
    throw error instanceof RunsFailed ? error.cause : error;
  }
}

class Trainer {
  readonly #device: Device;
  readonly #settings: Settings;
  readonly #expectedRuns: number;
  readonly #source: RunSource;
  readonly #pacer: Pacer;
  readonly #finisher: Finisher;
  /** Runs that have ended, until their events are out. */
  readonly #ended = new Outbox<Ended, HeldEvent>();
  /** By number of live features. */
  readonly #cohorts = new Map<number, Cohort>();
  /** The kernel that checkpoints of runs with so many live features were made by: it goes on with them. */
  readonly #resumed = new Map<number, KernelName>();
  readonly #columns = new WeakMap<BinaryDataset, Uint16Array>();
  /** Resolves when the signal fires, the device is lost, or the training ends: nothing is waited for beyond. */
  readonly #halted: Promise<void>;
  #halt = () => {};
  #active: Active[] = [];
  #flights: Flight[] = [];
  #threads: BatchThreads | undefined;
  #admitted = 0;
  #lastCheckpoint = performance.now();
  #steps = 0;

  constructor(device: Device, options: LockstepOptions) {
    this.#device = device;
    this.#settings = reading('an option', () => checkOptions(options));
    device.check();
    const { runs, expectedRuns, signal } = options;
    this.#expectedRuns = expectedRuns ?? (Array.isArray(runs) ? runs.length : DEFAULT_EXPECTED_RUNS);
    const acceptor = new RunAcceptor(this.#settings, (checkpoint, dataset) =>
      this.#layout(checkpoint, dataset),
    );
    if (Array.isArray(runs)) {
      const accepted = span('data', 'check runs', () =>
        Array.from(runs, (run, k) => acceptor.accept(run, k)),
      );
      this.#source = new RunSource(accepted, (_, k) => accepted[k]);
    } else
      this.#source = new RunSource(runs, (run, k) =>
        span('data', 'check a run', () => acceptor.accept(run, k)),
      );
    this.#pacer = new Pacer(device.info.isCpu);
    this.#finisher = new Finisher(device, this.#settings, this.#pacer);
    this.#halted = new Promise((resolve) => {
      // Resolves with nothing: a signal hands over its event, a lost device its reason, and neither is an outcome.
      this.#halt = () => resolve();
    });
    if (signal?.aborted) this.#halt();
    signal?.addEventListener('abort', this.#halt, { once: true });
    device.lost.then(this.#halt);
  }

  /** What a checkpoint of a run on this dataset has to look like. */
  #layout({ kernel }: RunCheckpoint, dataset: BinaryDataset): StateLayout {
    const { hidden, batchSize } = this.#settings;
    const features = this.#columnsOf(dataset).length;
    const shape = { features, hidden, batch: batchSize };
    const trains = (this.#cohorts.get(features)?.kernelName ??
      this.#resumed.get(features) ??
      kernel) as KernelName;
    this.#resumed.set(features, trains);
    const variant = variantNamed(trains, this.#device, shape, this.#expectedRuns);
    const { slotBuffers, batchPitch } = variant.footprint(shape, this.#device);
    return { kernel: trains, stateFloats: slotBuffers[0] / 4, batchPitch };
  }

  #columnsOf(dataset: BinaryDataset): Uint16Array {
    const columns = this.#columns.get(dataset) ?? span('data', 'live columns', () => liveColumns(dataset));
    this.#columns.set(dataset, columns);
    return columns;
  }

  /** The finish events that are there, or will be soon, once nothing else goes on. */
  async *finished(): AsyncGenerator<LockstepEvent> {
    await this.#graceful();
    yield* reported(this.#ended.ready());
  }

  /** Waits for runs that are being scored, but not long. */
  async #graceful(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, GRACE_MS);
    });
    await Promise.race([this.#ended.settled(), late]).finally(() => clearTimeout(timer));
  }

  /** What an error comes from. */
  reasonOf(error: unknown): Promise<unknown> {
    return this.#device.reasonOf(error);
  }

  async *events(): AsyncGenerator<LockstepEvent> {
    if (!this.#settings.signal?.aborted) await this.#startThreads();
    while (!this.#settings.signal?.aborted) {
      this.#device.check();
      yield* this.#admit();
      if (this.#checkpointDue) yield* this.#checkpoint();
      if (this.#submit() && this.#flights.length < CHUNKS_IN_FLIGHT) continue;
      const flight = this.#flights.shift();
      if (flight) yield* this.#collect(flight);
      else await this.#anything();
      yield* reported(this.#ended.drain());
      const idle = this.#flights.length === 0 && this.#active.length === 0;
      if (idle && this.#source.ended && !this.#ended.busy) return;
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
    await Promise.race([this.#ended.settled(), this.#halted]);
    yield* reported(this.#ended.drain());
    const reads = this.#active.map(async ({ progress, cohort }) => ({
      run: progress.index,
      checkpoint: await cohort.save(progress),
    }));
    const runs = await Promise.race([Promise.all(reads), this.#halted]);
    if (!runs || this.#settings.signal?.aborted) return;
    this.#lastCheckpoint = performance.now();
    yield { type: 'checkpoint', runs };
  }

  /** With nothing to train: waits for batches, for the next run, for a finished one to be scored, or for the abort. */
  async #anything(): Promise<void> {
    const waits: Promise<void>[] = [];
    if (this.#threads && this.#active.length > 0) waits.push(this.#threads.more());
    if (!this.#source.ended) waits.push(this.#source.wait());
    if (this.#ended.busy) waits.push(this.#ended.settled());
    if (waits.length > 0) await Promise.race([...waits, this.#halted]);
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
      const columns = this.#columnsOf(run.dataset);
      let cohort = this.#cohorts.get(columns.length);
      if (!cohort) {
        cohort = await span('compile', 'open a cohort', () => this.#open(columns.length));
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
  async #open(features: number): Promise<Cohort> {
    const { hidden, batchSize, logInterval, kernel, stop } = this.#settings;
    const shape = { features, hidden, batch: batchSize };
    const name = kernel === 'auto' ? (this.#resumed.get(features) ?? kernel) : kernel;
    const variant = await chooseVariant(this.#device, shape, name, this.#expectedRuns);
    const footprint = variant.footprint(shape, this.#device);
    const plan = planMemory(this.#device, shape, footprint, this.#expectedRuns, logInterval);
    const cohort = await Cohort.create(this.#device, variant, shape, plan, stop?.windows ?? 0xffffffff);
    this.#cohorts.set(features, cohort);
    return cohort;
  }

  #start(run: AcceptedRun, columns: Uint16Array, cohort: Cohort, slot: number): void {
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
    const recorder = this.#device.commands.record('train');
    const parts = [...this.#cohorts.values()].flatMap((cohort) => {
      const runs = taken.filter((active) => active.cohort === cohort).map(({ progress }) => progress);
      if (runs.length === 0) return [];
      const most = Math.min(wanted.steps, cohort.stepsFor(runs.length));
      const chunks = spread(
        runs.map((run) => run.plan(most)),
        ({ steps }) => steps,
      );
      return [{ cohort, chunks, records: cohort.encode(recorder, chunks) }];
    });
    recorder.submit();
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
    const outcome = await Promise.race([this.#records(flight), this.#halted]);
    if (!outcome) return;
    const ended: Ended[] = [];
    for (const [p, { cohort, chunks }] of flight.parts.entries()) {
      for (const [c, chunk] of chunks.entries()) {
        if (chunk.run.finished) continue;
        chunk.run.done += chunk.steps;
        this.#steps += chunk.steps;
        if (chunk.closing) yield* this.#close(cohort, chunk, outcome[p][c], ended);
      }
    }
    this.#finish(ended);
    this.#active = this.#active.filter(({ progress }) => !progress.finished);
    yield { type: 'progress', steps: this.#steps, running: this.#active.length };
  }

  /** The records of a chunk, when it is done. */
  async #records({ parts, start, runSteps }: Flight): Promise<WindowRecord[][]> {
    const expectedMs = this.#pacer.expected(start, runSteps, performance.now());
    const options = { expectedMs, submitted: start };
    const waits = await Promise.all(parts.map(({ records }) => records.wait(options)));
    this.#pacer.finished(start, runSteps, performance.now(), Math.max(...waits));
    this.#device.check();
    return parts.map(({ cohort, records }) => cohort.records(records));
  }

  /** Reports a window; its run is put to those that have `ended` where it was the last. */
  *#close(
    cohort: Cohort,
    { run, closing }: RunChunk,
    record: WindowRecord,
    ended: Ended[],
  ): Generator<LockstepEvent> {
    if (!closing) return;
    const { step, batches } = closing;
    const { batchSize, maxSteps, stop } = this.#settings;
    if (record.nanSteps > 0) {
      const steps = step - record.nanSteps + 1;
      ended.push({ cohort, progress: run, steps, reason: 'non-finite' });
      return;
    }
    const loss = record.lossSum / (batches.whole + batches.small);
    const accuracy = meanAccuracy(batches, batchSize, record.hits, record.smallHits);
    yield { type: 'window', run: run.index, step, loss, accuracy };
    const reason = stop && record.stableWindows >= stop.windows ? 'stopped' : 'max-steps';
    if (reason === 'stopped' || step === maxSteps) ended.push({ cohort, progress: run, steps: step, reason });
  }

  /** Has runs scored, and gives their slots to others. */
  #finish(ended: readonly Ended[]): void {
    const events = this.#finisher.finish(ended);
    for (const [k, one] of ended.entries()) {
      const { cohort, progress } = one;
      this.#ended.add(one, events[k]);
      progress.finish();
      cohort.giveSlot(progress.slot);
      cohort.banks.release(progress.placement);
    }
  }

  async *#abort(): AsyncGenerator<LockstepEvent> {
    await this.#graceful();
    const abandoned = this.#ended.abandon();
    yield* reported(this.#ended.drain());
    for (const { progress, steps } of abandoned) yield abortedEvent(progress.index, steps);
    for (const { progress } of this.#active)
      if (!progress.finished) yield abortedEvent(progress.index, progress.done);
  }

  async destroy(): Promise<void> {
    this.#halt();
    this.#settings.signal?.removeEventListener('abort', this.#halt);
    this.#finisher.stop();
    for (const cohort of this.#cohorts.values()) cohort.destroy();
    // What is being scored has buffers of its own; after an abort there was time for it before.
    if (!this.#settings.signal?.aborted) await this.#graceful();
    this.#finisher.destroy();
    await this.#threads?.close();
    await this.#source.close();
  }
}

/** The events, each released when the next one is asked for. */
function* reported(held: Iterable<HeldEvent>): Generator<LockstepEvent> {
  for (const { event, release } of held) {
    try {
      yield event;
    } finally {
      release();
    }
  }
}
