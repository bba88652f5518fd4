/**
 * `LABEL_seedSEED.lock` lets only one process at a time work on the files of an evaluation. The file names its owner, and the
 * lock of a process that has ended is taken over. In a folder that several machines share, this cannot be seen; there, a
 * lock is taken over if it has not been touched for {@link SILENT_MS}.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { isRunning, type LockOwner, ownerOf, thisOwner } from './lock-owner.js';
import type { PatientFiles } from './patient-files.js';

/** A lock is touched at this interval, and counts as abandoned after six. */
const TOUCH_MS = 20_000;
export const SILENT_MS = 120_000;
/** How often, and how long, to wait for another process that removes an abandoned lock. */
const ATTEMPTS = 10;
const WAIT_MS = 50;

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
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await files.create(name, text)) return new ResultLock(files, name, text);
      await removeAbandoned(files, name);
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

/**
 * Removes the lock of a process that has ended. First it takes a claim on that very lock, which one process at a time can hold: so
 * nobody who has read the old lock removes a new one in its place.
 *
 * @throws LockstepError `unavailable` if the process still runs.
 */
async function removeAbandoned(files: PatientFiles, name: string): Promise<void> {
  const found = await readText(files, name);
  if (found === undefined) return; // removed just now
  if (!(await isAbandoned(files, name, found))) throw inUse(files.path(name), ownerOf(found));
  const claim = claimOn(name, found);
  if (await files.create(claim, JSON.stringify(thisOwner()))) {
    if ((await readText(files, name)) === found) await files.remove(name);
    await files.remove(claim);
    return;
  }
  const claimant = await readText(files, claim);
  if (claimant !== undefined && (await isAbandoned(files, claim, claimant))) await files.remove(claim);
  else await sleep(WAIT_MS);
}

/** A name that belongs to one lock alone, and that {@link PatientFiles.removeParts} recognizes. */
const claimOn = (name: string, lock: string): string =>
  `${name}.${createHash('sha256').update(lock).digest('hex').slice(0, 12)}.part`;

/** Whether the process that wrote the file has ended or, where that cannot be seen, has been silent for long. */
async function isAbandoned(files: PatientFiles, name: string, text: string): Promise<boolean> {
  const owner = ownerOf(text);
  const running = owner && isRunning(owner);
  return running === undefined ? isSilent(files, name) : !running;
}

/** Whether the file has not been touched for long, by the file system's own clock. */
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
