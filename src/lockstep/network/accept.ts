/**
 * Checks the options of a training of networks and, as they come, its runs, whose defaults are the options. Whatever does not
 * fit is refused before the run starts. Nothing is trained here.
 */
import { LOSSES, type Loss, lossOf } from '../../network/losses.js';
import type { HostStateDict } from '../../network/network.js';
import { type DescribedNetwork, type Network, networkOf } from '../../network/network.js';
import { type OptimizerDescription, type OptimizerSettings, optimizerOf } from '../../network/optimizers.js';
import { checkWeights, initialWeights } from '../../network/weights.js';
import {
  badArgument,
  checkBoolean,
  checkFunction,
  checkNumber,
  checkObject,
  checkText,
  withDefaults,
} from '../../platform/arguments.js';
import { calling, readProperties } from '../../platform/calling.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { Generator } from '../../random/generator.js';
import { withSeed } from '../../tensor/create.js';
import { checkRuns, checkSignal } from '../options.js';
import { checkCheckpoint } from './accept-checkpoint.js';
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
const KERNELS = ['auto', 'persistent', 'batched'];

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
    kernel: true,
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
  if (options.kernel !== undefined) checkText(where, 'kernel', options.kernel, KERNELS);
  checkBoolean(where, 'keepWeights', keepWeights);
  checkNumber(where, 'logInterval', logInterval, { min: 1, whole: true });
  if (options.pauseEvery !== undefined)
    checkNumber(where, 'pauseEvery', options.pauseEvery, { min: 1, whole: true });
  if (mostRuns !== undefined) checkNumber(where, 'mostRuns', mostRuns, { min: 1, whole: true });
  if (checkpointSeconds !== undefined) checkNumber(where, 'checkpointSeconds', checkpointSeconds, { min: 0 });
  checkSignal(signal);
  checkRuns(options.runs);
}

/**
 * Fills in a run's settings from the options, checks them, and draws its initial weights or reads them from the model. Whatever
 * goes wrong in the caller's functions and objects is told with the number of the run and the name of the option.
 */
export async function acceptNetworkRun(
  run: NetworkRun,
  index: number,
  options: NetworkLockstepOptions,
  datasets: PackedDatasets,
): Promise<AcceptedNetworkRun> {
  const where = `trainLockstep: run ${index}`;
  const ask = <T>(option: string, call: () => T): T => calling(where, option, call);
  checkObject(where, 'the run', run, 'a run is { network, data, … }');
  ask('the run', () => checkOptionNames(where, run, Object.keys(OF_RUN)));
  const all = settingsOf(where, run, options);
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
  const model = ask(all.model === undefined ? 'network' : 'model', () => describedNetwork(where, all, seed));
  const network = ask('network', () => networkOf(where, model.network, model.places));
  const loss = ask('loss', () => lossOf(where, all.loss === undefined ? 'mse' : all.loss));
  checkLoss(where, network, loss);
  const optimizer = ask('optimizer', () => optimizerOf(where, all.optimizer));
  if (all.data === undefined) throw badArgument(where, 'data', undefined, 'a dataset is { x, y }');
  const data = await ask('data', () => datasets.get(`${where}: data`, all.data!, network, loss));
  const evaluation = await ask('evaluate', () => evaluationOf(where, all.evaluate, network, loss, datasets));
  const stop = ask('stop', () => stopOf(where, all.stop, loss, all.evaluate?.every));
  const probes = ask('probes', () => probesOf(where, all.probes, network));
  // Read even where weights are given: reading frees the model.
  const held = await ask('model', async () => model.weights?.());
  const weights = await ask('weights', async () => {
    const given =
      all.weights === undefined
        ? (held ?? initialWeights(network, new Generator(seed)))
        : await datasets.weights(all.weights);
    checkWeights(where, network, given);
    return given;
  });
  const rest = { orderSeed, checkpoint: all.checkpoint, schedule, described: all.optimizer ?? {} };
  const accepted = {
    ...{ network, weights, data, loss, optimizer, batchSize: Math.min(batchSize, data.examples) },
    ...{ maxSteps: maxSteps as number, evaluation, stop, probes, ...rest },
  };
  if (all.checkpoint !== undefined) {
    ask('checkpoint', () => checkCheckpoint(where, all.checkpoint!, accepted, accepted.maxSteps));
  }
  return accepted;
}

/** The run's settings, and for those that it leaves out the options'. */
function settingsOf(where: string, run: NetworkRun, options: NetworkLockstepOptions): NetworkRun {
  const all = Object.entries(readProperties(where, run, Object.keys(OF_RUN)));
  const given: Partial<NetworkRun> = Object.fromEntries(all.filter(([, value]) => value !== undefined));
  const defaults = readProperties<NetworkRunSettings>(where, options, Object.keys(SETTINGS));
  // A run with a network of its own does not take the model of the options, nor the other way round.
  if (given.network !== undefined) defaults.model = undefined;
  if (given.model !== undefined) defaults.network = undefined;
  const merged = () => mergedOptimizer(defaults.optimizer, given.optimizer);
  return { ...defaults, ...given, optimizer: calling(where, 'optimizer', merged) };
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
  const merges =
    typeof own === 'object' && own !== null && typeof shared === 'object' && own.type === undefined;
  return merges ? withDefaults<OptimizerDescription>(shared, own) : own;
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
  every: number | undefined,
): NetworkStopRule | undefined {
  if (stop === undefined) return undefined;
  const here = `${where}: stop`;
  checkObject(here, 'it', stop, 'it is { accuracy: 0.99, windows: 3 } or { patience: 5 }');
  // What is undefined is left out: later it matters which of the two rules has its name in it.
  const rule = withDefaults<NetworkStopRule>({} as NetworkStopRule, stop);
  const { minSteps = 0 } = rule;
  checkOptionNames(
    here,
    rule,
    'patience' in rule ? ['patience', 'minSteps'] : ['accuracy', 'windows', 'minSteps'],
  );
  checkNumber(here, 'minSteps', minSteps, { min: 0, whole: true });
  if ('patience' in rule) {
    checkNumber(here, 'patience', rule.patience, { min: 1, whole: true });
    if (every === undefined) {
      const fits = 'it is of evaluations in a row: give evaluate, too, with every';
      throw badArgument(here, 'patience', rule.patience, fits);
    }
    return rule;
  }
  const { accuracy, windows = 1 } = rule;
  checkNumber(here, 'accuracy', accuracy, { min: 0, max: 1 });
  checkNumber(here, 'windows', windows, { min: 1, whole: true });
  if (LOSSES[loss.type].hasAccuracy) return rule;
  const fits = `${loss.type} has no right and wrong; take { patience: 5 }`;
  throw badArgument(here, 'accuracy', accuracy, fits);
}
