/**
 * A checkpoint file while training goes on: replaced again and again, and removed at the end. The first failure is a warning,
 * later ones are only counted. What the bytes mean is checkpoint-file.ts's concern.
 */
import type { ResultFolder } from './result-folder.js';

export class KeptCheckpoint {
  readonly #folder: ResultFolder;
  readonly #name: string;
  #lost = 0;

  constructor(folder: ResultFolder, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  get path(): string {
    return this.#folder.files.path(this.#name);
  }

  /** The file's bytes; undefined where there is none. @throws the system's error. */
  async read(): Promise<Buffer | undefined> {
    return this.#folder.files.read(this.#name);
  }

  /** Whether the file is there, as far as that can be seen. */
  async isThere(): Promise<boolean> {
    return (await this.#folder.files.modified(this.#name).catch(() => undefined)) !== undefined;
  }

  /** Replaces the file, whole or not at all. @throws the system's error. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#folder.files.write(this.#name, bytes);
  }

  /** The same while training goes on, which a failure does not stop. */
  async replace(bytes: Uint8Array): Promise<void> {
    try {
      await this.write(bytes);
    } catch (error) {
      if (this.#lost++ > 0) this.#folder.failures++;
      else this.#folder.addFailure(`${this.path} (training goes on)`, error);
    }
  }

  /** Says how many could not be written in all, where that were several. */
  tellLost(): void {
    if (this.#lost > 1) this.#folder.remark(`warning: ${this.#lost} checkpoints in all could not be written`);
    this.#lost = 0;
  }

  /** At the end: removes the file, or writes it once more. A failure was reported already, or does no harm. */
  async end(last?: Uint8Array): Promise<void> {
    await (last ? this.write(last) : this.#folder.files.remove(this.#name)).catch(() => {});
  }
}
