/**
 * Runs the built program as a user does, in a process of its own, and collects what it says. Not a test.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface CliResult {
  code: number | null;
  /** The signal that ended it, if one did. */
  signal?: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliRun {
  child: ChildProcess;
  /** Resolves with what was printed so far on standard error once it matches. */
  seen(pattern: RegExp): Promise<string>;
  result: Promise<CliResult>;
}

/** Starts `lockstep-gpu ARGS`. Colours and CI settings of the surroundings are kept out. */
export function startCli(args: string, env: NodeJS.ProcessEnv = {}): CliRun {
  if (!existsSync(program)) throw new Error('dist/ is missing: run `npm run build:js` first');
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...inherited } = process.env;
  const child = spawn(process.execPath, [program, ...args.split(' ').filter(Boolean)], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const result = new Promise<CliResult>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const seen = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const check = () => pattern.test(stderr) && resolve(stderr);
      child.stderr.on('data', check);
      child.on('close', () => reject(new Error(`ended without ${pattern} on standard error:\n${stderr}`)));
      check();
    });
  return { child, seen, result };
}

/** Runs a line of the shell in which `$CLI` is the program, for pipes and redirections. */
export function runShell(line: string): Promise<CliResult> {
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...inherited } = process.env;
  const env = { ...inherited, CLI: `${process.execPath} ${program}` };
  return new Promise((resolve) => {
    execFile('sh', ['-c', line], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

export const runCli = (args: string, env?: NodeJS.ProcessEnv) => startCli(args, env).result;
