/**
 * The task: which parity is learned, and under which rules. This file has the presets, the configuration names (`n32-k8`) and
 * the check of every field. The command line turns its flags into `overrides`.
 */
import { checkNumber, checkObject, checkText } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames, showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';

/** Everything about an evaluation except the strategy and the seed. */
export interface Task {
  /** Coordinates N of an example, 1 to 1024. */
  nFeatures: number;
  /** Coordinates K in the hidden set, 1 to N. */
  secretSize: number;
  /** Hidden units W, 1 to 4096. */
  hiddenWidth: number;
  /** Examples a step, 1 to 1024. */
  batchSize: number;
  /** The most steps of a run. */
  maxSteps: number;
  /** The most rows a dataset may have. */
  maxTrainExamples: number;
  /** Hidden secrets. */
  secrets: number;
  /** Runs for each secret, each with its own weights and epoch order. At most 1000, so that their seeds differ. */
  orders: number;
  /** Rows of each secret's test set. */
  testSetSize: number;
  /** Steps a window. */
  logInterval: number;
  /** Windows that close before this step do not count for a stop. */
  minStepsBeforeStop: number;
  /** The mean accuracy from which a window counts for a stop. */
  earlyStopAcc: number;
  /** A run ends when this many windows in a row count. */
  earlyStopWindows: number;
}

/** What a preset fixes: all but the configuration. */
export type Preset = Omit<Task, 'nFeatures' | 'secretSize'>;
/** `full`: the task as described; `scaffold`: as the public scaffold runs it; `smoke`: a quick look. */
export type PresetName = 'full' | 'scaffold' | 'smoke';

const full: Preset = {
  hiddenWidth: 512,
  batchSize: 128,
  maxSteps: 100_000,
  maxTrainExamples: 12_800_000,
  secrets: 10,
  orders: 10,
  testSetSize: 16_384,
  logInterval: 250,
  minStepsBeforeStop: 1000,
  earlyStopAcc: 0.999,
  earlyStopWindows: 4,
};

/** `full` is the task as described, `scaffold` what the public scaffold runs, `smoke` a quick look. */
export const presets: Readonly<Record<PresetName, Preset>> = {
  full,
  scaffold: { ...full, secrets: 5, orders: 3, maxSteps: 30_000 },
  smoke: {
    ...full,
    secrets: 2,
    orders: 2,
    maxSteps: 4000,
    testSetSize: 2048,
    logInterval: 100,
    minStepsBeforeStop: 400,
    earlyStopWindows: 3,
  },
};

/** The configurations that the evaluation runs when none is named. */
export const defaultConfigs: readonly string[] = ['n32-k8', 'n50-k8', 'n64-k8'];

/**
 * A validated task.
 *
 * @param config `nN-kK`, such as `n32-k8`.
 * @param preset Default `full`.
 * @param overrides Fields that replace the preset's; undefined ones do not.
 * @throws LockstepError `bad-input` that names the field and its value.
 * @example makeTask('n50-k8', 'scaffold', { maxSteps: 1000 })
 */
export function makeTask(config: string, preset: PresetName = 'full', overrides: Partial<Task> = {}): Task {
  checkText('makeTask', 'the preset', preset);
  const base = Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  if (base === undefined) {
    throw new LockstepError(
      'bad-input',
      `Unknown preset '${printable(preset)}'; known are ${Object.keys(presets).join(', ')}.`,
    );
  }
  checkOptionNames('makeTask', overrides, [...Object.keys(bounds), 'earlyStopAcc']);
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const task: Task = { ...parseConfig(config), ...base, ...given };
  validateTask(task);
  return task;
}

/** `n32-k8` as its two numbers. Throws where the name is not of that form. */
export function parseConfig(config: string): Pick<Task, 'nFeatures' | 'secretSize'> {
  checkText('parseConfig', 'the configuration', config);
  const match = /^n(\d+)-k(\d+)$/.exec(config);
  if (match === null) {
    const numbers = config.match(/\d{1,4}/g) ?? [];
    const meant = numbers.length === 2 ? ` Did you mean n${numbers[0]}-k${numbers[1]}?` : '';
    throw new LockstepError(
      'bad-input',
      `Unknown configuration '${printable(config)}'; write nN-kK, features and secret size, as in n32-k8.${meant}`,
    );
  }
  return { nFeatures: Number(match[1]), secretSize: Number(match[2]) };
}

/** The name of a task's configuration, such as `n32-k8`. */
export function configName(task: Pick<Task, 'nFeatures' | 'secretSize'>): string {
  checkTask('configName', task, ['nFeatures', 'secretSize']);
  return `n${task.nFeatures}-k${task.secretSize}`;
}

/** Bounds of the whole-number fields, both ends included. */
const bounds: Record<Exclude<keyof Task, 'earlyStopAcc'>, [least: number, most: number]> = {
  nFeatures: [1, 1024],
  secretSize: [1, 1024],
  hiddenWidth: [1, 4096],
  batchSize: [1, 1024],
  maxSteps: [1, 2 ** 31 - 1],
  maxTrainExamples: [1, 200_000_000],
  secrets: [1, 100_000],
  orders: [1, 1000],
  testSetSize: [1, 200_000_000],
  logInterval: [1, 2 ** 31 - 1],
  minStepsBeforeStop: [0, 2 ** 31 - 1],
  earlyStopWindows: [1, 2 ** 31 - 1],
};

type WholeField = keyof typeof bounds;

/** Throws unless `task` is an object whose `fields` are within their bounds. */
export function checkTask(where: string, task: Partial<Task>, fields: readonly WholeField[]): void {
  checkObject(where, 'the task', task, "makeTask('n32-k8') fits");
  for (const field of fields) {
    const [min, max] = bounds[field];
    checkNumber(where, `the task's ${field}`, task[field], { min, max, whole: true });
  }
}

/** Throws a `bad-input` error that names the first field that is out of bounds, with its value. */
export function validateTask(task: Task): void {
  checkTask('Task', task, []);
  for (const [field, [least, most]] of Object.entries(bounds)) {
    const value = task[field as keyof typeof bounds];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new LockstepError(
        'bad-input',
        `Task: ${field} is ${shown(value)}; it must be a whole number of ${least} to ${most}.`,
      );
    }
  }
  if (!(task.earlyStopAcc > 0 && task.earlyStopAcc <= 1)) {
    throw new LockstepError(
      'bad-input',
      `Task: earlyStopAcc is ${shown(task.earlyStopAcc)}; it must be above 0 and at most 1.`,
    );
  }
  checkSecrets('Task', task);
}

const shown = (value: unknown) =>
  typeof value === 'object' || typeof value === 'symbol' ? showKind(value) : value;

/** Throws for more hidden sets, or larger ones, than there can be: drawing them would never end. */
export function checkSecrets(where: string, task: Pick<Task, 'nFeatures' | 'secretSize' | 'secrets'>): void {
  checkTask(where, task, ['nFeatures', 'secretSize', 'secrets']);
  const { nFeatures, secretSize, secrets } = task;
  if (secretSize > nFeatures) {
    throw new LockstepError(
      'bad-input',
      `${where}: secretSize is ${secretSize}, but there are only ${nFeatures} features (nFeatures).`,
    );
  }
  const subsets = countSubsets(nFeatures, secretSize, secrets);
  if (secrets > subsets) {
    throw new LockstepError(
      'bad-input',
      `${where}: secrets is ${secrets}, but ${nFeatures} features have only ${subsets} subsets of ${secretSize}; ` +
        'ask for fewer secrets.',
    );
  }
}

/** Subsets of k of n things, exactly while below `enough`; any number of at least `enough` otherwise. */
function countSubsets(n: number, k: number, enough: number): number {
  let count = 1;
  const smaller = Math.min(k, n - k);
  for (let i = 1; i <= smaller && count < enough; i++) count = (count * (n - smaller + i)) / i;
  return count;
}
