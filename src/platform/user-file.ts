/**
 * Runs a user's TypeScript or JavaScript file without a build step; imports of `lockstep-gpu` in it give this very library.
 * For a file that cannot be run, it says in one line what is wrong and where. Node only.
 *
 * Compiled code is not cached: jiti's cache would lie in the system's folder for temporary files, where another user could
 * put a file for us to run.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createJiti } from 'jiti';
import { printable } from './printable.js';
import { thrownAt, thrownText } from './thrown.js';

/** What the file exports. @throws Whatever the file or its compiler throws; {@link fileProblem} describes it. */
export function runUserFile(file: string, virtualModules: Record<string, object>): Promise<unknown> {
  const url = pathToFileURL(file).href;
  return createJiti(url, { fsCache: false, rebuildFsCache: false, virtualModules }).import(file);
}

/** `mine.ts:3:8: Unexpected token`: where and why loading `file` failed. */
export function fileProblem(file: string, thrown: unknown): string {
  const found = syntaxProblem(thrown) ?? missingImport(thrown);
  if (found) return found;
  const at = thrownAt(thrown, dirname(file));
  return at ? `${thrownText(thrown)}, at ${at}` : thrownText(thrown);
}

const messageOf = (thrown: unknown): string => {
  try {
    return String((thrown as Error).message);
  } catch {
    return '';
  }
};

/** jiti's `ParseError: Unexpected token  \n /path/mine.ts:3:7`, whose columns begin at 0. */
function syntaxProblem(thrown: unknown): string | undefined {
  const match = /^ParseError: (.*?)\s*\n\s*(\S.*):(\d+):(\d+)$/s.exec(messageOf(thrown).trim());
  if (!match) return undefined;
  const [, problem, file, line, column] = match;
  const reason = printable(problem.trim().replace(/\.$/, ''));
  return `${printable(file, 300)}:${line}:${Number(column) + 1}: ${reason}`;
}

/** `Cannot find module './x.js'`, with the place of the import in the file that has it. */
function missingImport(thrown: unknown): string | undefined {
  const name = /^Cannot find (?:module|package) '([^']+)'/.exec(messageOf(thrown))?.[1];
  const by = (thrown as { requireStack?: unknown } | null)?.requireStack;
  if (name === undefined || !Array.isArray(by) || typeof by[0] !== 'string') return undefined;
  const shown = `there is no module '${printable(name)}'`;
  const at = placeOf(by[0], name);
  return `${printable(by[0], 300)}${at ?? ''}: ${shown}`;
}

/** `:line:column` of a quoted text in a file. */
function placeOf(file: string, quoted: string): string | undefined {
  try {
    const before = readFileSync(file, 'utf8').split(/(?<=['"`])/);
    const at = before.findIndex((part) => part.slice(0, -1) === quoted);
    if (at < 0) return undefined;
    const lines = before.slice(0, at).join('').split('\n');
    return `:${lines.length}:${lines[lines.length - 1].length}`;
  } catch {
    return undefined;
  }
}
