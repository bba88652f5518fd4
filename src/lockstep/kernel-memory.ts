/**
 * Remembers which kernel variant won on an adapter: in memory, and in Node also in a file of the user's cache folder.
 * A cache and nothing more: what cannot be read, written or understood is as if it were not there.
 */

import type { DeviceInfo } from '../gpu/device.js';
import type { KernelShape } from '../kernels/train/training-kernel.js';
import { nodeModule } from '../platform/node-module.js';
import { version } from '../platform/version.js';

type Winners = Record<string, string>;

/** By key, for this process. */
const known = new Map<string, string>();

/** What a winner depends on: the adapter (its description names the driver), the work, and the code. */
export function winnerKey(info: DeviceInfo, shape: KernelShape, runs: number): string {
  const { vendor, architecture, device, description, backend } = info;
  const { features, hidden, batch } = shape;
  return JSON.stringify([
    version,
    vendor,
    architecture,
    device,
    description,
    backend ?? '',
    features,
    hidden,
    batch,
    runs,
  ]);
}

/** The winner of that key, or undefined. */
export async function recall(key: string): Promise<string | undefined> {
  const inMemory = known.get(key);
  if (inMemory !== undefined) return inMemory;
  const file = await cacheFile();
  return file ? (await read(file))[key] : undefined;
}

export async function remember(key: string, winner: string): Promise<void> {
  known.set(key, winner);
  const file = await cacheFile();
  if (!file) return;
  try {
    const { mkdir, rename, writeFile } = await file.fs();
    await mkdir(file.folder, { recursive: true });
    // Written aside and moved: another process reads the old file or the new one, never a half.
    const aside = `${file.path}.${process.pid}`;
    await writeFile(aside, `${JSON.stringify({ ...(await read(file)), [key]: winner }, null, 1)}\n`);
    await rename(aside, file.path);
  } catch {
    // A folder that cannot be written to: the next process times again.
  }
}

interface CacheFile {
  folder: string;
  path: string;
  fs(): Promise<typeof import('node:fs/promises')>;
}

/** `$XDG_CACHE_HOME`, `%LOCALAPPDATA%` or `~/Library/Caches`, in Node; undefined in a browser or without a home. */
async function cacheFile(): Promise<CacheFile | undefined> {
  if (typeof process !== 'object' || !process.versions?.node) return undefined;
  try {
    const { homedir } = await nodeModule<typeof import('node:os')>('os');
    const { join } = await nodeModule<typeof import('node:path')>('path');
    const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
    const caches =
      process.platform === 'win32'
        ? (LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
        : process.platform === 'darwin'
          ? join(homedir(), 'Library', 'Caches')
          : XDG_CACHE_HOME || join(homedir(), '.cache');
    const folder = join(caches, 'lockstep-gpu');
    return { folder, path: join(folder, 'kernels.json'), fs: () => nodeModule('fs/promises') };
  } catch {
    return undefined;
  }
}

async function read(file: CacheFile): Promise<Winners> {
  try {
    const { readFile } = await file.fs();
    const parsed: unknown = JSON.parse(await readFile(file.path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return {};
    return Object.fromEntries(Object.entries(parsed).filter(([, winner]) => typeof winner === 'string'));
  } catch {
    return {};
  }
}
