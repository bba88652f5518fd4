/**
 * What goes into the training of any networks in lockstep, and what comes out of it: runs, options, events. Types only;
 * the work is in trainer.ts.
 */
import type { LossDescription } from '../../network/losses.js';
import type { DescribedNetwork, HostStateDict, NetworkDescription } from '../../network/network.js';
import type { OptimizerDescription } from '../../network/optimizers.js';
import type { Sampler } from '../../network/sampler.js';
import type { LostEvent, RecoveredEvent, RecoverOptions } from '../recovery-types.js';
import type { NetworkDataset } from './dataset.js';
import type { NetworkProbe, NetworkProbed } from './probes.js';

export type { HostStateDict, NetworkDataset, NetworkProbe, NetworkProbed };

/** What a schedule of `optim` needs of an optimizer: its groups' learning rates. */
export interface ScheduledOptimizer {
  readonly groups: { lr: number }[];
}

/** What a schedule of `optim` does: sets the learning rate of the next step. */
export interface StepSchedule {
  step(): void;
}

/** A model whose layers can be trained in lockstep: `nn.Sequential` of linear layers and activations. */
export interface DescribedModel {
  describe(): DescribedNetwork;
  /** Frees its parameters. */
  dispose?(): void;
}

/** When a run may end before its last step. Windows and evaluations are looked at when they come. */
export type NetworkStopRule =
  /** So many windows in a row with a mean accuracy of at least this. */
  | { accuracy: number; windows?: number; minSteps?: number }
  /** So many evaluations in a row whose loss is not below the least so far. */
  | { patience: number; minSteps?: number };

/** What every run may have of its own; {@link NetworkLockstepOptions} gives what the others have. */
export interface NetworkRunSettings {
  /** The network. Or give `model`. */
  network?: NetworkDescription;
  /** Makes an `nn.Sequential`, whose weights the run begins with; its names are the state dict's. */
  model?: () => DescribedModel;
  /** What it learns: examples in an order, or a sampler that makes fresh ones for every step on the device. */
  data?: NetworkDataset | Sampler;
  /** Default `mse`. */
  loss?: LossDescription;
  /**
   * Default AdamW with PyTorch's settings. A run's optimizer without a `type` changes settings of the one that the options
   * give; with a `type` it stands for itself.
   */
  optimizer?: OptimizerDescription;
  /**
   * A schedule of the learning rate by step, with the classes of `optim`:
   * `(optimizer) => new optim.CosineAnnealingLR(optimizer, { tMax: 1000 })`. Default: constant.
   */
  schedule?: (optimizer: ScheduledOptimizer) => StepSchedule;
  /** Examples a step, 1 to 32,768; the last batch of an epoch may have fewer. Default 32. */
  batchSize?: number;
  /** Steps after which a run ends. */
  maxSteps?: number;
  /**
   * A set that is looked at every so many steps, and after the last. Of a sampler `examples` fresh ones each time (default
   * 1,000), none of which it ever makes for training. With `keepBest` the run finishes with the weights that it had when its
   * loss there was least.
   *
   * `groups` has loss and accuracy told by group as well. Of a dataset: the group of each example, a whole number from 0 to
   * 4,095. Of a sampler: a list of samplers, one a group, of each of which as many fresh examples are looked at.
   */
  evaluate?: {
    data: NetworkDataset | Sampler;
    every?: number;
    examples?: number;
    keepBest?: boolean;
    groups?: ArrayLike<number> | readonly Sampler[];
  };
  /** Default: every run takes `maxSteps` steps. */
  stop?: NetworkStopRule;
  /**
   * What the device finds out about the network beside loss and accuracy. Training has the same bits with and without.
   * `norms` and `distance` are of the weights at the end of each window, and come with its event; the others are of the
   * examples of each evaluation.
   */
  probes?: readonly NetworkProbe[];
}

/** Where a run stood between two chunks, with all that training on to the same bits takes. */
export interface NetworkCheckpoint {
  steps: number;
  /** Network, loss and optimizer in a line; a run that goes on has the same. */
  of: string;
  /** Parameters and moments, as the device keeps them. */
  state: Float32Array;
  /** The open window: sum of its batches' losses, right outputs, counted outputs, batches. */
  window: readonly [number, number, number, number];
  /** Windows or evaluations in a row that count for the stop rule, and the least evaluated loss so far. */
  stop: readonly [number, number];
  /** Loss and accuracy of the last evaluation; NaN before the first. */
  last: readonly [number, number];
  /** What decisions in pauses made of the run: its optimizer, and steps behind its moments. */
  control?: { optimizerSteps: number; optimizer: OptimizerDescription };
  /** Weights of the best evaluation so far, as the device keeps them, where `keepBest` asks for them. */
  best?: { weights: Float32Array; step: number; loss: number };
}

/** A network to train. */
export interface NetworkRun extends NetworkRunSettings {
  /** Draws the initial weights, as PyTorch does after `torch.manual_seed(seed)`, and the order. Default: the run's index. */
  seed?: number;
  /**
   * Seed of the order, if not `seed`: `torch.randperm` on one generator that lives on over the epochs. Of a sampler the key:
   * two runs with the same one see the same examples.
   */
  orderSeed?: number;
  /** Initial weights, by the names of the state dict, instead of those that the seed draws. */
  weights?: HostStateDict;
  /** Goes on from here; all else as it was, and the run ends in the same bits. */
  checkpoint?: NetworkCheckpoint;
}

/** Options of {@link trainLockstep} for any networks. What stands here is every run's default; what stands in a run wins. */
export interface NetworkLockstepOptions extends NetworkRunSettings {
  /** A list, or an iterable that yields runs; more wait until there is room. */
  runs: Iterable<NetworkRun> | AsyncIterable<NetworkRun>;
  /** Steps a window; windows close at step 1, at every multiple of this and at the last step. Default 250. */
  logInterval?: number;
  /** Ends the training early: runs under way are reported as `aborted`, and the iterator returns. */
  signal?: AbortSignal;
  /** Seconds between `checkpoint` events. Default: none. */
  checkpointSeconds?: number;
  /** Read the final weights of every run, so that `weights()` of a `finish` event answers whenever it is asked. Default false. */
  keepWeights?: boolean;
  /** Most runs under way at once. Default: as many as there is memory for. */
  mostRuns?: number;
  /** Steps after which a run stands still for a `pause` event, in which the reader may decide about it. Default: never. */
  pauseEvery?: number;
  /**
   * Whether, and how, the training goes on where the device is lost (by a driver's reset or its watchdog) or has too little
   * memory: from checkpoints in memory, to the same bits, with the events `lost` and `recovered`. Default true: up to three
   * times in a row, on a device like the one that was lost. That `weights()` was not called before a loss cannot be made good:
   * with `keepWeights` they are read before the event.
   */
  recover?: boolean | RecoverOptions;
}

/**
 * Decides about runs in a `pause` event. Decisions take effect in the order in which they were made, before the next step:
 * each gives the bits that it would give on any device, in any company.
 *
 * @example
 * for await (const event of trainLockstep(device, { runs, pauseEvery: 500, ...shared })) {
 *   if (event.type !== 'pause') continue;
 *   const byLoss = [...event.runs].sort((a, b) => a.loss - b.loss);
 *   const [best, worst] = [byLoss[0].run, byLoss[byLoss.length - 1].run];
 *   if (best === worst) continue;
 *   event.control.fork(worst, { from: best });
 *   event.control.change(worst, { lr: 0.02 });
 * }
 */
export interface NetworkControl {
  /** Ends a run here: it finishes with the reason `stopped`. */
  stop(run: number): void;
  /**
   * Goes on with other settings of the run's optimizer; what is not given stays.
   *
   * @throws LockstepError `bad-input` for another type of optimizer, another number of moments, or a learning rate that a
   * schedule sets.
   */
  change(run: number, settings: OptimizerDescription): void;
  /**
   * The run goes on from the weights and the moments of another one, at whose step its optimizer then is; data, order,
   * settings and steps stay its own.
   *
   * @throws LockstepError `bad-input` where the two networks or their moments are not of one shape.
   */
  fork(run: number, source: { from: number }): void;
}

/** What happens in a training of networks. Runs are numbered in the order in which `runs` yields them. */
export type NetworkLockstepEvent =
  | LostEvent
  | RecoveredEvent
  /** A run was admitted: its network in a line, its parameters, bytes on the device, operations a step. */
  | { type: 'plan'; run: number; network: string; parameters: number; bytes: number; flops: number }
  /** A chunk of steps is done: steps of all runs together, and how many are under way. */
  | { type: 'progress'; steps: number; running: number }
  /** Where each run under way stands. */
  | { type: 'checkpoint'; runs: { run: number; checkpoint: NetworkCheckpoint }[] }
  /**
   * A window closed: the unweighted mean of its batches' losses, and the share of its outputs that were right; `accuracy` is NaN
   * for losses without right and wrong.
   */
  | { type: 'window'; run: number; step: number; loss: number; accuracy: number; probes?: NetworkProbed }
  /**
   * The evaluation set was looked at after this step: means over its examples, with `groups` over those of each group too. A
   * group without examples has NaN.
   */
  | {
      type: 'evaluation';
      run: number;
      step: number;
      loss: number;
      accuracy: number;
      groups?: readonly { examples: number; loss: number; accuracy: number }[];
      probes?: NetworkProbed;
    }
  /**
   * Runs stand at a multiple of `pauseEvery`: what is decided with `control` before the next event is asked for takes effect
   * before their next step. Loss and accuracy are those of the last evaluation, else of the last window.
   */
  | {
      type: 'pause';
      runs: { run: number; step: number; loss: number; accuracy: number }[];
      control: NetworkControl;
    }
  /** A run has ended. */
  | {
      type: 'finish';
      run: number;
      steps: number;
      /**
       * `stopped`: the stop rule held. `max-steps`: it took them all. `non-finite`: the loss stopped being a number at
       * step `steps`. `aborted`: the signal fired.
       */
      reason: 'stopped' | 'max-steps' | 'non-finite' | 'aborted';
      /** Of its last evaluation; NaN without one. */
      loss: number;
      accuracy: number;
      /** After which step the weights were as they are here: the last one, or with `keepBest` that of the best evaluation. */
      weightsOf: number;
      /**
       * Reads the weights from the device, a state dict: `(await event.weights())['0.weight'].data`. To be called before the
       * next event is asked for, as in the body of a `for await`; with `keepWeights` at any time.
       *
       * @throws LockstepError `disposed` where it is called too late.
       */
      weights(): Promise<HostStateDict>;
    };
