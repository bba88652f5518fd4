/**
 * The `bench` command: its flags and its lists. bench-run.ts, which runs evaluations, is loaded only when there is something
 * to run.
 */
import type { Command } from 'commander';
import { listAdapters } from '../adapter/dawn.js';
import { noAdapterMessage } from '../adapter/no-adapter.js';
import { strategies } from '../bench/strategies/index.js';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { addBenchFlags, type BenchFlags, jobsOf, shardOf } from './bench-flags.js';
import { out } from './outlets.js';
import { colorsFor } from './style.js';

function printStrategies(): void {
  const colors = colorsFor(process.stdout);
  for (const { name, description, published } of strategies) {
    out(`${colors.bold(name)}\n    ${description ?? ''}`);
    out(colors.dim(`    published: ${published ?? 'no figure'}`));
  }
}

async function printAdapters(): Promise<void> {
  const adapters = await listAdapters();
  if (adapters.length === 0) throw new LockstepError('no-adapter', noAdapterMessage(process.platform));
  for (const { backend, name } of adapters) out(`${backend}\t${printable(name)}`);
}

/** Adds `bench` to the program. */
export function registerBench(program: Command): void {
  const command = program
    .command('bench')
    .description('Run the parity evaluation: many runs of one strategy, trained at once.')
    .allowExcessArguments(false);
  addBenchFlags(command).action(async (flags: BenchFlags) => {
    if (flags.list) return printStrategies();
    if (flags.listAdapters) return printAdapters();
    const shard = shardOf(flags, process.env);
    const jobs = jobsOf(flags, shard);
    const { runBench } = await import('./bench-run.js');
    process.exitCode = await runBench(jobs, flags, shard);
  });
}
