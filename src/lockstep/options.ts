/**
 * Checks the trainer's options before anything is allocated, and fills in the defaults. accept-run.ts checks the
 * runs.
 */

import { KERNEL_NAMES } from '../kernels/train/training-kernel.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames, showKind } from '../platform/options.js';
import { platformName } from '../platform/platform.js';
import type { LockstepOptions, StopRule } from './types.js';

export type Settings = Required<
  Pick<LockstepOptions, 'features' | 'hidden' | 'batchSize' | 'maxSteps' | 'logInterval' | 'kernel'>
> &
  Pick<
    LockstepOptions,
    'stop' | 'signal' | 'keepWeights' | 'pauseEvery' | 'checkpointSeconds' | 'batchThreads'
  >;

const MOST = { features: 1024, hidden: 4096, batchSize: 1024 };

/** The names of all options; the type sees to it that none is missing. */
const OPTIONS: Record<keyof LockstepOptions, true> = {
  runs: true,
  features: true,
  hidden: true,
  batchSize: true,
  maxSteps: true,
  logInterval: true,
  stop: true,
  kernel: true,
  signal: true,
  expectedRuns: true,
  keepWeights: true,
  pauseEvery: true,
  checkpointSeconds: true,
  batchThreads: true,
  recover: true,
};
/** Options of networks of any shape, some of which one may look for here. */
const OF_NETWORKS = [
  ...['network', 'model', 'data', 'loss', 'optimizer', 'schedule'],
  ...['evaluate', 'probes', 'mostRuns'],
];
const STOP: Record<keyof StopRule, true> = { minSteps: true, accuracy: true, windows: true };

/** A number as text, anything else by its kind. */
export const shown = (value: unknown): string => (typeof value === 'number' ? `${value}` : showKind(value));

export const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value);

export const isObject = (value: unknown): value is Record<PropertyKey, unknown> =>
  typeof value === 'object' && value !== null;

/** Told by its tag, since the array may come from another realm, as in tests under Jest. */
export const isFloat32Array = (value: unknown): value is Float32Array =>
  ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Float32Array]';

const refuse = (what: string): never => {
  throw new LockstepError('bad-input', `trainLockstep: ${what}.`);
};

/** @throws LockstepError `bad-input` naming the option, its value and what it may be. */
export function checkOptions(options: LockstepOptions): Settings {
  if (options === undefined) refuse('the options are missing; give { runs, features, maxSteps }');
  const other = isObject(options) && OF_NETWORKS.find((name) => name in options);
  if (other) {
    refuse(
      `${other} is an option of networks of any shape, and these are two-layer networks of bits; as one of any shape ` +
        "theirs is { inputs: features, layers: [{ units: hidden, activation: 'relu' }, { units: 1, activation: " +
        "'sigmoid' }] } with loss 'bce', given as network instead of features and hidden",
    );
  }
  checkOptionNames('trainLockstep', options, Object.keys(OPTIONS));
  const { hidden = 512, batchSize = 128, logInterval = 250, kernel = 'auto', keepWeights = false } = options;
  const { features, maxSteps, stop, signal, checkpointSeconds, batchThreads, expectedRuns, pauseEvery } =
    options;
  checkRuns(options.runs);
  const whole = { features, hidden, batchSize, maxSteps, logInterval };
  checkWhole(whole);
  if (expectedRuns !== undefined) checkWhole({ expectedRuns });
  if (pauseEvery !== undefined) checkWhole({ pauseEvery });
  const kernels = ['auto', ...KERNEL_NAMES];
  if (!kernels.includes(kernel)) {
    refuse(`kernel is ${shown(kernel)}; there are ${kernels.join(', ')}`);
  }
  if (typeof keepWeights !== 'boolean') {
    refuse(`keepWeights is ${shown(keepWeights)}; it must be true or false`);
  }
  checkSignal(signal);
  checkSeconds(checkpointSeconds);
  checkThreads(batchThreads);
  checkStop(stop, logInterval, batchSize);
  return {
    ...whole,
    kernel,
    stop: stop && { ...stop },
    signal,
    keepWeights,
    pauseEvery,
    checkpointSeconds,
    batchThreads,
  };
}

/** @throws LockstepError `bad-input` if this is neither a list nor an iterable of runs. */
export function checkRuns(runs: unknown): void {
  const is =
    isObject(runs) && [Symbol.asyncIterator, Symbol.iterator].some((k) => typeof runs[k] === 'function');
  if (is) return;
  const hint = isObject(runs) && typeof runs.then === 'function' ? '; await it first' : '';
  refuse(`runs is ${shown(runs)}; it must be a list of runs, or an iterable of them${hint}`);
}

/** @throws LockstepError `bad-input` if this is no AbortSignal. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined) return;
  const is = isObject(signal) && 'aborted' in signal && typeof signal.addEventListener === 'function';
  if (is) return;
  const hint = isObject(signal) && 'signal' in signal ? ', as controller.signal is' : '';
  refuse(`signal is ${shown(signal)}; it must be an AbortSignal${hint}`);
}

function checkSeconds(seconds: unknown): void {
  if (seconds === undefined || (typeof seconds === 'number' && seconds > 0)) return;
  refuse(`checkpointSeconds is ${shown(seconds)}; it must be a number above 0, or left out`);
}

function checkThreads(batchThreads: unknown): void {
  if (batchThreads === undefined || batchThreads === 0) return;
  checkWhole({ batchThreads });
  if (platformName() !== 'browser') return;
  throw new LockstepError(
    'unsupported',
    `trainLockstep: batchThreads is ${batchThreads}; only Node has such threads. Leave it out in a browser.`,
  );
}

function checkStop(stop: unknown, logInterval: number, batchSize: number): void {
  if (stop === undefined) return;
  if (!isObject(stop)) refuse(`stop is ${shown(stop)}; it must be { minSteps, accuracy, windows }`);
  const { minSteps, accuracy, windows } = stop as Record<string, unknown>;
  checkOptionNames('trainLockstep: stop', stop, Object.keys(STOP));
  checkWhole({ 'stop.windows': windows });
  if (!Number.isSafeInteger(minSteps) || (minSteps as number) < 0) {
    refuse(`stop.minSteps is ${shown(minSteps)}; it must be a whole number of 0 or more`);
  }
  if (!(isNumber(accuracy) && accuracy >= 0 && accuracy <= 1)) {
    refuse(`stop.accuracy is ${shown(accuracy)}; it must be a share, from 0 to 1`);
  }
  if (logInterval * batchSize * batchSize < 2 ** 31) return;
  refuse(
    `logInterval ${logInterval} x batchSize ${batchSize} squared is 2^31 or more, beyond what the stop rule counts ` +
      'in; close windows more often',
  );
}

function checkWhole(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    const most = MOST[name as keyof typeof MOST] ?? 2 ** 31 - 1;
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) continue;
    refuse(`${name} is ${shown(value)}; it must be a whole number from 1 to ${most}`);
  }
}
