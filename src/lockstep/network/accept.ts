/**
 * Checks the options of a training of networks and, as they come, its runs, whose defaults are the options. Whatever does not
 * fit is refused before the run starts. Nothing is trained here.
 */
import { LOSSES, type Loss, lossOf } from '../../network/losses.js';
import type { HostStateDict } from '../../network/network.js';
import {
  type DescribedNetwork,
  type Network,
  networkOf,
  parameterShapes,
  showNetwork,
} from '../../network/network.js';
import {
  momentsOf,
  type OptimizerDescription,
  type OptimizerSettings,
  optimizerOf,
} from '../../network/optimizers.js';
import { checkWeights, initialWeights, packedWords } from '../../network/weights.js';
import {
  badArgument,
  checkBoolean,
  checkFunction,
  checkNumber,
  checkObject,
} from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { Generator } from '../../random/generator.js';
import { withSeed } from '../../tensor/create.js';
import { checkRuns, checkSignal } from '../options.js';
import type { PackedDataset } from './dataset.js';
import { type Evaluation, evaluationOf } from './evaluation.js';
import type { PackedDatasets } from './packed-datasets.js';
import { type Probes, probesOf } from './probes.js';
import type {
  NetworkCheckpoint,
  NetworkLockstepOptions,
  NetworkRun,
  NetworkRunSettings,
  NetworkStopRule,
  ScheduledOptimizer,
  StepSchedule,
} from './types.js';

const MOST_BATCH = 32_768;

const SETTINGS: Record<keyof NetworkRunSettings, true> = {
  network: true,
  model: true,
  data: true,
  loss: true,
  optimizer: true,
  schedule: true,
  batchSize: true,
  maxSteps: true,
  evaluate: true,
  stop: true,
  probes: true,
};
const OF_RUN = { ...SETTINGS, seed: true, orderSeed: true, weights: true, checkpoint: true } satisfies Record<
  keyof NetworkRun,
  true
>;
const OF_ALL = {
  ...SETTINGS,
  ...{
    runs: true,
    logInterval: true,
    signal: true,
    checkpointSeconds: true,
    keepWeights: true,
    mostRuns: true,
    pauseEvery: true,
    recover: true,
  },
} satisfies Record<keyof NetworkLockstepOptions, true>;

/** A run that was checked, with every setting filled in. */
export interface AcceptedNetworkRun {
  readonly network: Network;
  readonly weights: HostStateDict;
  readonly data: PackedDataset;
  readonly loss: Loss;
  readonly optimizer: OptimizerSettings;
  /** The optimizer as the caller described it. */
  readonly described: OptimizerDescription;
  readonly schedule?: (optimizer: ScheduledOptimizer) => StepSchedule;
  readonly batchSize: number;
  readonly maxSteps: number;
  readonly evaluation?: Evaluation;
  readonly stop?: NetworkStopRule;
  readonly probes: Probes;
  readonly orderSeed: number;
  readonly checkpoint?: NetworkCheckpoint;
}

/** @throws LockstepError `bad-input` naming the option, its value and what fits. */
export function checkNetworkOptions(options: NetworkLockstepOptions): void {
  const where = 'trainLockstep';
  checkOptionNames(where, options, Object.keys(OF_ALL));
  const { logInterval = 250, checkpointSeconds, keepWeights = false, mostRuns, signal } = options;
  checkBoolean(where, 'keepWeights', keepWeights);
  checkNumber(where, 'logInterval', logInterval, { min: 1, whole: true });
  if (options.pauseEvery !== undefined)
    checkNumber(where, 'pauseEvery', options.pauseEvery, { min: 1, whole: true });
  if (mostRuns !== undefined) checkNumber(where, 'mostRuns', mostRuns, { min: 1, whole: true });
  if (checkpointSeconds !== undefined) checkNumber(where, 'checkpointSeconds', checkpointSeconds, { min: 0 });
  checkSignal(signal);
  checkRuns(options.runs);
}

/** Fills in a run's settings from the options, checks them, and draws its initial weights or reads them from the model. */
export async function acceptNetworkRun(
  run: NetworkRun,
  index: number,
  options: NetworkLockstepOptions,
  datasets: PackedDatasets,
): Promise<AcceptedNetworkRun> {
  const where = `trainLockstep: run ${index}`;
  checkObject(where, 'the run', run, 'a run is { network, data, … }');
  checkOptionNames(where, run, Object.keys(OF_RUN));
  const defaults = Object.fromEntries(
    Object.keys(SETTINGS).map((name) => [name, options[name as keyof NetworkRunSettings]]),
  ) as NetworkRunSettings;
  const given = Object.fromEntries(Object.entries(run).filter(([, value]) => value !== undefined));
  // A run with a network of its own does not take the model of the options, nor the other way round.
  if (given.network !== undefined) defaults.model = undefined;
  if (given.model !== undefined) defaults.network = undefined;
  const all: NetworkRun = {
    ...defaults,
    ...given,
    optimizer: mergedOptimizer(defaults.optimizer, run.optimizer),
  };
  const { seed = index, orderSeed = seed, batchSize = 32, maxSteps, schedule } = all;
  for (const [name, value] of Object.entries({ seed, orderSeed })) {
    checkNumber(where, name, value, {
      min: Number.MIN_SAFE_INTEGER,
      max: Number.MAX_SAFE_INTEGER,
      whole: true,
    });
  }
  checkNumber(where, 'batchSize', batchSize, { min: 1, max: MOST_BATCH, whole: true });
  checkNumber(where, 'maxSteps', maxSteps, { min: 1, max: 2 ** 31 - 1, whole: true });
  if (schedule !== undefined) {
    checkFunction(
      where,
      'schedule',
      schedule,
      '(optimizer) => new optim.StepLR(optimizer, { stepSize: 30 })',
    );
  }
  const model = describedNetwork(where, all, seed);
  const network = networkOf(where, model.network, model.places);
  const loss = lossOf(where, all.loss === undefined ? 'mse' : all.loss);
  checkLoss(where, network, loss);
  const optimizer = optimizerOf(where, all.optimizer);
  if (all.data === undefined) throw badArgument(where, 'data', undefined, 'a dataset is { x, y }');
  const data = await datasets.get(`${where}: data`, all.data, network, loss);
  const evaluation = await evaluationOf(where, all.evaluate, network, loss, datasets);
  const stop = stopOf(where, all.stop, loss, evaluation);
  const looked = evaluation?.sections.map((section) => section.data);
  const probes = probesOf(where, all.probes, { network, looked });
  // Read even where weights are given: reading frees the model.
  const held = await model.weights?.();
  const weights =
    all.weights === undefined ? (held ?? initialWeights(network, new Generator(seed))) : all.weights;
  checkWeights(where, network, weights);
  const rest = { orderSeed, checkpoint: all.checkpoint, schedule, described: all.optimizer ?? {} };
  if (all.checkpoint !== undefined) {
    checkCheckpoint(where, all.checkpoint, { network, loss, optimizer }, maxSteps as number);
  }
  return {
    ...{ network, weights, data, loss, optimizer, batchSize: Math.min(batchSize, data.examples) },
    ...{ maxSteps: maxSteps as number, evaluation, stop, probes, ...rest },
  };
}

function describedNetwork(
  where: string,
  { network, model }: NetworkRunSettings,
  seed: number,
): Partial<DescribedNetwork> & {
  network: DescribedNetwork['network'];
} {
  if (network !== undefined && model !== undefined) {
    throw badArgument(where, 'network', network, 'there is a model too; give one of them');
  }
  if (network !== undefined) return { network };
  const fits =
    'a run has a network, { inputs, layers }, or a model, () => new nn.Sequential(…); two layers of bits take the ' +
    'option features instead';
  if (model === undefined) throw badArgument(where, 'network', network, fits);
  checkFunction(where, 'model', model, '() => new nn.Sequential(…)');
  const made = withSeed(seed, model);
  if (typeof made?.describe !== 'function') {
    throw badArgument(
      where,
      'what model() gives',
      made,
      'nn.Sequential of Linear layers and activations fits',
    );
  }
  try {
    return made.describe();
  } catch (error) {
    made.dispose?.();
    if (!(error instanceof LockstepError)) throw error;
    throw new LockstepError(error.code, error.message.replace('trainLockstep', where));
  }
}

/** A run's optimizer without a `type` changes some settings of the one in the options. */
function mergedOptimizer(
  shared: OptimizerDescription | undefined,
  own: OptimizerDescription | undefined,
): OptimizerDescription | undefined {
  if (own === undefined) return shared;
  const merges = typeof own === 'object' && own !== null && typeof shared === 'object' && !('type' in own);
  return merges ? ({ ...shared, ...own } as OptimizerDescription) : own;
}

/** Network, loss and optimizer in a line, in which a checkpoint and the run that goes on from it must agree. */
export function kindOf({
  network,
  loss,
  optimizer,
}: Pick<AcceptedNetworkRun, 'network' | 'loss' | 'optimizer'>): string {
  return `${showNetwork(network)}, ${loss.type}, ${optimizer.type}`;
}

function checkLoss(where: string, { outputs, layers }: Network, { type }: Loss): void {
  const last = layers[layers.length - 1].activation.type;
  if (type === 'bce' && last !== 'sigmoid') {
    const fits = "bce is of probabilities: end with activation 'sigmoid', or take bceWithLogits";
    throw badArgument(where, 'the last activation', last, fits);
  }
  if (LOSSES[type].targets === 'class' && outputs < 2) {
    throw badArgument(where, 'the number of outputs', outputs, `${type} needs one a class, 2 at least`);
  }
}

function stopOf(
  where: string,
  stop: NetworkStopRule | undefined,
  loss: Loss,
  evaluation: Evaluation | undefined,
): NetworkStopRule | undefined {
  if (stop === undefined) return undefined;
  const here = `${where}: stop`;
  checkObject(here, 'it', stop, 'it is { accuracy: 0.99, windows: 3 } or { patience: 5 }');
  checkOptionNames(
    here,
    stop,
    'patience' in stop ? ['patience', 'minSteps'] : ['accuracy', 'windows', 'minSteps'],
  );
  checkNumber(here, 'minSteps', stop.minSteps ?? 0, { min: 0, whole: true });
  if ('patience' in stop) {
    checkNumber(here, 'patience', stop.patience, { min: 1, whole: true });
    if (!evaluation)
      throw badArgument(here, 'patience', stop.patience, 'it is of evaluations: give evaluate, too');
    return stop;
  }
  checkNumber(here, 'accuracy', stop.accuracy, { min: 0, max: 1 });
  checkNumber(here, 'windows', stop.windows ?? 1, { min: 1, whole: true });
  if (LOSSES[loss.type].hasAccuracy) return stop;
  throw badArgument(
    here,
    'accuracy',
    stop.accuracy,
    `${loss.type} has no right and wrong; take { patience: 5 }`,
  );
}

function checkCheckpoint(
  where: string,
  checkpoint: NetworkCheckpoint,
  run: Pick<AcceptedNetworkRun, 'network' | 'loss' | 'optimizer'>,
  maxSteps: number,
): void {
  const { network, optimizer } = run;
  const here = `${where}: checkpoint`;
  checkObject(here, 'it', checkpoint, 'an event of the type checkpoint has them');
  checkOptionNames(here, checkpoint, ['steps', 'of', 'state', 'window', 'stop', 'last', 'control', 'best']);
  checkNumber(here, 'steps', checkpoint.steps, { min: 0, below: maxSteps, whole: true });
  if (checkpoint.of !== kindOf(run)) {
    throw badArgument(here, 'of', checkpoint.of, `the run is ${kindOf(run)}`);
  }
  const { state, window, stop, last, control, best } = checkpoint;
  checkNumbers(here, 'state', state, packedWords(network) * (1 + momentsOf(optimizer)), network);
  if (control !== undefined) checkControl(`${here}: control`, control, optimizer);
  if (best !== undefined) checkBest(`${here}: best`, best, checkpoint.steps, network);
  const lists = { window: [window, 4], stop: [stop, 2], last: [last, 2] } as const;
  for (const [name, [list, length]] of Object.entries(lists)) {
    const fits =
      Array.isArray(list) && list.length === length && list.every((value) => typeof value === 'number');
    if (!fits) throw badArgument(here, name, list, `${length} numbers fit`);
  }
}

function checkControl(
  where: string,
  control: NonNullable<NetworkCheckpoint['control']>,
  optimizer: OptimizerSettings,
): void {
  checkObject(where, 'it', control, 'it is { optimizerSteps, optimizer }');
  checkOptionNames(where, control, ['optimizerSteps', 'optimizer']);
  checkNumber(where, 'optimizerSteps', control.optimizerSteps, { min: 0, whole: true });
  const { type } = optimizerOf(where, control.optimizer);
  if (type !== optimizer.type) throw badArgument(where, 'optimizer', type, `the run has ${optimizer.type}`);
}

function checkBest(
  where: string,
  best: NonNullable<NetworkCheckpoint['best']>,
  steps: number,
  network: Network,
): void {
  checkObject(where, 'it', best, 'it is { weights, step, loss }');
  checkOptionNames(where, best, ['weights', 'step', 'loss']);
  checkNumbers(where, 'weights', best.weights, packedWords(network), network);
  checkNumber(where, 'step', best.step, { min: 1, max: steps, whole: true });
  if (typeof best.loss !== 'number') throw badArgument(where, 'loss', best.loss, 'a number fits');
}

/**
 * Checks the length of a list, as a longer one would be written over the memory of other runs. Its numbers need not be finite:
 * the run may be diverging.
 */
function checkNumbers(where: string, name: string, numbers: unknown, length: number, network: Network): void {
  if (numbers instanceof Float32Array && numbers.length === length) return;
  const names = parameterShapes(network).map((parameter) => parameter.name);
  throw new LockstepError(
    'bad-input',
    `${where}: ${name} does not fit; it is a Float32Array of ${length} numbers, of ${names.join(', ')}` +
      `${name === 'state' ? ' and their moments' : ''}.`,
  );
}
