/**
 * The inputs and outputs of the lockstep trainer: runs, options and events. Types only.
 */
import type { MlpWeights } from '../kernels/train/mlp-weights.js';
import type { KernelName } from '../kernels/train/training-kernel.js';
import type { Bits, Examples, Labels } from '../tensor/pack-bits.js';

export type { MlpWeights };

/**
 * AdamW with decoupled weight decay (Loshchilov and Hutter 2019), as `torch.optim.AdamW` computes it. The options and
 * defaults of `optim.AdamW`.
 */
export interface AdamWSettings {
  /** Learning rate. Default 1e-3. */
  lr?: number;
  /** Decay of the running means of the gradient and of its square, in [0, 1). Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Default 0.01. */
  weightDecay?: number;
}

/**
 * Examples with labels, all 0 or 1, of any of the usual forms; they are packed into bits once, however many runs name the
 * object. Large ones come packed, and are not copied: a {@link BitMatrix} and a {@link BitVector}.
 *
 * @example
 * const dataset = { x: [[0, 1, 1], [1, 0, 0]], y: [0, 1] };
 * const read = { x: await inputs.data(), y: await targets.data() };   // of tensors [examples, features] and [examples]
 * const packed = { x: BitMatrix.random(4096, 32, new Generator(1)), y: new BitVector(4096) };
 */
export interface LockstepDataset {
  /** `[examples, features]`: rows of numbers, the numbers row by row in one array, data with a shape, or a BitMatrix. */
  x: Examples | Bits;
  /** `[examples]` or `[examples, 1]`: a label an element in any array, data with a shape, or a BitVector. */
  y: Labels;
}

/**
 * The state of a run between two chunks of steps, from which it resumes with the same bits. The arrays have the kernel's own
 * layout. It may be copied and written to files. A run whose checkpoint does not fit it is refused.
 */
export interface RunCheckpoint {
  /** Steps done. */
  steps: number;
  /** The kernel whose layout `state` has; another one cannot go on from it. */
  kernel: KernelName;
  /** Weights and moments. */
  state: Float32Array;
  /** Sums of the open window. */
  sums: Uint32Array;
  /** Windows in a row, up to the last, that counted for the stop rule. */
  stableWindows: number;
}

/** One model to train. Runs that name the same dataset object share its memory on the device. */
export interface LockstepRun {
  /** Initial weights; read once, never written. */
  weights: MlpWeights;
  /** What it learns. */
  dataset: LockstepDataset;
  /** Scored once, after the run's last step. Without it `testAccuracy` is NaN. */
  testSet?: LockstepDataset;
  /** Seed of the epoch order: `torch.randperm` of one generator for all epochs. */
  orderSeed: number;
  /** Default: PyTorch's, see {@link AdamWSettings}. */
  optimizer?: AdamWSettings;
  /** Resume from here instead of from the weights. With everything else as before, options too, the run ends with the same bits. */
  checkpoint?: RunCheckpoint;
}

/** When a run may end before `maxSteps`: `windows` windows in a row with a mean accuracy of at least `accuracy`. */
export interface StopRule {
  /** Windows that close before this step do not count. */
  minSteps: number;
  /** Of the training batches, from 0 to 1. */
  accuracy: number;
  /** 1 or more. */
  windows: number;
}

/** Options of {@link trainLockstep}. */
export interface LockstepOptions {
  /** A list, or an iterable that yields runs as their data becomes ready; training starts with the first. */
  runs: Iterable<LockstepRun> | AsyncIterable<LockstepRun>;
  /** Features N of the model, 1 to 1024. */
  features: number;
  /** Hidden width W, 1 to 4096. Default 512. */
  hidden?: number;
  /** Examples a step, 1 to 1024; the last batch of an epoch may have fewer. Default 128. */
  batchSize?: number;
  /** Steps after which a run ends, whatever it has learned. */
  maxSteps: number;
  /** Steps a window; windows close at step 1, at every multiple of this and at the last step. Default 250. */
  logInterval?: number;
  /** Default: every run takes `maxSteps` steps. */
  stop?: StopRule;
  /**
   * Which kernel variant trains. `auto`: the fastest that the adapter and the shape allow. On a GPU those are `tiles-persistent`
   * and `tiles-batched`, which give the same bits: they are timed for the shape and the number of runs, and the winner is
   * remembered, in Node in the user's cache folder. Default `auto`.
   */
  kernel?: 'auto' | KernelName;
  /** Ends the training early: runs under way are reported as `aborted`, and the iterator returns. */
  signal?: AbortSignal;
  /** How many runs `runs` will yield. Memory is allocated for so many; further ones wait. Default: the list's length, else 128. */
  expectedRuns?: number;
  /**
   * Read the final weights of every run while others train: `weights()` of a `finish` event then answers at once, and whenever
   * it is asked. Default false: a trained network stays on the device, and is freed after its event.
   */
  keepWeights?: boolean;
  /** Seconds between `checkpoint` events; the device waits for each. Default: none. */
  checkpointSeconds?: number;
  /**
   * Threads that draw the runs' batches ahead of the device. Default: none in a browser and on an adapter that computes
   * on the CPU; else as many as there are cores less two, up to 8. The numbers are the same.
   */
  batchThreads?: number;
}

/** A run has ended and was scored. */
export interface FinishEvent {
  type: 'finish';
  run: number;
  /** Steps that it took, those before a checkpoint included. */
  steps: number;
  /**
   * `stopped`: the stop rule held. `max-steps`: it took them all. `non-finite`: the loss stopped being a number at
   * step `steps`. `aborted`: the signal fired.
   */
  reason: 'stopped' | 'max-steps' | 'non-finite' | 'aborted';
  /** Share of the test set with `(p >= 0.5) == (y >= 0.5)`; NaN without a test set or when aborted. */
  testAccuracy: number;
  /**
   * Reads the final weights from the device. To be called before the next event is asked for, as in the body of a `for await`;
   * with `keepWeights` at any time.
   *
   * @throws LockstepError `disposed` where it is called too late, or the run was aborted.
   * @example
   * for await (const event of trainLockstep(device, options)) {
   *   if (event.type === 'finish' && event.testAccuracy === 1) best = await event.weights();
   * }
   */
  weights(): Promise<MlpWeights>;
}

/**
 * What happens in a training, in this order for each run: its windows, then its `finish`. Runs are numbered in the order in
 * which `runs` yields them.
 */
export type LockstepEvent =
  /**
   * A kernel was compiled for the runs to come: which, for how many features (columns that are 0 in every row of a
   * dataset are left out), how many runs at once, and what holds them back where that is fewer than there are.
   */
  | { type: 'plan'; kernel: string; features: number; runsAtOnce: number; note?: string }
  /** A chunk of steps is done: steps of all runs together since the start (or the checkpoints), and how many runs are under way. */
  | { type: 'progress'; steps: number; running: number }
  /** Where each run under way stands. A run whose `finish` was reported before is not in it. */
  | { type: 'checkpoint'; runs: { run: number; checkpoint: RunCheckpoint }[] }
  /** A window closed. `loss` and `accuracy` are the unweighted means of the batches since the last one. */
  | { type: 'window'; run: number; step: number; loss: number; accuracy: number }
  /** A run has ended and was scored. */
  | FinishEvent;
