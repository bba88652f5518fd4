/**
 * The host's side of one run: its slot on the device, its batches, how many steps were sent, and which window is open. The
 * device applies the stop rule, and the trainer reads the results.
 */
import { STEP } from '../../shaders/train/chunk.wgsl.js';
import type { Window } from '../kernels/train/close-window.js';
import type { BinaryDataset } from '../tensor/bits.js';
import type { AcceptedRun } from './accept-run.js';
import type { BatchSettings, BatchSource } from './batches/drawn.js';
import type { Cohort } from './cohort.js';
import type { Placement } from './data-banks.js';
import { RunOptimizer } from './run-optimizer.js';
import type { Slot } from './slots.js';
import type { Turn } from './turn.js';
import type { AdamWSettings, RunCheckpoint, RunControl } from './types.js';
import {
  batchesBetween,
  examplesOf,
  lastClose,
  missBudget,
  nextClose,
  type WindowSettings,
} from './windows.js';

/** A chunk of this many steps is worth sending, even if there will be more batches later. */
const SHORT_CHUNK = 16;

/** Where a run is put. */
interface Place {
  cohort: Cohort;
  slot: Slot;
  placement: Placement;
}

/** What the steps of a run depend on: its windows, and where it pauses. */
type RunSettings = WindowSettings & { pauseEvery?: number };

export class Run {
  readonly index: number;
  readonly testSet?: BinaryDataset;
  readonly cohort: Cohort;
  readonly slot: Slot;
  readonly placement: Placement;
  readonly optimizer: RunOptimizer;
  /** Steps known to be done. */
  done: number;
  /** Means of the last window; NaN before the first one. */
  lastWindow = { loss: Number.NaN, accuracy: Number.NaN };
  #sent: number;
  #ended = false;
  #isStopped = false;
  readonly #settings: RunSettings;
  readonly #of: RunCheckpoint['of'];
  readonly #batches: BatchSource;
  #windowStart: number;
  /** The step at which the run waits for the next pause. */
  #pauseAt: number;
  /** Whether checkpoints say what decisions have made of the run. */
  readonly #isControlled: boolean;

  constructor(
    { index, weights, testSet, orderSeed, optimizer, checkpoint, of }: AcceptedRun,
    { cohort, slot, placement }: Place,
    settings: Omit<RunSettings, 'examples'>,
    openBatches: (settings: BatchSettings) => BatchSource,
  ) {
    this.index = index;
    this.testSet = testSet;
    this.#of = of;
    this.cohort = cohort;
    this.slot = slot;
    this.placement = placement;
    const { examples, columns } = placement;
    this.#settings = { ...settings, examples };
    const { batchSize } = settings;
    const pitch = cohort.plan.batchPitch;
    const { steps = 0, control } = checkpoint ?? {};
    this.#batches = openBatches({ examples, seed: orderSeed, batchSize, pitch, skip: steps });
    this.#sent = steps;
    this.done = steps;
    this.#windowStart = lastClose(steps, this.#settings);
    const { w1, b1 } = weights;
    const leavesOut = b1.length * columns.length < w1.length;
    this.optimizer = new RunOptimizer({ settings: optimizer, w1, leavesOut, steps, control });
    this.#isControlled = settings.pauseEvery !== undefined || control !== undefined;
    this.#pauseAt = this.#nextPause;
    if (control) this.#goOn(control);
  }

  /** Sets what a checkpoint says of pauses. */
  #goOn({ last: [loss, accuracy], status }: RunControl): void {
    this.lastWindow = { loss, accuracy };
    this.#isStopped = status === 'stopped';
    if (status === 'waits' && this.#settings.pauseEvery !== undefined) this.#pauseAt = this.done;
  }

  get #nextPause(): number {
    const { pauseEvery = Number.POSITIVE_INFINITY } = this.#settings;
    return (Math.floor(this.done / pauseEvery) + 1) * pauseEvery;
  }

  /** The step that no turn goes beyond: where the open window closes, or the run waits for a pause before that. */
  get #turnEnd(): number {
    return Math.min(nextClose(this.#sent, this.#settings), this.#pauseAt);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether there are steps left to send, and batches for a chunk that is worth sending. */
  get ready(): boolean {
    if (this.#ended || this.#isStopped || this.#sent >= this.#settings.maxSteps) return false;
    const left = this.#turnEnd - this.#sent;
    return left > 0 && this.#batches.available >= Math.min(SHORT_CHUNK, left);
  }

  /** Ends the run: frees its slot and its data, and stops its batches. */
  end(): void {
    this.#ended = true;
    this.#batches.close();
    this.slot.free();
    this.cohort.banks.release(this.placement);
  }

  /** Steps of the next turn: at most `most`, and never past the end of the open window or the next pause. */
  stepsWithin(most: number): number {
    return Math.min(most, this.#turnEnd - this.#sent, this.#batches.available);
  }

  /** The next turn, of at most `most` steps. */
  turn(most: number): RunTurn {
    const steps = this.stepsWithin(most);
    const end = this.#sent + steps;
    if (end < nextClose(this.#sent, this.#settings)) return new RunTurn(this, steps);
    const batches = batchesBetween(this.#windowStart, end, this.#settings);
    return new RunTurn(this, steps, { ...batches, budget: missBudget(end, batches, this.#settings) });
  }

  /** Writes the batches of a turn and its AdamW step sizes; the steps then count as sent. See {@link Turn.send}. */
  send(
    { steps, window }: RunTurn,
    order: Uint32Array,
    orderAt: number,
    table: Float32Array,
    tableAt: number,
  ): void {
    this.#batches.take(order, orderAt, steps);
    const { invCount, count } = STEP.at;
    for (let s = 0; s < steps; s++) {
      const examples = examplesOf(this.#sent + s, this.#settings);
      table[tableAt + s * STEP.words + invCount] = 1 / examples;
      table[tableAt + s * STEP.words + count] = examples;
    }
    this.optimizer.send(table, tableAt, steps);
    this.#sent += steps;
    if (window) this.#windowStart = this.#sent;
  }

  /** Whether the run waits for a pause. */
  get waits(): boolean {
    return !this.#ended && !this.#isStopped && this.done === this.#pauseAt;
  }

  /** Whether a decision has stopped the run. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** For a run that waits: the first step of the open window whose loss was no number; undefined if there is none. */
  async divergedAt(): Promise<number | undefined> {
    if (this.#windowStart === this.done) return undefined;
    const nanSteps = await this.slot.nanSteps();
    return nanSteps > 0 ? this.done - nanSteps + 1 : undefined;
  }

  /** The pause is over. */
  leavePause(): void {
    this.#pauseAt = this.#nextPause;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Goes on with other settings. Those that are not given stay. */
  change(settings: AdamWSettings): void {
    this.optimizer.change(settings, this.done);
    this.slot.setHypers(this.optimizer.hypers);
  }

  /** Goes on from another run's weights and moments. */
  fork(from: Run): void {
    if (from === this) return;
    this.slot.copyState(from.slot);
    this.optimizer.fork(this.done, from.optimizer, from.done);
  }

  /** Reads the run's state. Only while no chunk is under way. */
  async save(): Promise<RunCheckpoint> {
    const control = this.#isControlled ? { control: this.#control } : {};
    return { ...(await this.slot.save(this.done)), of: this.#of, ...control };
  }

  get #control(): RunControl {
    const { loss, accuracy } = this.lastWindow;
    const status = this.#isStopped ? 'stopped' : this.waits ? 'waits' : 'trains';
    return { ...this.optimizer.state, last: [loss, accuracy], status };
  }
}

/** A run's turn in a chunk. */
export class RunTurn implements Turn {
  readonly run: Run;
  readonly steps: number;
  readonly window?: Window;

  constructor(run: Run, steps: number, window?: Window) {
    this.run = run;
    this.steps = steps;
    this.window = window;
  }

  get slot(): Slot {
    return this.run.slot;
  }

  get placement(): Placement {
    return this.run.placement;
  }

  send(order: Uint32Array, orderAt: number, table: Float32Array, tableAt: number): void {
    this.run.send(this, order, orderAt, table, tableAt);
  }
}
