/** File systems for tests that fail, stop half way like a killed process, or never answer. Not a test. */
import * as promises from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileSystem } from '../../src/bench/patient-files.js';

type Method = (...args: never[]) => Promise<unknown>;

/** What happens instead of an operation; undefined lets it happen. */
export type Fault = (operation: string, path: string) => Error | 'never' | undefined;

const never = () => new Promise<never>(() => {});

export const systemError = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: made by a test`), { code });

/** What a full disk or a kill makes of a write. */
const writeHalf = (handle: promises.FileHandle, bytes: Uint8Array, at: number, length: number) =>
  handle.write(bytes, at, length >> 1);

/**
 * Node's file system, where `fault` is asked before each operation, those of open files too (`write`, `sync`, `close`, …).
 * Operations of `skip` are passed over.
 */
export function faulty(fault: Fault, skip: readonly string[] = []): FileSystem {
  const instead = (name: string, path: string, real: () => Promise<unknown>): Promise<unknown> => {
    const found = fault(name, path);
    if (found === 'never') return never();
    if (found) return Promise.reject(found);
    return skip.includes(name) ? Promise.resolve() : real();
  };
  const watchHandle = (handle: promises.FileHandle, path: string) =>
    new Proxy(handle, {
      get(target, name: keyof promises.FileHandle) {
        const method = target[name] as unknown as Method;
        if (typeof method !== 'function') return method;
        return (...args: never[]) =>
          instead(String(name), path, () => method.apply(target, args)).catch(async (error) => {
            if (name === 'close') await target.close().catch(() => {});
            if (name === 'write')
              await writeHalf(target, ...(args as unknown as [Uint8Array, number, number]));
            throw error;
          });
      },
    });
  return new Proxy(promises as FileSystem, {
    get(target, name: keyof FileSystem) {
      const method = target[name] as unknown as Method;
      return (...args: never[]) =>
        instead(name, String(args[0]), async () => {
          const result = await method.apply(target, args);
          return name === 'open' ? watchHandle(result as promises.FileHandle, String(args[0])) : result;
        });
    },
  });
}

/** Node's file system on a slow network: now and then an answer takes a while, so that processes overtake each other anywhere. */
export function slowFiles(random: () => number): FileSystem {
  return new Proxy(promises as FileSystem, {
    get(target, name: keyof FileSystem) {
      const method = target[name] as unknown as Method;
      return async (...args: never[]) => {
        const result = await method.apply(target, args);
        if (random() < 0.15) await sleep(150 * random());
        return result;
      };
    },
  });
}

/** As a process that is killed before its operation number `last`: nothing happens any more. Counts operations. */
export function killedAt(last: number): { files: FileSystem; count(): number } {
  let operations = 0;
  const files = faulty(() => (operations++ < last ? undefined : systemError('EKILLED')));
  return { files, count: () => operations };
}
