/** The `profile` command and its flags. profile-run.ts, which does the work, is loaded only when there is something to run. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ProfileFlags, SORT_KEYS } from './profile-flags.js';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1)
    throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return value;
}

/** Adds `profile` to the program. */
export function registerProfile(program: Command): void {
  program
    .command('profile')
    .description('Show where the time goes, kernel by kernel, beside what the device could do.')
    .argument(
      '[what]',
      'step: training steps; bench: a short evaluation; kernels: each kernel alone; or a .ts/.js file of yours',
      'step',
    )
    .argument('[args...]', "your file's own arguments, after --")
    .option('--config <name>', 'configuration nN-kK', 'n32-k8')
    .option('--runs <number>', 'runs that train together', wholeNumber, 100)
    .option('--steps <number>', 'training steps', wholeNumber, 200)
    .option('--kernel <name>', 'training kernel; auto takes the fastest that runs here', 'auto')
    .option('--adapter <text>', 'use the adapter whose name contains this text')
    .option('--top <number>', 'most rows of a table', wholeNumber, 20)
    .addOption(new Option('--sort <key>', 'what kernels are sorted by').choices(SORT_KEYS).default('time'))
    .option('--json', 'the report as JSON on standard output instead of tables')
    .option('--trace <file>', 'write a trace that ui.perfetto.dev and chrome://tracing open')
    .option('--html <file>', 'write a page with timeline and tables')
    .option('--wgsl <folder>', 'write the WGSL of each pipeline')
    .action(async (what: string, args: string[], flags: ProfileFlags) => {
      const { runProfile } = await import('./profile-run.js');
      await runProfile(what, args, flags);
    });
}
