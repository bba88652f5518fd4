/**
 * The file operations of a results folder. Files are written whole or not at all, and each operation has a time limit, as the
 * folder may be on a network that fails. What the files mean is result-store.ts's concern.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import * as promises from 'node:fs/promises';
import { join } from 'node:path';

/** The functions of `node:fs/promises` that are used. Tests pass in ones that fail, stop or never answer. */
export type FileSystem = Pick<
  typeof promises,
  'link' | 'mkdir' | 'open' | 'readdir' | 'readFile' | 'rename' | 'rm' | 'stat'
>;

/** Time limit of one operation. A file is written in pieces of at most {@link CHUNK_BYTES}, so large files take longer. */
const LIMIT_MS = 30_000;
const CHUNK_BYTES = 4 * 2 ** 20;
/** Ending of a file that is being written. */
const PART = '.part';
/** What follows the stem in such a file's name. */
const PART_OF = /^\.[a-z]+(\.[0-9a-f]{12})?\.part$/;
/** The errors of Windows and some network file systems, where a folder cannot be synced. They are ignored. */
const NO_FOLDER_SYNC = ['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EBADF'];

/** Operations, in all folders, that have run out of time and have not ended yet. */
let stuckInAll = 0;

/** Whether an operation still occupies a thread, for which `process.exit` would wait. */
export const isHeldByFiles = (): boolean => stuckInAll > 0;

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;

export interface PatientOptions {
  files?: FileSystem;
  /** Milliseconds for one operation. Default 30,000. */
  limitMs?: number;
}

/** Files of one folder. Each method may throw the system's error, or a timeout in the same form (`ETIMEDOUT`). */
export class PatientFiles {
  readonly folder: string;
  readonly #files: FileSystem;
  readonly #limitMs: number;
  #stuck = 0;

  constructor(folder: string, { files = promises, limitMs = LIMIT_MS }: PatientOptions = {}) {
    this.folder = folder;
    this.#files = files;
    this.#limitMs = limitMs;
  }

  /** Whether an operation has run out of time and has not ended yet. */
  get stuck(): boolean {
    return this.#stuck > 0;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Makes the folder, and those above it, if need be. */
  async makeFolder(): Promise<void> {
    await this.#call(() => this.#files.mkdir(this.folder, { recursive: true }));
  }

  async names(): Promise<string[]> {
    return this.#call(() => this.#files.readdir(this.folder));
  }

  /** The file's bytes; undefined where there is none. */
  async read(name: string): Promise<Buffer | undefined> {
    return this.#orNone(() => this.#files.readFile(this.path(name)));
  }

  /** When the file was last written, milliseconds since 1970 on the file system's clock; undefined where there is none. */
  async modified(name: string): Promise<number | undefined> {
    return (await this.#orNone(() => this.#files.stat(this.path(name))))?.mtimeMs;
  }

  /** Writes the first bytes of a file again, so that the file system updates its time. */
  async touch(name: string): Promise<void> {
    const handle = await this.#call(
      () => this.#files.open(this.path(name), 'r+'),
      (late) => late.close(),
    );
    try {
      const { buffer, bytesRead } = await this.#call(() => handle.read(Buffer.alloc(1), 0, 1, 0));
      await this.#call(() => handle.write(buffer, 0, bytesRead, 0));
    } finally {
      await this.#call(() => handle.close());
    }
  }

  /** Removes the file, if it exists. */
  async remove(name: string): Promise<void> {
    await this.#call(() => this.#files.rm(this.path(name), { force: true }));
  }

  /** Replaces the file, whole or not at all. The new one survives a power cut. */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    await this.#withPart(name, content, async (part) => {
      await this.#call(() => this.#files.rename(this.path(part), this.path(name)));
    });
    await this.#syncFolder();
  }

  /**
   * Writes a new file, whole. Returns false where one of that name exists, or where the temporary file was removed in between: whoever
   * has got the name before does so ({@link removeParts}).
   */
  async create(name: string, content: string): Promise<boolean> {
    return this.#withPart(name, content, async (part) => {
      try {
        await this.#link(part, name, content);
        await this.remove(part);
        return true;
      } catch (error) {
        await this.remove(part);
        if (['EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) return false;
        throw error;
      }
    });
  }

  /** Gives a file with some content a second name. @throws the system's `EEXIST` if that name exists. */
  async #link(from: string, to: string, content: string): Promise<void> {
    try {
      await this.#call(() => this.#files.link(this.path(from), this.path(to)));
    } catch (error) {
      // Some file systems have no links. A copy may be seen half written, but never replaces a file.
      if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'EMLINK'].includes(codeOf(error) ?? ''))
        throw error;
      await this.#fill(to, content);
    }
  }

  /** Removes temporary files of killed processes that were writing files `STEM.ENDING`. */
  async removeParts(stems: readonly string[]): Promise<void> {
    const isPart = (name: string, stem: string) =>
      name.startsWith(stem) && PART_OF.test(name.slice(stem.length));
    for (const name of await this.names())
      if (stems.some((stem) => isPart(name, stem))) await this.remove(name);
  }

  async #withPart<T>(
    name: string,
    content: string | Uint8Array,
    then: (part: string) => Promise<T>,
  ): Promise<T> {
    const part = partName(name);
    try {
      await this.#fill(part, content);
      return await then(part);
    } catch (error) {
      if (!this.stuck) await this.remove(part).catch(() => {});
      throw error;
    }
  }

  /** Writes a new file. Opening it fails if the name exists, even as a link, so that no other file is overwritten. */
  async #fill(name: string, content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const handle = await this.#call(
      () => this.#files.open(this.path(name), 'wx'),
      (late) => late.close(),
    );
    try {
      for (let at = 0; at < bytes.length; ) {
        const length = Math.min(CHUNK_BYTES, bytes.length - at);
        at += (await this.#call(() => handle.write(bytes, at, length))).bytesWritten;
      }
      await this.#call(() => handle.sync());
    } finally {
      await this.#call(() => handle.close());
    }
  }

  async #syncFolder(): Promise<void> {
    try {
      const handle = await this.#call(
        () => this.#files.open(this.folder, constants.O_RDONLY),
        (late) => late.close(),
      );
      await this.#call(() => handle.sync()).finally(() => this.#call(() => handle.close()));
    } catch (error) {
      if (!NO_FOLDER_SYNC.includes(codeOf(error) ?? '')) throw error;
    }
  }

  async #orNone<T>(operation: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#call(operation);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Waits for `operation` within the time limit. A result that comes too late is passed to `late`. */
  async #call<T>(operation: () => Promise<T>, late?: (result: T) => unknown): Promise<T> {
    if (this.stuck) throw this.#timeout(); // so that not every checkpoint waits again
    const work = operation();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#countStuck(1);
        const answered = () => this.#countStuck(-1);
        work.then(late).then(answered, answered);
        reject(this.#timeout());
      }, this.#limitMs);
    });
    try {
      return await Promise.race([work, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  #countStuck(change: number): void {
    this.#stuck += change;
    stuckInAll += change;
  }

  #timeout(): NodeJS.ErrnoException {
    const message = `the file system of ${this.folder} did not answer for ${this.#limitMs / 1000} s`;
    return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
  }
}

const partName = (name: string) => `${name}.${randomBytes(6).toString('hex')}${PART}`;

/** The longest ending that a file `NAME` gets while it is written, in bytes. */
export const PART_BYTES = partName('').length;
