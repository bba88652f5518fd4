#!/usr/bin/env node
/**
 * The `lockstep-gpu` program: its commands and how it ends. Each command lives in a file of its own and registers
 * itself here.
 */
import { Command } from 'commander';
import { version } from '../platform/version.js';
import { registerBench } from './bench-command.js';
import { reportFailure } from './failure.js';
import { endOnInterrupt } from './interrupt.js';
import { registerProfile } from './profile-command.js';

endOnInterrupt();

// `lockstep-gpu bench --list | head -1` closes our output early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const program = new Command('lockstep-gpu')
  .description('Train a hundred small neural networks in the same WebGPU dispatches.')
  .version(version)
  .showHelpAfterError('(--help lists the flags)')
  .exitOverride();
registerBench(program);
registerProfile(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}
