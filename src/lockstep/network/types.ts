/**
 * What goes into a training of networks of any shape, and what comes out of it: runs, options, events. Types only; trainer.ts
 * does the work.
 */
import type { Schedule } from '../../../shaders/network/step.wgsl.js';
import type { LossDescription } from '../../network/losses.js';
import type { DescribedNetwork, HostStateDict, NetworkDescription } from '../../network/network.js';
import type { OptimizerDescription } from '../../network/optimizers.js';
import type { Sampler } from '../../network/sampler.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { PauseEvent } from '../control.js';
import type { LostEvent, RecoveredEvent, RecoverOptions } from '../recovery-types.js';
import type { NetworkDataset } from './dataset.js';
import type { NetworkProbe, NetworkProbed } from './probes.js';

export type { HostStateDict, NetworkDataset, NetworkProbe, NetworkProbed, Schedule as NetworkSchedule };

/** The part of an optimizer that a schedule of `optim` needs: learning rates, and momentum or betas if there are any. */
export interface ScheduledOptimizer {
  readonly groups: readonly { lr: number; momentum?: number; betas?: readonly number[] }[];
}

/** A schedule of `optim`: `step()` sets the learning rate of the next step. */
export interface StepSchedule {
  step(): void;
}

/** A model whose layers can be trained in lockstep: `nn.Sequential` of linear layers and activations. */
export interface DescribedModel {
  describe(): DescribedNetwork;
  /** Frees its parameters. */
  dispose?(): void;
}

/** When a run ends before its last step. It is checked whenever a window closes, or after each evaluation. */
export type NetworkStopRule =
  /** After `windows` (default 1) windows in a row with a mean accuracy of `accuracy` or more. None before `minSteps` counts. */
  | { accuracy: number; windows?: number; minSteps?: number }
  /**
   * After `patience` evaluations in a row whose loss is not below the least so far. None before `minSteps` counts. `evaluate` needs
   * an `every`.
   */
  | { patience: number; minSteps?: number };

/** What every run may have of its own. In {@link NetworkLockstepOptions} it is the default of all runs. */
export interface NetworkRunSettings {
  /** The network. Give this or `model`. */
  network?: NetworkDescription;
  /** Makes an `nn.Sequential`. The run begins with its weights, and its state dict has the model's names. */
  model?: () => DescribedModel;
  /** What the run learns: a dataset, or a sampler, which makes fresh examples for every step on the device. */
  data?: NetworkDataset | Sampler;
  /** Default `mse`. */
  loss?: LossDescription;
  /**
   * Default AdamW with PyTorch's settings. A run's optimizer without a `type` changes settings of the one that the options
   * give; with a `type` it replaces that one.
   */
  optimizer?: OptimizerDescription;
  /**
   * A schedule by step, with the classes of `optim`: `(optimizer) => new optim.CosineAnnealingLR(optimizer, { tMax: 1000 })`. It sets
   * the learning rate, and may set momentum or the first of the betas, as `OneCycleLR` does; whatever else it sets is refused, as
   * it would have no effect. Default: constant.
   */
  schedule?: (optimizer: ScheduledOptimizer) => StepSchedule;
  /** Examples a step, 1 to 32,768; the last batch of an epoch may have fewer. Default 32. */
  batchSize?: number;
  /** Steps after which a run ends. */
  maxSteps?: number;
  /**
   * Evaluates the run on `data` after every `every` steps (default: never) and after the last one, also where a stop rule or a
   * decision ends the run early. A sampler makes `examples` fresh examples each time (default 1,000), other ones than for
   * training. With `keepBest` the run finishes with the weights for which the loss of an evaluation was least.
   *
   * With `groups`, loss and accuracy are reported for each group too. For a dataset, they list the group of each example, a whole
   * number from 0 to 4,095. For a sampler, they are a list of samplers, one for each group, which make as many examples each.
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
   * Measurements of the network other than loss and accuracy. Training has the same bits with and without them. They are taken
   * when a window closes, after its last step, and come with its event: `norms` and `distance` of the weights, the others on the
   * examples of that step's batch. These others come with each evaluation too, on its set.
   */
  probes?: readonly NetworkProbe[];
}

/** The state of a run between two chunks: all that it takes to go on to the same bits. */
export interface NetworkCheckpoint {
  steps: number;
  /** What a run that goes on from here must have, too. `data`: how much there is, and a checksum of it. */
  of: {
    readonly network: string;
    readonly loss: string;
    readonly optimizer: string;
    readonly data: string;
    readonly batchSize: number;
    readonly orderSeed: number;
  };
  /** Parameters and moments, as the device keeps them. */
  state: Float32Array;
  /** The open window: sum of its batches' losses, right outputs, counted outputs, batches with any. */
  window: readonly [number, number, number, number];
  /** For the stop rule: how many windows or evaluations in a row count, and the least loss of an evaluation so far. */
  stop: readonly [number, number];
  /** Loss and accuracy of the last evaluation; NaN before the first. */
  last: readonly [number, number];
  /** Those of the last window; NaN before the first. */
  lastWindow: readonly [number, number];
  /**
   * If decisions in pauses changed the run: its optimizer now, how many steps the optimizer's moments have seen, and whether the caller
   * has stopped it.
   */
  control?: { optimizerSteps: number; optimizer: OptimizerDescription; stopped?: boolean };
  /** Weights of the best evaluation so far, as the device keeps them, where `keepBest` asks for them. */
  best?: { weights: Float32Array; step: number; loss: number; accuracy: number };
}

/** A network to train. */
export interface NetworkRun extends NetworkRunSettings {
  /**
   * Seed of the initial weights, as PyTorch draws them after `torch.manual_seed(seed)`, and of the order. Default: the run's
   * index.
   */
  seed?: number;
  /**
   * Seed of the order: each epoch is a `torch.randperm`, all of them from one generator. For a sampler, seed of the examples: two
   * runs with the same one see the same. Default: `seed`.
   */
  orderSeed?: number;
  /**
   * Initial weights, by the names of the state dict, instead of those that the seed draws: numbers on the host, as `weights()` of a
   * finished run gives them, or tensors, as `stateDict()` of a module and `nn.loadSafetensors` do. Tensors are read. Numbers on the
   * host are read again where a lost device is replaced: leave them as they are until the run has finished, also in an iterable.
   */
  weights?: Readonly<Record<string, Tensor | HostStateDict[string]>>;
  /** Goes on from this state. If all else is given as before, the run ends with the same bits. */
  checkpoint?: NetworkCheckpoint;
}

/** Options of {@link trainLockstep} for any networks. Settings here are the defaults of all runs; a run's own go before them. */
export interface NetworkLockstepOptions extends NetworkRunSettings {
  /** A list, or an iterable that yields runs; more wait until there is room. */
  runs: Iterable<NetworkRun> | AsyncIterable<NetworkRun>;
  /** How many steps a window has: windows close at step 1, at every multiple of this and at the last step. Default 250. */
  logInterval?: number;
  /** Ends the training early: runs under way are reported as `aborted`, and the iterator returns. */
  signal?: AbortSignal;
  /** Seconds between `checkpoint` events. Default: none. */
  checkpointSeconds?: number;
  /** Read the final weights of every run, so that `weights()` of a `finish` event answers whenever it is asked. Default false. */
  keepWeights?: boolean;
  /**
   * How the work is spread. `persistent`: a workgroup for each run, which does many steps in a launch. `batched`: a launch for
   * each part of a step, with as many workgroups for a run as there is work for: faster for a few runs, and for wide networks, on a
   * large GPU. Both give the same bits. `auto` is `persistent` on an adapter that computes on the CPU; on a GPU it times both while
   * they train, where training takes more than some seconds, and goes on with the faster. Default `auto`.
   */
  kernel?: 'auto' | Schedule;
  /** The most runs that train at once. Default: as many as there is memory for. */
  mostRuns?: number;
  /**
   * At every multiple of this step a run waits for a `pause` event, in which the caller may decide about it. A run that had to wait
   * for room, or came later, begins beside others when they pause; one with a `checkpoint`, as soon as there is room. So which runs
   * of a list pause together depends only on the runs and on how many have room at once. Default: never.
   */
  pauseEvery?: number;
  /**
   * Whether, and how, the training goes on where the device is lost (by a driver's reset or its watchdog) or has too little
   * memory: from checkpoints in memory, to the same bits, with the events `lost` and `recovered`. Default true: up to three
   * times in a row, on a device like the one that was lost. That `weights()` was not called before a loss cannot be made good:
   * with `keepWeights` they are read before the event.
   */
  recover?: boolean | RecoverOptions;
}

/** What happens in a training of networks. Runs are numbered in the order in which `runs` yields them. */
export type NetworkLockstepEvent =
  | LostEvent
  | RecoveredEvent
  /**
   * A run was admitted: its network in a line, how many parameters, bytes on the device and operations a step it has, and into
   * how many parts its batches are cut to fit into memory. The bits are the same however they are cut.
   */
  | {
      type: 'plan';
      run: number;
      network: string;
      parameters: number;
      bytes: number;
      flops: number;
      parts: number;
    }
  /** A chunk of steps is done: the steps of all runs so far, how many runs are under way, and which kernel it was. */
  | { type: 'progress'; steps: number; running: number; kernel: Schedule }
  /** The state of each run under way. */
  | { type: 'checkpoint'; runs: { run: number; checkpoint: NetworkCheckpoint }[] }
  /**
   * A window closed: the unweighted mean of its batches' losses, without those of batches in which no example counts, and the
   * share of its outputs that were right; `accuracy` is NaN for losses without right and wrong. `probes` are of the network as
   * it is after step `step`; those of examples are of that step's batch.
   */
  | { type: 'window'; run: number; step: number; loss: number; accuracy: number; probes?: NetworkProbed }
  /**
   * The run was evaluated after this step: means over the examples of the evaluation, with `groups` over those of each group too. A
   * group without examples has NaN. `probes` are those of examples.
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
  | PauseEvent
  /** A run has ended. */
  | {
      type: 'finish';
      run: number;
      steps: number;
      /**
       * `stopped`: the stop rule held, or a decision in a pause. `max-steps`: it took all its steps. `non-finite`: the loss was
       * NaN at step `steps`. `aborted`: the signal fired.
       */
      reason: 'stopped' | 'max-steps' | 'non-finite' | 'aborted';
      /**
       * Loss and accuracy of its last evaluation, or with `keepBest` of the best one, whose weights these are. Without an evaluation
       * those of its last window; NaN where the loss was NaN and no best weights are kept.
       */
      loss: number;
      accuracy: number;
      /** The step after which the run had these weights: the last one, or with `keepBest` that of the best evaluation. */
      weightsOf: number;
      /**
       * Reads the weights from the device, a state dict: `(await event.weights())['0.weight'].data`. To be called before the
       * next event is asked for, as in the body of a `for await`; with `keepWeights` at any time.
       *
       * @throws LockstepError `disposed` where it is called too late.
       */
      weights(): Promise<HostStateDict>;
    };
