/**
 * The host's side of one run: its slot on the device, its batches, how many steps were sent, and which window is open. The
 * device applies the stop rule, and the trainer reads the results.
 */
import { HYPER, STEP } from '../../shaders/train/chunk.wgsl.js';
import type { Window } from '../kernels/train/close-window.js';
import type { AcceptedRun } from './accept-run.js';
import type { BatchSettings, BatchSource } from './batches/drawn.js';
import type { Cohort } from './cohort.js';
import type { Placement } from './data-banks.js';
import type { Slot } from './slots.js';
import type { Turn } from './turn.js';
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

export class Run {
  readonly index: number;
  /** What the run was given, without what is on the device and need not stay here. */
  readonly given: Omit<AcceptedRun, 'index' | 'dataset' | 'checkpoint'>;
  readonly cohort: Cohort;
  readonly slot: Slot;
  readonly placement: Placement;
  /** Steps known to be done. */
  done = 0;
  #sent = 0;
  #ended = false;
  readonly #settings: WindowSettings;
  readonly #batches: BatchSource;
  #windowStart = 0;
  #power1 = 1;
  #power2 = 1;

  constructor(
    { index, weights, testSet, orderSeed, optimizer, checkpoint }: AcceptedRun,
    { cohort, slot, placement }: Place,
    settings: Omit<WindowSettings, 'examples'>,
    openBatches: (settings: BatchSettings) => BatchSource,
  ) {
    this.index = index;
    this.given = { weights, testSet, orderSeed, optimizer };
    this.cohort = cohort;
    this.slot = slot;
    this.placement = placement;
    const { examples } = placement;
    this.#settings = { ...settings, examples };
    const { batchSize } = settings;
    const pitch = cohort.plan.batchPitch;
    const skip = checkpoint?.steps ?? 0;
    this.#batches = openBatches({ examples, seed: orderSeed, batchSize, pitch, skip });
    this.#goOn(skip);
  }

  /** Sets the host's side of the run to where it stood after this many steps. */
  #goOn(steps: number): void {
    this.#sent = steps;
    this.done = steps;
    this.#windowStart = lastClose(steps, this.#settings);
    const [beta1, beta2] = this.given.optimizer.betas;
    for (let s = 0; s < steps; s++) {
      this.#power1 *= beta1;
      this.#power2 *= beta2;
    }
  }

  /** AdamW's constants as the kernels take them. */
  get hypers(): Uint32Array<ArrayBuffer> {
    const { betas, eps } = this.given.optimizer;
    const [beta1, beta2] = betas;
    const [oneMinusBeta1, oneMinusBeta2] = [1 - beta1, 1 - beta2];
    return HYPER.array([{ decay: this.decay, beta1, oneMinusBeta1, beta2, oneMinusBeta2, eps }]);
  }

  get decay(): number {
    return 1 - this.given.optimizer.lr * this.given.optimizer.weightDecay;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether there are steps left to send, and batches for a chunk that is worth sending. */
  get ready(): boolean {
    if (this.#ended || this.#sent >= this.#settings.maxSteps) return false;
    const left = nextClose(this.#sent, this.#settings) - this.#sent;
    return this.#batches.available >= Math.min(SHORT_CHUNK, left);
  }

  /** Ends the run: frees its slot and its data, and stops its batches. */
  end(): void {
    this.#ended = true;
    this.#batches.close();
    this.slot.free();
    this.cohort.banks.release(this.placement);
  }

  /** Steps of the next turn: at most `most`, and never past the end of the open window. */
  stepsWithin(most: number): number {
    const left = nextClose(this.#sent, this.#settings) - this.#sent;
    return Math.min(most, left, this.#batches.available);
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
    const { lr, betas } = this.given.optimizer;
    const [beta1, beta2] = betas;
    this.#batches.take(order, orderAt, steps);
    const { stepSize, invRootCorrection2, invCount, count } = STEP.at;
    // Local variables, because V8 allocates a number for each value that is stored in a field.
    let [power1, power2] = [this.#power1, this.#power2];
    for (let s = 0; s < steps; s++) {
      const examples = examplesOf(this.#sent + s, this.#settings);
      power1 *= beta1;
      power2 *= beta2;
      const at = tableAt + s * STEP.words;
      table[at + stepSize] = lr / (1 - power1);
      table[at + invRootCorrection2] = 1 / Math.sqrt(1 - power2);
      table[at + invCount] = 1 / examples;
      table[at + count] = examples;
    }
    this.#power1 = power1;
    this.#power2 = power2;
    this.#sent += steps;
    if (window) this.#windowStart = this.#sent;
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
