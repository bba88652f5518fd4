/**
 * The inputs and outputs of the lockstep trainer: runs, options and events. Types only.
 */
import type { MlpWeights } from '../kernels/train/mlp-weights.js';
import type { KernelName } from '../kernels/train/training-kernel.js';
import type { Bits, Examples, Labels } from '../tensor/pack-bits.js';
import type { PauseEvent } from './control.js';
import type { LostEvent, RecoveredEvent, RecoverOptions } from './recovery-types.js';

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
 * Examples with labels, all 0 or 1, in any of the usual forms. They are packed into bits once, however many runs name
 * the object. Large ones can come packed, as a {@link BitMatrix} and a {@link BitVector}; these are not copied.
 *
 * @example
 * const dataset = { x: [[0, 1, 1], [1, 0, 0]], y: [0, 1] };
 * const read = { x: await inputs.data(), y: await targets.data() };   // of tensors [examples, features] and [examples]
 * const packed = { x: BitMatrix.random(4096, 32, new Generator(1)), y: new BitVector(4096) };
 */
export interface LockstepDataset {
  /** `[examples, features]`: rows of numbers, the numbers row by row in one array, data with a shape, or a BitMatrix. */
  x: Examples | Bits;
  /** `[examples]` or `[examples, 1]`: any array with one label an element, data with a shape, or a BitVector. */
  y: Labels;
}

/**
 * The state of a run between two chunks of steps, from which it resumes with the same bits. The arrays have the kernel's own
 * layout. It may be copied and written to files. A run whose checkpoint does not fit it is refused.
 */
export interface RunCheckpoint {
  /** Steps done. */
  steps: number;
  /** The kernel that made it and whose layout `state` has. No other kernel can go on from it. */
  kernel: KernelName;
  /** Weights and moments. */
  state: Float32Array;
  /** Sums of the open window. */
  sums: Uint32Array;
  /** How many of the run's latest windows in a row passed the stop rule. */
  stableWindows: number;
  /** What a run that goes on from here must have, too. `data`: how many training examples there are, and a checksum of them. */
  of: { readonly data: string; readonly batchSize: number; readonly orderSeed: number };
  /** In a training with `pauseEvery`: what decisions in pauses have made of the run, and how it stands with the next one. */
  control?: RunControl;
}

/** The part of a run's state that pauses can change, but for its weights and moments. */
export interface RunControl {
  /** Its settings now. */
  optimizer: AdamWSettings;
  /** How many steps the moments have seen: the run's own, or those of the run that it goes on from and its own since. */
  optimizerSteps: number;
  /** Mean loss and accuracy of the last window; NaN before the first one. */
  last: readonly [loss: number, accuracy: number];
  /** `waits`: it has come to a pause, and the caller has not decided yet. `stopped`: the caller has stopped it. */
  status: 'trains' | 'waits' | 'stopped';
  /**
   * The weights of features that are 0 in all of the run's examples, which only decay. `factor`: what the decay up to step `since` has
   * made of 1. `w1`: [hidden, features], the initial weights of the run that it goes on from, if it is another one.
   */
  leftOut: { factor: number; since: number; w1?: Float32Array };
}

/**
 * One model to train. Runs that name the same dataset object share its memory on the device. Its arrays are not copied on the host,
 * and are read again where a lost device is replaced: leave them as they are until the run has finished, also in an iterable.
 */
export interface LockstepRun {
  /** Initial weights; never written. */
  weights: MlpWeights;
  /** What it learns. */
  dataset: LockstepDataset;
  /** Scored once, after the run's last step. Without it `testAccuracy` is NaN. */
  testSet?: LockstepDataset;
  /** Seed of the epoch order: one generator draws a `torch.randperm` for each epoch. */
  orderSeed: number;
  /** Default: PyTorch's, see {@link AdamWSettings}. */
  optimizer?: AdamWSettings;
  /**
   * Resume from here instead of from `weights`. If all else is as before, options too, the run ends with the same
   * bits.
   */
  checkpoint?: RunCheckpoint;
}

/**
 * When a run may end before `maxSteps`: after `windows` windows in a row with a mean accuracy of at least `accuracy`.
 */
export interface StopRule {
  /** Windows that close before this step do not count. */
  minSteps: number;
  /** Accuracy on the training batches, from 0 to 1. */
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
  /** Examples in a step, 1 to 1024; the last batch of an epoch may have fewer. Default 128. */
  batchSize?: number;
  /** Steps after which a run ends, whatever it has learned. */
  maxSteps: number;
  /** Steps in a window. Windows close at step 1, at every multiple of this and at the last step. Default 250. */
  logInterval?: number;
  /** Default: every run takes `maxSteps` steps. */
  stop?: StopRule;
  /**
   * Which kernel variant trains. `auto` is the fastest that the adapter and the shape allow. On a GPU that is
   * `tiles-persistent` or `tiles-batched`, which give the same bits: both are timed for the shape and the number of
   * runs, and the winner is remembered, in Node in the user's cache folder. `auto` never takes `tiles-f16`, whose products are
   * done by matrix units, in three f16 parts: it needs a device opened with {@link subgroupMatrices}, its sums are in another order
   * and other bits than those of `tiles-batched`, and no GPU has run it yet. Default `auto`.
   */
  kernel?: 'auto' | KernelName;
  /** Ends the training early: runs under way are reported as `aborted`, and the iterator returns. */
  signal?: AbortSignal;
  /**
   * How many runs `runs` will yield. Memory is allocated for this many; further ones wait. Default: the list's
   * length, else 128.
   */
  expectedRuns?: number;
  /**
   * Reads the final weights of every run while others train, so that `weights()` of a `finish` event answers at once,
   * at any time. Default false: a trained network stays on the device and is freed after its event.
   */
  keepWeights?: boolean;
  /**
   * At every multiple of this step a run waits for a `pause` event, in which the caller may decide about it. The event comes when
   * all runs under way wait, each at its next multiple, and no further one has a place: which runs of a list pause together
   * depends only on the runs and on how many train at once. Until the next event is asked for, the device does nothing. Default:
   * never.
   */
  pauseEvery?: number;
  /** Seconds between `checkpoint` events. The device waits for each of them. Default: no such events. */
  checkpointSeconds?: number;
  /**
   * Threads that draw the runs' batches ahead of the device. Default: none in a browser and on an adapter that
   * computes on the CPU; else two fewer than there are cores, up to 8. The numbers do not depend on it.
   */
  batchThreads?: number;
  /**
   * Whether, and how, the training goes on where the device is lost (by a driver's reset or its watchdog) or has too little
   * memory: from checkpoints in memory, to the same bits, with the events `lost` and `recovered`. Default true: up to three
   * times in a row, on a device like the one that was lost. That `weights()` was not called before a loss cannot be made good:
   * with `keepWeights` they are read before the event.
   */
  recover?: boolean | RecoverOptions;
}

/** A run has ended and was scored. */
export interface FinishEvent {
  type: 'finish';
  run: number;
  /** Steps that the run took, including those before a checkpoint. */
  steps: number;
  /**
   * `stopped`: the stop rule held, or a decision in a pause. `max-steps`: it took `maxSteps` steps. `non-finite`: the loss
   * stopped being a number at step `steps`. `aborted`: the signal fired.
   */
  reason: 'stopped' | 'max-steps' | 'non-finite' | 'aborted';
  /** Share of the test set with `(p >= 0.5) == (y >= 0.5)`; NaN without a test set or when aborted. */
  testAccuracy: number;
  /**
   * Reads the final weights from the device. Call it before you ask for the next event, as in the body of a
   * `for await`; with `keepWeights` at any time.
   *
   * @throws LockstepError `disposed` if it is called too late, or the run was aborted.
   * @example
   * for await (const event of trainLockstep(device, options)) {
   *   if (event.type === 'finish' && event.testAccuracy === 1) best = await event.weights();
   * }
   */
  weights(): Promise<MlpWeights>;
}

/**
 * What happens in a training. For each run its windows come first, then its `finish`. Runs are numbered in the order
 * in which `runs` yields them.
 */
export type LockstepEvent =
  /**
   * A kernel was compiled for runs to come: its name, for how many features (columns that are 0 in every row of a
   * dataset are left out), how many runs train at once. `note`: what limits them, if more are to come, and what is to be known
   * of the kernel.
   */
  | { type: 'plan'; kernel: string; features: number; runsAtOnce: number; note?: string }
  /**
   * A chunk of steps is done. `steps`: of all runs together since the start (or the checkpoints). `running`: runs
   * under way.
   */
  | { type: 'progress'; steps: number; running: number }
  /** The state of each run under way. A run whose `finish` was reported before is not in it. */
  | { type: 'checkpoint'; runs: { run: number; checkpoint: RunCheckpoint }[] }
  /** A window closed. `loss` and `accuracy` are the unweighted means of the batches since the window before. */
  | { type: 'window'; run: number; step: number; loss: number; accuracy: number }
  /** Runs wait for decisions. Loss and accuracy are those of the last window; NaN before the first one. */
  | PauseEvent<AdamWSettings>
  /** A run has ended and was scored. */
  | FinishEvent
  | LostEvent
  | RecoveredEvent;
