/**
 * One training from the first event to the last. It admits runs, keeps two chunks of steps in flight, and turns the device's
 * records into events. Steps, windows and the stop rule are computed on the device (cohort.ts and the kernels).
 */
import type { Device } from '../gpu/device.js';
import { span } from '../platform/host-spans.js';
import { RunAcceptor } from './accept-run.js';
import { ActiveRuns } from './active-runs.js';
import { Admission } from './admission.js';
import { DrawnBatches } from './batches/drawn.js';
import { BatchThreads, defaultThreads } from './batches/threads.js';
import { Cohorts } from './cohorts.js';
import { PauseControl } from './control.js';
import { carryOut, rules } from './decisions.js';
import { abortedEvent, type Held } from './finish-event.js';
import { type Ended, Finisher } from './finisher.js';
import { Flights } from './flights.js';
import type { Settings } from './options.js';
import { Outbox } from './outbox.js';
import { Pacer } from './pacer.js';
import type { TrainerHooks } from './recovery.js';
import type { Run } from './run.js';
import { RunSource } from './run-source.js';
import type { FinishEvent, LockstepEvent, LockstepOptions, LockstepRun } from './types.js';
import { outcomeOf } from './windows.js';

const DEFAULT_EXPECTED_RUNS = 128;
/** One chunk trains while the host prepares the next. */
const CHUNKS_IN_FLIGHT = 2;
/** How long finished runs may take to be scored when the training ends early. */
const GRACE_MS = 600;

export class Training {
  readonly #device: Device;
  readonly #settings: Settings;
  readonly #hooks: TrainerHooks;
  readonly #expectedRuns: number;
  readonly #source: RunSource;
  readonly #cohorts: Cohorts;
  readonly #admission: Admission;
  readonly #pacer: Pacer;
  readonly #active = new ActiveRuns();
  readonly #flights: Flights;
  readonly #finisher: Finisher;
  /** Runs that have ended, until their events are out. */
  readonly #ended = new Outbox<Ended, Held<FinishEvent>>();
  /** Resolves when the signal fires, the device is lost, or the training ends. Nothing is awaited longer than that. */
  readonly #halted: Promise<void>;
  #halt = () => {};
  #threads: BatchThreads | undefined;
  #steps = 0;

  /** @param hooks Of the recovery, which goes on with another training where this one ends with its device. */
  constructor(
    device: Device,
    settings: Settings,
    { runs, expectedRuns }: Pick<LockstepOptions, 'runs' | 'expectedRuns'>,
    hooks: TrainerHooks,
  ) {
    this.#device = device;
    this.#settings = settings;
    this.#hooks = hooks;
    device.check();
    const { signal } = settings;
    this.#expectedRuns = expectedRuns ?? (Array.isArray(runs) ? runs.length : DEFAULT_EXPECTED_RUNS);
    this.#cohorts = new Cohorts(device, this.#settings, this.#expectedRuns);
    this.#source = sourceOf(runs, this.#settings, this.#cohorts, hooks);
    this.#admission = new Admission(
      this.#settings,
      this.#source,
      this.#cohorts,
      (batches) => this.#threads?.open(batches) ?? new DrawnBatches(batches),
    );
    this.#pacer = new Pacer(device.info.isCpu);
    this.#flights = new Flights(this.#pacer);
    this.#finisher = new Finisher(device, this.#settings, this.#pacer);
    this.#halted = new Promise((resolve) => {
      // Resolves with nothing: the signal would pass its event and the lost device its reason, and neither is an
      // outcome.
      this.#halt = () => resolve();
    });
    if (signal?.aborted) this.#halt();
    signal?.addEventListener('abort', this.#halt, { once: true });
    device.lost.then(this.#halt);
  }

  async *events(): AsyncGenerator<LockstepEvent> {
    if (!this.#settings.signal?.aborted) await this.#startThreads();
    while (!this.#settings.signal?.aborted) {
      this.#device.check();
      this.#threads?.check();
      yield* this.#admission.admit(this.#active, this.#busyMs);
      this.#endStopped();
      if (this.#hooks.checkpointDue()) yield* this.#checkpoint();
      if (this.#send() && this.#flights.size < CHUNKS_IN_FLIGHT) continue;
      if (this.#flights.size > 0) yield* this.#collect();
      else if (this.#active.allWait) yield* this.#pause();
      else await this.#anything();
      yield* reported(this.#ended.drain());
      const idle = this.#flights.size === 0 && this.#active.size === 0;
      if (idle && this.#source.ended && !this.#ended.busy) return;
    }
    yield* this.#abort();
  }

  async #startThreads(): Promise<void> {
    const threads = this.#settings.batchThreads ?? (await defaultThreads(this.#device.info));
    if (threads > 0) this.#threads = await BatchThreads.start(threads, this.#expectedRuns);
  }

  /** How long the device has work, in milliseconds; Infinity if nothing is in flight, and 0 if only a pause is waited for. */
  get #busyMs(): number {
    if (this.#flights.size === 0) return this.#active.allWait ? 0 : Number.POSITIVE_INFINITY;
    return this.#pacer.remaining(performance.now());
  }

  /** Sends a chunk of the runs that have steps left and batches for them. False if there are none. */
  #send(): boolean {
    const turns = this.#active.turns(this.#pacer);
    if (turns.size === 0) return false;
    this.#flights.send(turns);
    this.#finisher.prepare(this.#active);
    return true;
  }

  /**
   * Waits for the oldest chunk, reports the windows that closed in it, and has the runs that ended with them scored.
   */
  async *#collect(): AsyncGenerator<LockstepEvent> {
    const trained = await Promise.race([this.#flights.next(), this.#halted]);
    if (!trained) return;
    const ended: Ended[] = [];
    for (const { turn, record } of trained) {
      const { run, steps, window } = turn;
      if (run.ended) continue;
      run.done += steps;
      this.#steps += steps;
      if (!window) continue;
      const { means, end } = outcomeOf(record, window, run.done, this.#settings);
      if (means) {
        run.lastWindow = means;
        yield { type: 'window', run: run.index, step: run.done, ...means };
      }
      if (end) ended.push({ run, ...end });
    }
    this.#end(ended);
    yield { type: 'progress', steps: this.#steps, running: this.#active.size };
  }

  /** Has runs scored that have ended, and gives their places to others. */
  #end(ended: readonly Ended[]): void {
    const events = this.#finisher.finish(ended);
    for (const [k, one] of ended.entries()) this.#ended.add(one, events[k]);
    this.#active.prune();
  }

  /** Ends the runs that a decision has stopped. */
  #endStopped(): void {
    const stopped = Array.from(this.#active).filter(({ isStopped }) => isStopped);
    if (stopped.length === 0) return;
    this.#end(stopped.map((run) => ({ run, steps: run.done, reason: 'stopped' })));
  }

  /**
   * Lets the caller decide about the runs, which all wait, and carries the decisions out. Places that are free first take further
   * runs: which runs pause together must not depend on who was faster.
   */
  async *#pause(): AsyncGenerator<LockstepEvent> {
    if (this.#admission.isDue) return;
    const runs = [...this.#active].sort((a, b) => a.index - b.index);
    const diverged = await Promise.race([divergedOf(runs), this.#halted]);
    if (!diverged) return;
    if (diverged.length > 0) {
      this.#end(diverged);
      return;
    }
    const control = new PauseControl(runs, rules);
    const told = runs.map(({ index, done, lastWindow }) => ({ run: index, step: done, ...lastWindow }));
    yield { type: 'pause', runs: told, control };
    const decisions = control.close();
    if (decisions.length > 0) this.#hooks.decided();
    carryOut(decisions);
    for (const run of runs) run.leavePause();
    if (decisions.length > 0) yield* this.#checkpoint();
  }

  /** Waits for what is in flight, reports what has finished, and saves the other runs. */
  async *#checkpoint(): AsyncGenerator<LockstepEvent> {
    while (this.#flights.size > 0) yield* this.#collect();
    await Promise.race([this.#ended.settled(), this.#halted]);
    yield* reported(this.#ended.drain());
    const reads = Array.from(this.#active, async (run) => ({
      run: run.index,
      checkpoint: await run.save(),
    }));
    const runs = await Promise.race([Promise.all(reads), this.#halted]);
    if (!runs || this.#settings.signal?.aborted) return;
    yield { type: 'checkpoint', runs };
  }

  /** With nothing to train: waits for batches, for the next run, for a finished run to be scored, or for the abort. */
  async #anything(): Promise<void> {
    const waits: Promise<void>[] = [];
    if (this.#threads && this.#active.size > 0) waits.push(this.#threads.more());
    if (!this.#source.ended) waits.push(this.#source.wait());
    if (this.#ended.busy) waits.push(this.#ended.settled());
    if (waits.length > 0) await Promise.race([...waits, this.#halted]);
  }

  async *#abort(): AsyncGenerator<LockstepEvent> {
    await this.#graceful();
    const abandoned = this.#ended.abandon();
    yield* reported(this.#ended.drain());
    for (const { run, steps } of abandoned) yield abortedEvent(run.index, steps);
    for (const run of this.#active) if (!run.ended) yield abortedEvent(run.index, run.done);
  }

  /** The finish events that are there, or will be soon, after everything else has stopped. */
  async *finished(): AsyncGenerator<LockstepEvent> {
    await this.#graceful();
    yield* reported(this.#ended.ready());
  }

  /** Waits for runs that are being scored, but not for long. */
  async #graceful(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, GRACE_MS);
    });
    await Promise.race([this.#ended.settled(), late]).finally(() => clearTimeout(timer));
  }

  async destroy(): Promise<void> {
    this.#halt();
    this.#settings.signal?.removeEventListener('abort', this.#halt);
    this.#finisher.stop();
    this.#cohorts.destroy();
    // Networks that are being scored have buffers of their own. After an abort they have had their time already.
    if (!this.#settings.signal?.aborted) await this.#graceful();
    this.#finisher.destroy();
    await this.#threads?.close();
    await this.#source.close();
  }
}

/** The runs that wait whose loss is no number any more. A window that closed would have said so. */
async function divergedOf(runs: readonly Run[]): Promise<Ended[]> {
  const steps = await Promise.all(runs.map((run) => run.divergedAt()));
  return runs.flatMap((run, k) => {
    const step = steps[k];
    return step === undefined ? [] : [{ run, steps: step, reason: 'non-finite' as const }];
  });
}

/** Checks the runs of a list before anything is allocated. Those of an iterable are checked as they come. */
function sourceOf(
  runs: LockstepOptions['runs'],
  settings: Settings,
  cohorts: Cohorts,
  { numberOf }: TrainerHooks,
): RunSource {
  const acceptor = new RunAcceptor(settings, (checkpoint, dataset) => cohorts.layoutOf(checkpoint, dataset));
  const accept = (run: LockstepRun, k: number) => {
    const accepted = acceptor.accept(run, numberOf(k));
    cohorts.check(accepted.dataset);
    return accepted;
  };
  if (!Array.isArray(runs))
    return new RunSource(runs, (run, k) => span('data', 'check a run', () => accept(run, k)));
  const accepted = span('data', 'check runs', () => Array.from(runs, accept));
  return new RunSource(accepted, (_, k) => accepted[k]);
}

/** The events, each released when the next one is asked for. */
function* reported(held: Iterable<Held<FinishEvent>>): Generator<LockstepEvent> {
  for (const { event, release } of held) {
    try {
      yield event;
    } finally {
      release();
    }
  }
}
