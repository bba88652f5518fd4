/**
 * Drops certain lines that native code prints on standard error. Native code writes to file descriptor 2 directly and not
 * through Node. So the descriptor points to a file during one synchronous call; then everything that was printed is printed
 * again, but for the lines that the caller wants to drop.
 */
import { nodeModule } from './node-module.js';

interface Libc {
  dup(fd: number): number;
  dup2(from: number, to: number): number;
  memfd_create(name: string, flags: number): number;
}

interface Ffi {
  load(library: null): { func(declaration: string): (...values: never[]) => number };
}

let libc: Promise<Libc | undefined> | undefined;

/**
 * Node has no dup2. Closing descriptor 2 and opening another file would not do: in between, any thread that opens a file
 * could get the number 2. So this calls the C library's dup2 through koffi, an optional dependency that npm installs on
 * Linux only. Without koffi, all lines are printed.
 */
async function loadLibc(): Promise<Libc | undefined> {
  if (process.platform !== 'linux') return undefined;
  // Two threads at once would restore each other's descriptor.
  if (!(await nodeModule<typeof import('node:worker_threads')>('worker_threads')).isMainThread)
    return undefined;
  const specifier = ['@koromix/koffi', process.platform, process.arch].join('-'); // not a literal: bundlers follow that
  try {
    const ffi = (await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)) as { default: Ffi };
    const library = ffi.default.load(null);
    return {
      dup: library.func('int dup(int)'),
      dup2: library.func('int dup2(int, int)'),
      memfd_create: library.func('int memfd_create(const char *, unsigned int)'),
    };
  } catch {
    return undefined;
  }
}

/**
 * Calls `call` and drops the lines that match from what it prints on standard error before it returns. Node only.
 *
 * @param lines The lines to drop: a global pattern that matches whole lines with their newlines.
 * @returns What `call` returned.
 * @example
 * const adapter = await withoutLines(/^Warning: known\n/gm, () => gpu.requestAdapter());
 */
export async function withoutLines<T>(lines: RegExp, call: () => T): Promise<Awaited<T>> {
  libc ??= loadLibc();
  const [c, fs] = await Promise.all([libc, nodeModule<typeof import('node:fs')>('fs')]);
  if (!c) return await call();
  const kept = c.dup(2);
  const printed = kept < 0 ? -1 : c.memfd_create('lockstep-gpu-stderr', 0);
  if (printed < 0) {
    if (kept >= 0) fs.closeSync(kept);
    return await call();
  }
  let result: T;
  c.dup2(printed, 2);
  try {
    result = call();
  } finally {
    c.dup2(kept, 2);
    fs.closeSync(kept);
    const text = fs.readFileSync(`/proc/self/fd/${printed}`, 'utf8');
    fs.closeSync(printed);
    const rest = text.replace(lines, '');
    if (rest !== '') process.stderr.write(rest);
  }
  return await result;
}
