#!/usr/bin/env node
/**
 * The `lockstep-gpu` program: its commands and how it ends. Each command lives in a file of its own and registers
 * itself here.
 */
import { Command } from 'commander';
import { isHeldByFiles } from '../bench/patient-files.js';
import { endWorkers } from '../platform/node-worker.js';
import { printableLines } from '../platform/printable.js';
import { version } from '../platform/version.js';
import { registerBench } from './bench-command.js';
import { EXIT, reportFailure } from './failure.js';
import { endByForce, endOnInterrupt } from './interrupt.js';
import { describeFailure, say, stderr, stdout } from './outlets.js';
import { registerProfile } from './profile-command.js';

endOnInterrupt();

const program = new Command('lockstep-gpu')
  .description('Train a hundred small neural networks in the same WebGPU dispatches.')
  .version(version)
  .showHelpAfterError('(--help lists the flags)')
  // What it quotes is the user's, control characters too.
  .configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(printableLines(text)),
  })
  .exitOverride();
registerBench(program);
registerProfile(program);

/** How long threads may take to end; one in the middle of a system call does not. */
const THREADS_MS = 1000;

/** Runs the command that the words ask for, and returns the exit code. */
async function run(): Promise<number> {
  try {
    await program.parseAsync();
  } catch (error) {
    return reportFailure(error);
  }
  const code = Number(process.exitCode ?? EXIT.ok);
  // A list that nobody wants to the end is no failure: `lockstep-gpu bench --list | head -1`.
  if (code !== EXIT.ok || (await stdout.arrived()) || stdout.failure?.code === 'EPIPE') return code;
  say(`error: ${describeFailure('standard output', stdout.failure!)}`);
  return EXIT.failed;
}

process.exitCode = await run();
if (!(await endWorkers(THREADS_MS)) || isHeldByFiles()) {
  say('a strategy or a file system does not come back from a system call; the process is ended by force');
  endByForce();
}
