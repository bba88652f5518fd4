/**
 * The jobs of one command: every strategy on every configuration, each with a name for its files and, where the command trains
 * a shard, the runs of its part. Nothing is started here.
 */
import type { Shard } from '../platform/shard.js';
import { checkLabel, resultLabels } from './result-files.js';
import { runsOfShard } from './shards/runs.js';
import type { StrategyReference } from './strategy-messages.js';
import { strategyReference } from './strategy-start.js';
import { configName, type Task } from './task.js';

/** One strategy on one configuration. */
export interface Job {
  reference: StrategyReference;
  /** The strategy's name or file, as it was given. */
  strategy: string;
  task: Task;
  /** First part of its file names. */
  label: string;
  /** The shard to train of it, and the numbers of its runs. */
  part?: { shard: Shard; runs: number[] };
}

/**
 * All jobs, strategy by strategy.
 *
 * @param strategies Names of built-in strategies, or files.
 * @param label What the labels begin with, or are if there is one job. Default: strategy and configuration.
 * @throws LockstepError `bad-input` for a strategy that is neither built in nor a file, and a label that is no file name.
 */
export function jobsFor(
  strategies: readonly string[],
  tasks: readonly Task[],
  { label, shard }: { label?: string; shard?: Shard },
): Job[] {
  if (label !== undefined) checkLabel(label);
  const pairs = [...new Set(strategies)].flatMap((strategy) => {
    const reference = strategyReference(strategy);
    return tasks.map((task) => ({ strategy, reference, task }));
  });
  const stem = (name: string) => name.replace(/^.*[\\/]/, '').replace(/\.[cm]?[jt]s$/, '');
  const named = pairs.map(({ strategy, task }) => ({ strategy: stem(strategy), config: configName(task) }));
  const labels = resultLabels(named, label);
  const totals = pairs.map(({ task }) => task.secrets * task.orders);
  const runs = shard && runsOfShard(totals, shard);
  return pairs.map((pair, i) => ({
    ...pair,
    label: labels[i],
    ...(runs ? { part: { shard, runs: runs[i] } } : {}),
  }));
}
