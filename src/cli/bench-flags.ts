/**
 * The flags of `bench`, their checks, and the jobs that they ask for (src/bench/jobs.ts). Nothing is started here.
 */
import { type Command, Option } from 'commander';
import { type Job, jobsFor } from '../bench/jobs.js';
import { validateSeed } from '../bench/seeds.js';
import { configName, defaultConfigs, makeTask, type PresetName, presets, type Task } from '../bench/task.js';
import { KERNEL_NAMES, type KernelName } from '../kernels/train/training-kernel.js';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { type FoundShard, type Shard, shardFrom } from '../platform/shard.js';
import { filled, number, refuseRepeats } from './flag-values.js';

export interface BenchFlags extends Partial<Record<OverrideFlag, number>> {
  strategy?: string[];
  config?: string[];
  preset?: PresetName;
  /** The former name of `--preset`; refused. */
  profile?: string | true;
  smoke?: boolean;
  seed: number;
  nFeatures?: number;
  secretSize?: number;
  outputDir?: string;
  label?: string;
  resume?: boolean;
  shard?: string;
  shards?: number;
  checkpointSeconds: number;
  recover: number;
  adapter?: string;
  kernel: 'auto' | KernelName;
  list?: boolean;
  listAdapters?: boolean;
  json?: boolean;
  quiet?: boolean;
  log?: boolean;
}

/** Flags that replace one field of the preset: the field's name, and the text of the help. */
const OVERRIDES = {
  secrets: 'hidden secrets',
  orders: 'runs a secret',
  maxSteps: 'steps after which a run ends in any case',
  logInterval: 'steps a window',
  testSetSize: 'test examples a secret',
  minStepsBeforeStop: 'steps before a run may stop early',
  earlyStopAcc: 'mean accuracy of a window that counts for a stop',
  earlyStopWindows: 'such windows in a row that stop a run',
  hiddenWidth: 'hidden units',
  batchSize: 'examples a step',
} as const satisfies Partial<Record<keyof Task, string>>;

type OverrideFlag = keyof typeof OVERRIDES;

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const words = (text: string, before: string[] = []) =>
  before.concat(text.split(',').filter((word) => word !== ''));

/** Adds the flags to a command. */
export function addBenchFlags(command: Command): Command {
  command
    .option(
      '--strategy <name or file>',
      'a built-in strategy or your own .ts/.js/.mjs file; may be given several times (default: feature-isolation)',
      (text, before: string[] = []) => before.concat(text),
    )
    .option(
      '--config <names>',
      `configurations nN-kK, separated by commas (default: ${defaultConfigs.join(',')})`,
      words,
    )
    .addOption(
      new Option('--preset <name>', 'which size of evaluation (default: full)').choices(Object.keys(presets)),
    )
    .addOption(new Option('--profile [name]').hideHelp())
    .option('--smoke', 'the same as --preset smoke: a quick look')
    .option('--seed <number>', 'top-level seed', number, 42);
  for (const [field, says] of Object.entries(OVERRIDES)) {
    command.option(`--${kebab(field)} <number>`, `${says} (default: the preset's)`, number);
  }
  command
    .option('--n-features <number>', 'one configuration: features N (default with --secret-size: 32)', number)
    .option(
      '--secret-size <number>',
      'one configuration: secret size K (default with --n-features: 8)',
      number,
    )
    .option(
      '--output-dir <folder>',
      'write LABEL_seedSEED.json and the learning curves, one of each a configuration',
      filled,
    )
    .option('--label <text>', 'first part of those file names (default: strategy and configuration)')
    .option('--resume', 'go on from the checkpoints in --output-dir, and leave out what is complete there')
    .option(
      '--shard <which>',
      'train one of several equal parts of all runs: 3/16, or auto for the number that Slurm, Kubernetes, AWS Batch or ' +
        'Cloud Run gives; `merge` makes one result of their files in --output-dir',
    )
    .option(
      '--shards <number>',
      'with --shard auto: how many there are, where the scheduler does not say',
      number,
    )
    .option(
      '--checkpoint-seconds <number>',
      'with --output-dir: seconds between checkpoints, of which each configuration keeps the last until it is complete',
      number,
      60,
    )
    .option(
      '--recover <number>',
      'how often in a row a lost device is opened again, to go on to the same results; 0: its loss is an error',
      number,
      3,
    )
    .option('--adapter <text>', 'use the adapter whose name contains this text', filled)
    .addOption(
      new Option('--kernel <name>', 'training kernel; auto takes the fastest that this adapter can run')
        .choices(['auto', ...KERNEL_NAMES])
        .default('auto'),
    )
    .option('--list-adapters', 'say which adapters there are')
    .option('--list', 'say which strategies are built in')
    .option('--json', 'the JSON summary alone on standard output; a list where there are several')
    .option('--log', "the public scaffold's log lines on standard output")
    .option('--quiet', 'no progress');
  refuseRepeats(command, ['strategy', 'config']);
  return command;
}

function tasksOf(flags: BenchFlags): Task[] {
  if (flags.profile !== undefined) {
    const name = flags.profile === true ? 'NAME' : printable(flags.profile);
    throw new LockstepError('bad-input', `--profile is called --preset now: write --preset ${name}.`);
  }
  if (flags.smoke && flags.preset !== undefined && flags.preset !== 'smoke') {
    throw new LockstepError(
      'bad-input',
      `--smoke and --preset ${flags.preset} contradict each other; give one of them.`,
    );
  }
  const preset = flags.smoke ? 'smoke' : (flags.preset ?? 'full');
  const single = flags.nFeatures !== undefined || flags.secretSize !== undefined;
  if (single && flags.config) {
    throw new LockstepError(
      'bad-input',
      '--config and --n-features/--secret-size both name configurations; give one of them.',
    );
  }
  const configs = single
    ? [`n${flags.nFeatures ?? 32}-k${flags.secretSize ?? 8}`]
    : (flags.config ?? defaultConfigs);
  if (configs.length === 0)
    throw new LockstepError('bad-input', '--config names no configuration; write --config n32-k8.');
  const overrides = Object.fromEntries(
    Object.keys(OVERRIDES).map((field) => [field, flags[field as OverrideFlag]]),
  );
  const tasks = configs.map((config) => makeTask(config, preset, overrides));
  return [...new Map(tasks.map((task) => [configName(task), task])).values()]; // n8-k2 and n08-k2 are one
}

/**
 * The shard that the flags ask for, if they do.
 *
 * @param env The process's variables, for `--shard auto`.
 * @throws LockstepError `bad-input` that names the flag or the variable, and its value.
 */
export function shardOf(flags: BenchFlags, env: NodeJS.ProcessEnv): FoundShard | undefined {
  const { shard, shards, outputDir, json, log } = flags;
  if (shard === undefined) {
    if (shards === undefined) return undefined;
    throw new LockstepError('bad-input', '--shards goes with --shard auto; give that too.');
  }
  if (outputDir === undefined)
    throw new LockstepError('bad-input', '--shard writes its results to --output-dir; give that too.');
  if (json || log) {
    const flag = json ? '--json' : '--log';
    throw new LockstepError(
      'bad-input',
      `${flag} prints whole evaluations; give it to merge, and not to --shard.`,
    );
  }
  return shardFrom(shard, env, shards);
}

/**
 * The jobs that the flags ask for, in order.
 *
 * @param shard Of {@link shardOf}.
 * @throws LockstepError `bad-input` that names the flag and the value.
 */
export function jobsOf(flags: BenchFlags, shard?: Shard): Job[] {
  if (flags.json && flags.log) {
    throw new LockstepError('bad-input', '--json and --log both want standard output; give one of them.');
  }
  if (flags.label !== undefined && flags.outputDir === undefined)
    throw new LockstepError('bad-input', '--label names files in --output-dir; give that too.');
  if (flags.resume && flags.outputDir === undefined)
    throw new LockstepError('bad-input', '--resume goes on from files in --output-dir; give that too.');
  if (!(flags.checkpointSeconds > 0)) {
    throw new LockstepError(
      'bad-input',
      `--checkpoint-seconds ${flags.checkpointSeconds}: it must be above 0.`,
    );
  }
  if (!Number.isInteger(flags.recover) || flags.recover < 0) {
    throw new LockstepError('bad-input', `--recover ${flags.recover}: it must be a whole number, 0 or more.`);
  }
  const tasks = tasksOf(flags);
  validateSeed(flags.seed);
  return jobsFor(flags.strategy ?? ['feature-isolation'], tasks, { label: flags.label, shard });
}
