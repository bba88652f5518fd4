/**
 * Checks the checkpoint from which a run is to go on: whether it is of such a run, and whether its lists are as long as they must be.
 * Nothing is trained here.
 */
import type { Loss } from '../../network/losses.js';
import { type Network, parameterShapes, showNetwork } from '../../network/network.js';
import { momentsOf, type OptimizerSettings, optimizerOf, showMoments } from '../../network/optimizers.js';
import { packedWords } from '../../network/weights.js';
import { badArgument, checkBoolean, checkNumber, checkObject } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { dataMark, otherRun } from '../checkpoint-of.js';
import type { PackedDataset } from './dataset.js';
import type { NetworkCheckpoint } from './types.js';

/** What a run and its checkpoint have in common. */
interface Kind {
  readonly network: Network;
  readonly loss: Loss;
  readonly optimizer: OptimizerSettings;
  readonly data: PackedDataset;
  readonly orderSeed: number;
  readonly batchSize: number;
}

/** What a checkpoint says of its run. */
export function kindOf({
  network,
  loss,
  optimizer,
  data,
  batchSize,
  orderSeed,
}: Kind): NetworkCheckpoint['of'] {
  const { sampler, rowFormat, targetFormat, words } = data;
  const what = sampler === undefined ? `${data.examples} examples` : 'a sampler';
  const lists = () => [[rowFormat, targetFormat], words, new TextEncoder().encode(sampler)];
  return {
    network: showNetwork(network),
    loss: showLoss(loss),
    optimizer: optimizer.type,
    data: dataMark(data, what, lists),
    batchSize,
    orderSeed,
  };
}

const showLoss = ({ type, parameter }: Loss) => (parameter === 0 ? type : `${type} (${parameter})`);

/**
 * @param maxSteps Of the run; the checkpoint must be of an earlier step.
 * @throws LockstepError `bad-input` naming what of the checkpoint does not fit.
 */
export function checkCheckpoint(
  where: string,
  checkpoint: NetworkCheckpoint,
  run: Kind,
  maxSteps: number,
): void {
  const { network, optimizer } = run;
  const here = `${where}: checkpoint`;
  checkObject(here, 'it', checkpoint, 'an event of the type checkpoint has them');
  checkOptionNames(here, checkpoint, [
    'steps',
    'of',
    'state',
    'window',
    'stop',
    'last',
    'lastWindow',
    'control',
    'best',
  ]);
  checkNumber(here, 'steps', checkpoint.steps, { min: 0, below: maxSteps, whole: true });
  const other = otherRun(checkpoint.of, kindOf(run));
  if (other) throw new LockstepError('bad-input', `${here}: ${other}.`);
  const { state, window, stop, last, lastWindow, control, best } = checkpoint;
  checkNumbers(here, 'state', state, packedWords(network) * (1 + momentsOf(optimizer)), network);
  if (control !== undefined) checkControl(`${here}: control`, control, optimizer);
  if (best !== undefined) checkBest(`${here}: best`, best, checkpoint.steps, network);
  const lists = {
    window: [window, 4],
    stop: [stop, 2],
    last: [last, 2],
    lastWindow: [lastWindow, 2],
  } as const;
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
  checkObject(where, 'it', control, 'it is { optimizerSteps, optimizer, stopped }');
  checkOptionNames(where, control, ['optimizerSteps', 'optimizer', 'stopped']);
  if (control.stopped !== undefined) checkBoolean(where, 'stopped', control.stopped);
  checkNumber(where, 'optimizerSteps', control.optimizerSteps, { min: 0, whole: true });
  const [given, wanted] = [optimizerOf(where, control.optimizer), optimizer].map(showMoments);
  if (given !== wanted) throw badArgument(where, 'optimizer', given, `the run has ${wanted}`);
}

function checkBest(
  where: string,
  best: NonNullable<NetworkCheckpoint['best']>,
  steps: number,
  network: Network,
): void {
  checkObject(where, 'it', best, 'it is { weights, step, loss, accuracy }');
  checkOptionNames(where, best, ['weights', 'step', 'loss', 'accuracy']);
  checkNumbers(where, 'weights', best.weights, packedWords(network), network);
  checkNumber(where, 'step', best.step, { min: 1, max: steps, whole: true });
  for (const name of ['loss', 'accuracy'] as const) {
    if (typeof best[name] !== 'number') throw badArgument(where, name, best[name], 'a number fits');
  }
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
