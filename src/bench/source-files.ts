/**
 * The files that a strategy file is made of: itself and, from there on, every local file that one of them names in a
 * string that begins with `./` or `../`: imports, `require`, `new URL('./weights.json', import.meta.url)`. Packages are
 * not among them, nor names that are put together while the program runs. Node only; it reads and runs nothing else.
 */
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, extname, relative, resolve, sep } from 'node:path';
import { LockstepError } from '../platform/errors.js';
import type { SourceDigests } from './fingerprint.js';

/** Endings that jiti adds to an import without one, and those that hold imports themselves. */
const SCRIPTS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'];
const ADDED = [...SCRIPTS, '.json'];
/** A quoted relative path. Comments count too: what is hashed needlessly does no harm. */
const RELATIVE = /(['"`])(\.\.?\/[^'"`\n]*)\1/g;

/** The file that `specifier` in a file of `folder` means, if there is one. `./x.js` may be `x.ts`, as in TypeScript. */
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
 * SHA-256 of each file that the strategy in `file` is made of, by its path from the file's folder, with `/`.
 *
 * @throws LockstepError `bad-input` where the file cannot be read.
 */
export function sourceDigests(file: string): SourceDigests {
  // A link stands for the file it leads to, whose imports begin there.
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
