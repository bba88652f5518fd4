/**
 * `LABEL_seedSEED.lock` lets only one process at a time work on the files of an evaluation. The file names its owner, and the
 * lock of a process that has ended is taken over. In a folder that several machines share, this cannot be seen; there, a
 * lock is taken over if it has not been touched for {@link SILENT_MS}.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { isRunning, type LockOwner, ownerOf, thisOwner } from './lock-owner.js';
import { codeOf, type PatientFiles } from './patient-files.js';

/** A lock is touched at this interval, and counts as abandoned after six. */
const TOUCH_MS = 20_000;
export const SILENT_MS = 120_000;
/** How far apart two processes may be that take over the same lock. */
const CONTEST_MS = 50;
const ATTEMPTS = 5;

export class ResultLock {
  readonly #files: PatientFiles;
  readonly #name: string;
  readonly #text: string;
  readonly #timer: NodeJS.Timeout;
  #touching = false;

  private constructor(files: PatientFiles, name: string, text: string) {
    this.#files = files;
    this.#name = name;
    this.#text = text;
    this.#timer = setInterval(() => this.#touch(), TOUCH_MS).unref();
  }

  /** @throws LockstepError `unavailable` that names the owner where another process has the lock; the system's errors. */
  static async acquire(files: PatientFiles, name: string): Promise<ResultLock> {
    const text = `${JSON.stringify(thisOwner())}\n`;
    let contested = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await files.create(name, text)) {
        // Another process that found the old lock at the same time may have put this new one aside.
        if (contested) await sleep(CONTEST_MS);
        if (!contested || (await readText(files, name)) === text) return new ResultLock(files, name, text);
        continue;
      }
      contested = true;
      await putAsideStale(files, name);
    }
    throw inUse(files.path(name), undefined);
  }

  /** Removes the lock, if it is still this process's. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    if ((await readText(this.#files, this.#name)) === this.#text) await this.#files.remove(this.#name);
  }

  /** Touches the lock. Failures are ignored: if the folder has failed, writing the results will tell. */
  async #touch(): Promise<void> {
    if (this.#touching) return;
    this.#touching = true;
    await this.#files.touch(this.#name).catch(() => {});
    this.#touching = false;
  }
}

const readText = async (files: PatientFiles, name: string) => (await files.read(name))?.toString('utf8');

/** Puts aside the lock of a process that has ended. @throws LockstepError if the process still runs. */
async function putAsideStale(files: PatientFiles, name: string): Promise<void> {
  const found = await readText(files, name);
  if (found === undefined) return; // removed just now
  const owner = ownerOf(found);
  const running = owner && isRunning(owner);
  if (running ?? !(await isSilent(files, name))) throw inUse(files.path(name), owner);
  let aside: string;
  try {
    aside = await files.putAside(name);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return; // another process was faster
    throw error;
  }
  // Another process's new lock instead of the old one: put it back.
  if ((await readText(files, aside)) !== found) {
    await files.link(aside, name).catch((error) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
  await files.remove(aside);
}

/** Whether the lock has not been touched for long, by the file system's own clock. */
async function isSilent(files: PatientFiles, name: string): Promise<boolean> {
  const probe = `${name}.probe`;
  await files.write(probe, '');
  const [touched, now] = [await files.modified(name), await files.modified(probe)];
  await files.remove(probe);
  return touched === undefined || (now !== undefined && now - touched > SILENT_MS);
}

function inUse(path: string, owner: LockOwner | undefined): LockstepError {
  const who = owner
    ? `process ${owner.pid} on ${printable(owner.host)} since ${printable(owner.since)}`
    : 'a process that cannot be told';
  return new LockstepError(
    'unavailable',
    `${path}: in use by ${who}. Wait for it to end, or take another --output-dir or --label; if it is gone for certain, ` +
      'delete that file.',
  );
}
