/** The `status` command: where the shards in a folder stand, in words or as JSON. */
import type { Command } from 'commander';
import type { ShardStatus, Status } from '../bench/shards/status.js';
import { out } from './outlets.js';
import { duration, grouped } from './style.js';

/** Adds `status` to the program. */
export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('Say where the shards (bench --shard) in a folder stand.')
    .argument('<folder>', "the shards' --output-dir")
    .option('--json', 'the same as JSON')
    .action(async (folder: string, { json }: { json?: boolean }) => {
      const { statusOf } = await import('../bench/shards/status.js');
      const now = Date.now();
      const status = await statusOf(folder, now);
      out(json ? JSON.stringify(status, null, 2) : statusText(status, now));
    });
}

const STATES = ['done', 'at work', 'stopped', 'not begun'] as const;

/** A line of counts, a line of figures, and a line for each shard that is at work or stopped. */
function statusText(status: Status, now: number): string {
  const { shards, steps_left, seconds_left } = status;
  const counted = STATES.map(
    (state) => [shards.filter((shard) => shard.state === state).length, state] as const,
  );
  const counts = counted.filter(([count]) => count > 0).map(([count, state]) => `${count} ${state}`);
  const time = seconds_left ? [`about ${duration(seconds_left)} left`] : [];
  const left = steps_left ? [`${grouped(steps_left)} steps left`, ...time] : [];
  const width = String(shards.length).length;
  const line = (shard: ShardStatus) =>
    `shard ${String(shard.shard).padStart(width)}  ${shard.state.padEnd(7)}  ${figures(shard, now).join(', ')}`;
  return [
    `${shards.length} shards: ${counts.join(', ')}`,
    [...figures(status, now), ...left].join(', '),
    ...shards.filter(({ state }) => state === 'at work' || state === 'stopped').map(line),
  ].join('\n');
}

function figures(
  { runs_done, runs, steps_per_second, last_sign }: Omit<ShardStatus, 'shard' | 'state' | 'steps'>,
  now: number,
): string[] {
  const ago =
    last_sign === null ? [] : [`last sign of life ${duration((now - Date.parse(last_sign)) / 1000)} ago`];
  const rate = steps_per_second === null ? [] : [`${grouped(steps_per_second)} steps/s`];
  return [`${runs_done}${runs === null ? '' : ` of ${runs}`} runs done`, ...rate, ...ago];
}
