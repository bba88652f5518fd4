/**
 * Remembers which kernel variant won on an adapter: in memory, and in Node also in a file of the user's cache folder.
 * Files that cannot be read, written or understood are ignored, and so are files that another user could have written.
 */

import type { DeviceInfo } from '../../gpu/device-info.js';
import type { KernelShape } from '../../kernels/train/training-kernel.js';
import { nodeModule } from '../../platform/node-module.js';
import { printable } from '../../platform/printable.js';
import { version } from '../../platform/version.js';

type Winners = Record<string, string>;

/** The winners of this process, by key. */
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

/** The winner remembered under a key, or undefined. */
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
    const { mkdir, rename, rm, writeFile } = await file.fs();
    await mkdir(file.folder, { recursive: true, mode: 0o700 });
    if (!(await isOwn(file, file.folder))) return;
    const winners = { ...(await read(file)), [key]: winner };
    // Written to another file and moved: a process that reads sees the old file or the new one, never half of one.
    const aside = `${file.path}.${process.pid}.${crypto.randomUUID()}`;
    try {
      await writeFile(aside, `${JSON.stringify(winners, null, 1)}\n`, { mode: 0o600, flag: 'wx' });
      await rename(aside, file.path);
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
  } catch {
    // The folder cannot be written to: the next process times again.
  }
}

/**
 * Whether a folder or file is this user's and nobody else can write to it; warns if not. Windows keeps users' folders
 * apart by itself.
 */
async function isOwn(file: CacheFile, path: string): Promise<boolean> {
  if (typeof process.getuid !== 'function') return true;
  const { lstat } = await file.fs();
  const { uid, mode } = await lstat(path);
  const others = (mode & 0o022) !== 0 && (mode & 0o170000) !== 0o120000; // a link's own mode says nothing
  if (uid === process.getuid() && !others) return true;
  const reason = uid === process.getuid() ? 'others can write to it' : "it is another user's";
  warn(`${path} is left alone: ${reason}. Kernels are timed anew; delete it to have them remembered.`);
  return false;
}

const warned = new Set<string>();

function warn(message: string): void {
  if (!warned.has(message)) process.emitWarning(printable(message, 500), 'LockstepWarning');
  warned.add(message);
}

interface CacheFile {
  folder: string;
  path: string;
  fs(): Promise<typeof import('node:fs/promises')>;
}

/**
 * In Node, the file in `$XDG_CACHE_HOME`, `%LOCALAPPDATA%` or `~/Library/Caches`; undefined in a browser or without a
 * home.
 */
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
  let text: string;
  try {
    const { readFile } = await file.fs();
    if (!((await isOwn(file, file.folder)) && (await isOwn(file, file.path)))) return {};
    text = await readFile(file.path, 'utf8');
  } catch {
    return {}; // there is none yet
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw new Error('no list of kernels');
    return Object.fromEntries(Object.entries(parsed).filter(([, winner]) => typeof winner === 'string'));
  } catch {
    warn(`${file.path} is damaged; kernels are timed anew, and it is written anew.`);
    return {};
  }
}
