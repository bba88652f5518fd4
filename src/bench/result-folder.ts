/**
 * The folder `--output-dir` as one process has it: locked for the files that begin with some stems, with a count of those that
 * could not be written. A file that cannot be written causes a warning and never ends the training. What the files hold is
 * result-store.ts's and shards/store.ts's concern.
 */
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { codeOf, PatientFiles, type PatientOptions } from './patient-files.js';
import { checkStems } from './result-files.js';
import { ResultLock } from './result-lock.js';

export interface FolderOptions extends PatientOptions {
  /** Called with each warning, one line. */
  warn(line: string): void;
}

/** The system's errors that do not go away by themselves; a full disk, or a file system that does not answer, may. */
const LASTING = [
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
];

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The folder, locked for some stems. */
export class ResultFolder {
  readonly files: PatientFiles;
  readonly #warn: (line: string) => void;
  readonly #locks: ResultLock[] = [];
  /** Files that could not be written. */
  failures = 0;

  private constructor(folder: string, { warn, ...options }: FolderOptions) {
    this.files = new PatientFiles(folder, options);
    this.#warn = warn;
  }

  /**
   * Makes the folder if need be, locks the files of each stem, and removes temporary files of killed processes. Writing the
   * locks shows that the folder can be written.
   *
   * @throws LockstepError `bad-input` if the folder cannot be written or a name is too long; `unavailable` if another process
   * has the lock, or the file system fails.
   */
  static async open(folder: string, stems: readonly string[], options: FolderOptions): Promise<ResultFolder> {
    checkStems(stems);
    const opened = new ResultFolder(folder, options);
    try {
      await opened.files.makeFolder();
      for (const stem of stems) opened.#locks.push(await ResultLock.acquire(opened.files, `${stem}.lock`));
      await opened.files.removeParts(stems);
      return opened;
    } catch (cause) {
      await opened.close();
      if (cause instanceof LockstepError) throw cause;
      throw opened.#refuse('nothing can be written there', cause);
    }
  }

  /** Reads what `--resume` and shards look for. @throws LockstepError `bad-input` or `unavailable` that names the folder. */
  async reading<T>(read: () => Promise<T>): Promise<T> {
    return read().catch((cause) => {
      throw this.#refuse('earlier files cannot be read', cause);
    });
  }

  #refuse(what: string, cause: unknown): LockstepError {
    const folder = printable(this.files.folder, 300);
    const code = LASTING.includes(codeOf(cause) ?? '') ? 'bad-input' : 'unavailable';
    return new LockstepError(code, `--output-dir ${folder}: ${what} (${messageOf(cause)}).`, { cause });
  }

  /** Prints a remark, which is not a failure. */
  remark(line: string): void {
    this.#warn(line);
  }

  /** Warns of a file that could not be written, and counts it. */
  addFailure(what: string, error: unknown): void {
    this.failures++;
    this.#warn(`warning: ${what} cannot be written: ${printable(messageOf(error), 500)}`);
  }

  /** Removes the locks. */
  async close(): Promise<void> {
    for (const lock of this.#locks.splice(0)) await lock.release().catch(() => {}); // a lock that stays is taken over later
  }
}
