/**
 * What goes into the lockstep trainer and what comes out of it: runs, options, events. Types only; the work is in
 * trainer.ts.
 */
import type { MlpWeights } from '../kernels/train/mlp-weights.js';
import type { KernelName } from '../kernels/train/training-kernel.js';
import type { BinaryDataset } from '../tensor/bits.js';

export type { MlpWeights };

/** AdamW with decoupled weight decay (Loshchilov and Hutter 2019), as `torch.optim.AdamW` computes it. */
export interface AdamWSettings {
  lr: number;
  weightDecay: number;
  beta1: number;
  beta2: number;
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
}

/**
 * Where a run stood between two chunks of steps, with everything that training on to the same bits takes. For the
 * trainer to read: the arrays are as the kernel keeps them.
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
  dataset: BinaryDataset;
  /** Scored once, after the run's last step. Without it `testAccuracy` is NaN. */
  testSet?: BinaryDataset;
  /** Seed of the epoch order: `torch.randperm` on one generator that lives on over the epochs. */
  orderSeed: number;
  optimizer: AdamWSettings;
  /** Goes on from here instead of from the weights; all else as it was, options too, and the run ends in the same bits. */
  checkpoint?: RunCheckpoint;
}

/** When a run may end before `maxSteps`: `windows` windows in a row with a mean accuracy of at least `accuracy`. */
export interface StopRule {
  minSteps: number;
  accuracy: number;
  windows: number;
}

/** Options of {@link trainLockstep}. */
export interface LockstepOptions {
  /** A list, or an iterable that yields runs as their data becomes ready; training starts with the first. */
  runs: Iterable<LockstepRun> | AsyncIterable<LockstepRun>;
  /** Features N of the model, 1 to 1024. */
  features: number;
  /** Hidden width W. Default 512. */
  hidden?: number;
  /** Default 128. */
  batchSize?: number;
  maxSteps: number;
  /** Steps a window; windows close at step 1, at every multiple of this and at the last step. Default 250. */
  logInterval?: number;
  stop?: StopRule;
  /**
   * Which kernel variant trains. `auto`: the fastest that the adapter and the shape allow. On a GPU those are `tiles-persistent`
   * and `tiles-batched`, which give the same bits: they are timed for the shape and the number of runs, and the winner is
   * remembered, in Node in the user's cache folder. Default `auto`.
   */
  kernel?: 'auto' | KernelName;
  /** Ends the training early: runs under way are reported as `aborted`, and the iterator returns. */
  signal?: AbortSignal;
  /** How many runs `runs` will yield, where it is not a list: room for so many is made. Default 128. */
  expectedRuns?: number;
  /** Hand out the final weights with each `finish` event. Default false. */
  keepWeights?: boolean;
  /** Seconds between `checkpoint` events; the device waits for each. Default: none. */
  checkpointSeconds?: number;
  /**
   * Threads that draw the runs' batches ahead of the device. Default: none in a browser and on an adapter that computes
   * on the CPU; else as many as there are cores less two, up to 8. The numbers are the same.
   */
  batchThreads?: number;
}

/** Runs are numbered in the order in which `runs` yields them. */
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
  | {
      type: 'finish';
      run: number;
      steps: number;
      /** `non-finite`: the loss stopped being a number at step `steps`. `aborted`: the signal fired. */
      reason: 'stopped' | 'max-steps' | 'non-finite' | 'aborted';
      /** Share of the test set with `(p >= 0.5) == (y >= 0.5)`; NaN without a test set or when aborted. */
      testAccuracy: number;
      weights?: MlpWeights;
    };
