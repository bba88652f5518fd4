/**
 * One run under way, on the host: its place on the device, its batches, how far it has been sent ahead and which
 * window is open. It decides nothing: the device applies the stop rule, the trainer reads what came of it.
 */
import { HYPER, STEP } from '../../shaders/train/chunk.wgsl.js';
import type { AcceptedRun } from './accept-run.js';
import type { BatchPlan, BatchSource } from './batches/drawn.js';
import type { Placement } from './data-banks.js';
import {
  batchesBetween,
  examplesOf,
  lastClose,
  missBudget,
  nextClose,
  type WindowBatches,
  type WindowSettings,
} from './windows.js';

/** A chunk of so many steps is worth sending where more batches are not there yet. */
const SHORT_CHUNK = 16;

/** A window that closes at the end of a chunk. */
export interface Closing {
  step: number;
  batches: WindowBatches;
  budget: number;
}

/** What a run does in one chunk. */
export interface RunChunk {
  run: RunProgress;
  steps: number;
  closing?: Closing;
}

export class RunProgress {
  readonly index: number;
  /** Without what is on the device, and need not stay here. */
  readonly run: Omit<AcceptedRun, 'dataset' | 'checkpoint'>;
  readonly slot: number;
  readonly placement: Placement;
  /** Steps sent to the device. */
  sent = 0;
  /** Steps known to be done. */
  done = 0;
  finished = false;
  readonly #settings: WindowSettings;
  readonly #batches: BatchSource;
  #windowStart = 0;
  #power1 = 1;
  #power2 = 1;

  constructor(
    index: number,
    run: AcceptedRun,
    slot: number,
    placement: Placement,
    settings: Omit<WindowSettings, 'examples'>,
    batchPitch: number,
    openBatches: (plan: BatchPlan) => BatchSource,
  ) {
    this.index = index;
    const { weights, testSet, orderSeed, optimizer, checkpoint } = run;
    this.run = { weights, testSet, orderSeed, optimizer };
    this.slot = slot;
    this.placement = placement;
    this.#settings = { ...settings, examples: placement.examples };
    const { examples } = placement;
    const skip = checkpoint?.steps ?? 0;
    const { batchSize } = settings;
    this.#batches = openBatches({ examples, seed: orderSeed, batchSize, pitch: batchPitch, skip });
    this.#goOn(skip);
  }

  /** Brings the host's part of a run to where it stood after so many steps. */
  #goOn(steps: number): void {
    this.sent = steps;
    this.done = steps;
    this.#windowStart = lastClose(steps, this.#settings);
    const [beta1, beta2] = this.run.optimizer.betas;
    for (let s = 0; s < steps; s++) {
      this.#power1 *= beta1;
      this.#power2 *= beta2;
    }
  }

  /** AdamW's constants as the kernels take them. */
  get hypers(): Uint32Array<ArrayBuffer> {
    const { lr, weightDecay, betas, eps } = this.run.optimizer;
    const [beta1, beta2] = betas;
    const [oneMinusBeta1, oneMinusBeta2] = [1 - beta1, 1 - beta2];
    return HYPER.array([{ decay: 1 - lr * weightDecay, beta1, oneMinusBeta1, beta2, oneMinusBeta2, eps }]);
  }

  get decay(): number {
    return 1 - this.run.optimizer.lr * this.run.optimizer.weightDecay;
  }

  /** Whether there are steps left to send. */
  get hasMore(): boolean {
    return !this.finished && this.sent < this.#settings.maxSteps;
  }

  /** Whether enough of its batches are there for a chunk that is worth it. */
  get ready(): boolean {
    if (!this.hasMore) return false;
    const left = nextClose(this.sent, this.#settings) - this.sent;
    return this.#batches.available >= Math.min(SHORT_CHUNK, left);
  }

  /** Ends the run: no more of its batches are wanted. */
  finish(): void {
    this.finished = true;
    this.#batches.close();
  }

  /** The next chunk: at most `most` steps, and never past the end of the open window. */
  plan(most: number): RunChunk {
    const close = nextClose(this.sent, this.#settings);
    const steps = Math.min(most, close - this.sent, this.#batches.available);
    const end = this.sent + steps;
    if (end < close) return { run: this, steps };
    const batches = batchesBetween(this.#windowStart, end, this.#settings);
    return {
      run: this,
      steps,
      closing: { step: end, batches, budget: missBudget(end, batches, this.#settings) },
    };
  }

  /**
   * Writes the batches of a planned chunk and its AdamW step sizes; from here on the steps count as sent.
   */
  send(
    { steps, closing }: RunChunk,
    order: Uint32Array,
    orderAt: number,
    table: Float32Array,
    tableAt: number,
  ): void {
    const { lr, betas } = this.run.optimizer;
    const [beta1, beta2] = betas;
    this.#batches.take(order, orderAt, steps);
    const { stepSize, invRootCorrection2, invCount, count } = STEP.at;
    // Not in the fields: V8 allocates a number for each that is stored there.
    let [power1, power2] = [this.#power1, this.#power2];
    for (let s = 0; s < steps; s++) {
      const examples = examplesOf(this.sent + s, this.#settings);
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
    this.sent += steps;
    if (closing) this.#windowStart = this.sent;
  }
}
