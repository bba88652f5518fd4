/**
 * Finds the files of a strategy: its file, and every local file that one of them names in a string that begins with `./` or
 * `../`, as in imports, `require` and `new URL('./weights.json', import.meta.url)`. Packages are not included, nor names that
 * are composed at run time. The files are read, not run. Node only.
 */
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, extname, relative, resolve, sep } from 'node:path';
import { LockstepError } from '../platform/errors.js';
import type { SourceDigests } from './fingerprint.js';

/** Endings of scripts: jiti adds them to imports without an ending, and their files have imports themselves. */
const SCRIPTS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'];
const ADDED = [...SCRIPTS, '.json'];
/** A quoted relative path. It may be in a comment; a file that is hashed needlessly does no harm. */
const RELATIVE = /(['"`])(\.\.?\/[^'"`\n]*)\1/g;

/** The file that `specifier` in a file of `folder` refers to, if any. `./x.js` may be `x.ts`, as in TypeScript. */
function localFile(folder: string, specifier: string): string | undefined {
  const path = resolve(folder, specifier.replace(/[?#].*$/, ''));
  const stem = path.replace(/\.([cm]?)jsx?$/, '');
  const candidates = [
    path,
    ...ADDED.map((ending) => path + ending),
    ...(stem === path ? [] : SCRIPTS.map((ending) => stem + ending)),
    ...ADDED.map((ending) => resolve(path, `index${ending}`)),
  ];
  return candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
}

/**
 * The SHA-256 of each file of the strategy in `file`, by its path relative to the file's folder, with `/`.
 *
 * @throws LockstepError `bad-input` where the file cannot be read.
 */
export function sourceDigests(file: string): SourceDigests {
  // A link is resolved first, as the imports are relative to the file that it leads to.
  const main = realPath(file);
  const root = dirname(main);
  const digests: Record<string, string> = {};
  const visit = (path: string): void => {
    const name = relative(root, path).split(sep).join('/');
    if (Object.hasOwn(digests, name)) return;
    const bytes = read(path);
    digests[name] = createHash('sha256').update(bytes).digest('hex');
    if (!SCRIPTS.includes(extname(path))) return;
    for (const [, , specifier] of bytes.toString('utf8').matchAll(RELATIVE)) {
      const found = localFile(dirname(path), specifier);
      if (found !== undefined) visit(realPath(found));
    }
  };
  visit(main);
  return Object.fromEntries(Object.entries(digests).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const read = (path: string): Buffer => reading(path, () => readFileSync(path));
const realPath = (path: string): string => reading(path, () => realpathSync(path));

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new LockstepError('bad-input', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
