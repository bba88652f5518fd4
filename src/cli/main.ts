#!/usr/bin/env node
/**
 * The `lockstep-gpu` program. Each command is in a file of its own, which registers it here.
 */
import { Command } from 'commander';
import { isHeldByFiles } from '../bench/patient-files.js';
import { endWorkers } from '../platform/node-worker.js';
import { printableLines } from '../platform/printable.js';
import { version } from '../platform/version.js';
import { registerBench } from './bench-command.js';
import { EXIT, reportFailure } from './failure.js';
import { endByForce, endOnInterrupt } from './interrupt.js';
import { registerMerge } from './merge-command.js';
import { describeFailure, say, stderr, stdout } from './outlets.js';
import { registerProfile } from './profile-command.js';
import { registerStatus } from './status-command.js';

endOnInterrupt();

const program = new Command('lockstep-gpu')
  .description('Train a hundred small neural networks in the same WebGPU dispatches.')
  .version(version)
  .showHelpAfterError('(--help lists the flags)')
  // It quotes the user's words, which may contain control characters.
  .configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(printableLines(text)),
  })
  .exitOverride();
registerBench(program);
registerMerge(program);
registerProfile(program);
registerStatus(program);

/** How long threads may take to end. A thread in a system call does not end in time. */
const THREADS_MS = 1000;

/** Runs the command line's command and returns the exit code. */
async function run(): Promise<number> {
  try {
    await program.parseAsync();
  } catch (error) {
    return reportFailure(error);
  }
  const code = Number(process.exitCode ?? EXIT.ok);
  // A reader that stops early is no failure: `lockstep-gpu bench --list | head -1`.
  if (code !== EXIT.ok || (await stdout.arrived()) || stdout.failure?.code === 'EPIPE') return code;
  say(`error: ${describeFailure('standard output', stdout.failure!)}`);
  return EXIT.failed;
}

process.exitCode = await run();
if (!(await endWorkers(THREADS_MS)) || isHeldByFiles()) {
  say('a strategy or a file system does not come back from a system call; the process is ended by force');
  endByForce();
}
