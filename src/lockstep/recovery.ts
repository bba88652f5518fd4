/**
 * Goes on with a training whose device was lost, or ran out of memory: from the last checkpoint of each run, which is kept in
 * memory, on a device that is opened in its place. Events that were reported before are not reported again. It knows no more of
 * a trainer than its options and events.
 */

import { reopen } from '../adapter/open.js';
import type { Device } from '../gpu/device.js';
import { checkFunction, checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { closedAfter, type Runs } from './iterables.js';
import { RecoveredRuns } from './recovered-runs.js';
import type { LostEvent, RecoveredEvent, RecoverOptions } from './recovery-types.js';
import { Reported, type RunStep } from './reported.js';

/** What a trainer asks of the recovery, and tells it. */
export interface TrainerHooks {
  /** The number of the k-th run that this trainer takes. */
  numberOf(k: number): number;
  /** Whether runs should be saved between two chunks. */
  checkpointDue(): boolean;
  /** The caller has decided about runs. Earlier checkpoints do not have the decision in them. */
  decided(): void;
}

const ATTEMPTS = 3;
const WAIT_SECONDS = 1;
const CHECKPOINT_SECONDS = 10;
/** The most of the time that checkpoints in memory take where nobody says how often they are wanted. */
const CHECKPOINT_SHARE = 0.005;

/** The options of a training that matter here. */
interface Recoverable<Run> {
  runs: Runs<Run>;
  checkpointSeconds?: number;
  signal?: AbortSignal;
  pauseEvery?: number;
  recover?: boolean | RecoverOptions;
}

/** The events of a trainer that matter here. */
type TrainerEvent =
  | { type: 'plan'; run?: number; runsAtOnce?: number; note?: string }
  | { type: 'progress'; steps: number; running: number }
  | { type: 'checkpoint'; runs: { run: number; checkpoint: { steps: number } }[] }
  | ({ type: 'window' | 'evaluation' } & RunStep)
  | { type: 'pause'; runs: RunStep[] }
  | { type: 'finish'; run: number; steps: number };

/** Begins a trainer on a device. At most `runsAtOnce` runs may train at once; undefined: any number. */
type Begin<Run, Event> = (
  device: Device,
  runs: Runs<Run>,
  hooks: TrainerHooks,
  runsAtOnce: number | undefined,
) => AsyncGenerator<Event, void, undefined>;

/** @throws LockstepError `bad-input` that names the option, its value and what fits. */
function checkRecover(recover: unknown): void {
  if (recover === undefined || typeof recover === 'boolean') return;
  const where = 'trainLockstep: recover';
  checkOptionNames(where, recover as object, ['attempts', 'waitSeconds', 'checkpointSeconds', 'device']);
  const { attempts, waitSeconds, checkpointSeconds, device } = recover as RecoverOptions;
  if (attempts !== undefined) checkNumber(where, 'attempts', attempts, { min: 0, whole: true });
  if (waitSeconds !== undefined) checkNumber(where, 'waitSeconds', waitSeconds, { min: 0 });
  if (checkpointSeconds !== undefined) checkNumber(where, 'checkpointSeconds', checkpointSeconds, { min: 0 });
  if (device !== undefined) checkFunction(where, 'device', device, '() => openDevice()');
}

/**
 * The events of a training that outlives its device. `begin` is called again for each device.
 *
 * @throws LockstepError `device-lost` or `out-of-memory` where the training cannot go on, and any other error of a trainer.
 */
export async function* recovering<Run extends { checkpoint?: unknown }, Event>(
  device: Device,
  options: Recoverable<Run>,
  begin: Begin<Run, Event>,
): AsyncGenerator<Event | LostEvent | RecoveredEvent, void, undefined> {
  const { recover = true } = options;
  checkRecover(recover);
  const recovery = new Recovery(device, options, recover, begin);
  yield* closedAfter(recovery.events(), () => recovery.close());
}

class Recovery<Run extends { checkpoint?: unknown }, Event> {
  readonly #options: Recoverable<Run>;
  readonly #begin: Begin<Run, Event>;
  readonly #settings: RecoverOptions;
  /** Undefined where recovery is off: then the runs that a trainer has taken are not kept. */
  readonly #runs: RecoveredRuns<Run> | undefined;
  #device: Device;
  /** Whether the device was opened here. */
  #isOurs = false;
  #failures = 0;
  #runsAtOnce: number | undefined;
  /** How many runs are under way, by the events, and the most that were so at once on this device. */
  #running = 0;
  #mostRunning = 0;
  #stepsBefore = 0;
  #stepsReported = 0;
  #lastPause: readonly RunStep[] = [];
  #savedAt = performance.now();
  /** Seconds that the last checkpoint took. */
  #savedIn = 0;
  /** When the trainer was asked for the event to come. */
  #askedAt = 0;
  #reportedAt = performance.now();
  readonly #reported = new Reported();

  constructor(
    device: Device,
    options: Recoverable<Run>,
    recover: boolean | RecoverOptions,
    begin: Begin<Run, Event>,
  ) {
    this.#device = device;
    this.#options = options;
    this.#begin = begin;
    this.#settings = typeof recover === 'object' ? recover : {};
    if (recover !== false) this.#runs = new RecoveredRuns(options.runs, options.pauseEvery !== undefined);
  }

  async *events(): AsyncGenerator<Event | LostEvent | RecoveredEvent, void, undefined> {
    for (;;) {
      try {
        yield* this.#train();
        return;
      } catch (error) {
        const reason = this.#reasonOf(error);
        if (!reason) throw error;
        this.#reported.lost();
        yield { type: 'lost', reason, message: (error as Error).message };
        yield await this.#replace(reason, error);
      }
    }
  }

  async *#train(): AsyncGenerator<Event, void, undefined> {
    const runs = this.#runs?.forTrainer() ?? this.#options.runs;
    const hooks: TrainerHooks = {
      numberOf: (k) => this.#runs?.numberOf(k) ?? k,
      checkpointDue: () => this.#checkpointDue,
      decided: () => this.#reported.unsaved(this.#lastPause),
    };
    this.#stepsBefore = this.#runs?.steps ?? 0;
    this.#savedAt = performance.now();
    this.#running = 0;
    this.#mostRunning = 0;
    this.#askedAt = performance.now();
    for await (const event of this.#begin(this.#device, runs, hooks, this.#runsAtOnce)) {
      const reported = this.#report(event as TrainerEvent);
      if (reported) yield reported as Event;
      this.#askedAt = performance.now();
    }
  }

  get #checkpointDue(): boolean {
    if (this.#reported.waitsForCheckpoint) return true;
    const { checkpointSeconds = Math.max(CHECKPOINT_SECONDS, this.#savedIn / CHECKPOINT_SHARE) } =
      this.#settings;
    const seconds = this.#runs ? Math.min(this.#callersSeconds, checkpointSeconds) : this.#callersSeconds;
    return performance.now() - this.#savedAt >= 1e3 * seconds;
  }

  get #callersSeconds(): number {
    return this.#options.checkpointSeconds ?? Number.POSITIVE_INFINITY;
  }

  /** The event as the caller gets it; undefined if the caller has had it before, or it is not for the caller. */
  #report(event: TrainerEvent): TrainerEvent | undefined {
    switch (event.type) {
      case 'plan':
        return this.#planned(event);
      case 'progress':
        this.#ran(event.running);
        // Steps since the last checkpoint are trained a second time, but count once.
        this.#stepsReported = Math.max(this.#stepsReported, this.#stepsBefore + event.steps);
        return { ...event, steps: this.#stepsReported };
      case 'checkpoint':
        return this.#saved(event);
      case 'pause': {
        const runs = event.runs.filter((one) => this.#reported.isNew('pause', one));
        this.#lastPause = runs;
        // A run that comes later is there at once after a loss: without a checkpoint it might begin before this pause.
        if (this.#runs?.areAsync) this.#reported.unsaved(runs);
        return runs.length > 0 ? { ...event, runs } : undefined;
      }
      case 'finish':
        this.#runs?.finished(event.run, event.steps);
        if (!this.#reported.isFirstEnd(event.run)) return undefined;
        this.#failures = 0;
        return event;
      default:
        return this.#reported.isNew(event.type, event) ? event : undefined;
    }
  }

  #ran(running: number): void {
    this.#running = running;
    this.#mostRunning = Math.max(this.#mostRunning, running);
  }

  /** For how many runs at once the device had too little memory. */
  get #atOnce(): number {
    const { runs } = this.#options;
    return this.#mostRunning || (this.#runsAtOnce ?? (Array.isArray(runs) ? runs.length : 128));
  }

  #planned(event: Extract<TrainerEvent, { type: 'plan' }>): TrainerEvent | undefined {
    this.#ran(event.runsAtOnce ?? this.#running + 1);
    if (event.run !== undefined) {
      return this.#reported.isNew('plan', { run: event.run, step: 0 }) ? event : undefined;
    }
    if (this.#runsAtOnce === undefined) return event;
    return { ...event, note: `the device has no memory for more than ${this.#runsAtOnce} at once` };
  }

  #saved(event: Extract<TrainerEvent, { type: 'checkpoint' }>): TrainerEvent | undefined {
    const now = performance.now();
    this.#savedAt = now;
    this.#savedIn = (now - this.#askedAt) / 1e3;
    this.#reported.saved();
    this.#failures = 0;
    this.#runs?.saved(event.runs);
    // Some may be trained a second time, of which the caller knows the ends: the next checkpoint is for the caller.
    if (event.runs.some(({ run }) => this.#reported.hasFinished(run))) return undefined;
    if (now - this.#reportedAt < 1e3 * this.#callersSeconds) return undefined;
    this.#reportedAt = now;
    return this.#runs ? { ...event, runs: this.#runs.checkpoints() } : event;
  }

  /** The reason for which a training ended, if it can go on; else undefined. */
  #reasonOf(error: unknown): LostEvent['reason'] | undefined {
    if (!this.#runs || !(error instanceof LockstepError) || this.#options.signal?.aborted) return undefined;
    if (error.code === 'out-of-memory') return this.#atOnce > 1 ? 'out-of-memory' : undefined;
    if (this.#failures >= (this.#settings.attempts ?? ATTEMPTS)) return undefined;
    if (error.code !== 'device-lost' || this.#device.destroyed) return undefined;
    return this.#device.owned || this.#settings.device ? 'device-lost' : undefined;
  }

  async #replace(reason: LostEvent['reason'], cause: unknown): Promise<RecoveredEvent> {
    if (reason === 'out-of-memory') {
      this.#runsAtOnce = Math.ceil(this.#atOnce / 2);
      return { type: 'recovered', device: this.#device, runsAtOnce: this.#runsAtOnce };
    }
    this.#failures++;
    const { attempts = ATTEMPTS, waitSeconds = WAIT_SECONDS, device } = this.#settings;
    for (;;) {
      await waited(waitSeconds, this.#options.signal);
      if (this.#options.signal?.aborted) throw cause;
      try {
        this.#use(await (device ? device() : reopen(this.#device)), device === undefined);
        return { type: 'recovered', device: this.#device };
      } catch (error) {
        if (++this.#failures <= attempts) continue;
        const message = `${(cause as Error).message} No other could be opened: ${(error as Error).message}`;
        throw new LockstepError('device-lost', message, { cause: error });
      }
    }
  }

  #use(device: Device, isOurs: boolean): void {
    if (this.#isOurs) this.#device.destroy();
    this.#device = device;
    this.#isOurs = isOurs;
  }

  async close(): Promise<void> {
    if (this.#isOurs) this.#device.destroy();
    await this.#runs?.close();
  }
}

/** Resolves after `seconds` seconds, or when the signal fires. */
async function waited(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, 1e3 * seconds);
    signal?.addEventListener('abort', end, { once: true });
  });
}
