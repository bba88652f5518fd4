/** The `merge` command and its flags. merge-run.ts, which does the work, is loaded only when there is something to merge. */
import type { Command } from 'commander';
import { filled, refuseRepeats } from './flag-values.js';
import type { MergeFlags } from './merge-run.js';

/** Adds `merge` to the program. */
export function registerMerge(program: Command): void {
  const command = program
    .command('merge')
    .description('Make of the results of shards (bench --shard) what one process would have made.')
    .argument('<folders...>', "the shards' --output-dir, or several of them")
    .option(
      '--output-dir <folder>',
      'where LABEL_seedSEED.json and the curves go (default: the first folder)',
      filled,
    )
    .option('--partial', 'report the shards that are there, though others are missing; writes no files')
    .option('--mixed', 'merge shards that different kernels or adapters have trained; the summary says which')
    .option('--json', 'the JSON summary alone on standard output; a list where there are several')
    .option('--log', "the public scaffold's log lines on standard output")
    .option('--quiet', 'do not say which files were written')
    .action(async (folders: string[], flags: MergeFlags) => {
      const { runMerge } = await import('./merge-run.js');
      process.exitCode = await runMerge(folders, flags);
    });
  refuseRepeats(command);
}
