/**
 * Writes to standard output and standard error. A reader may close them, and a full disk refuse them, at any moment. A failed
 * write does not end the process; at its end, a command asks whether everything was written.
 */

/** One of the two streams. */
class Outlet {
  readonly stream: NodeJS.WriteStream;
  #failure: NodeJS.ErrnoException | undefined;
  readonly #listeners: (() => void)[] = [];

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => this.#fail(error));
  }

  /** Why the stream has failed; undefined while it works. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure;
  }

  /** Calls once, when the stream fails. */
  onFailure(listener: () => void): void {
    this.#listeners.push(listener);
  }

  write(text: string): void {
    if (this.#failure) return;
    try {
      this.stream.write(text);
    } catch (error) {
      this.#fail(error as NodeJS.ErrnoException); // files are written synchronously, and some Nodes throw
    }
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  /** Waits until everything is written, and returns whether it was. */
  async arrived(): Promise<boolean> {
    if (!this.#failure) {
      const written = new Promise<void>((resolve) => {
        this.onFailure(resolve);
        this.stream.write('', () => resolve());
      });
      await written;
      await new Promise((resolve) => setImmediate(resolve)); // the error event of a write comes after its callback
    }
    return this.#failure === undefined;
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#failure) return;
    this.#failure = error;
    for (const listener of this.#listeners) listener();
  }
}

export const stdout = new Outlet(process.stdout);
export const stderr = new Outlet(process.stderr);

/** A line for standard output. */
export const out = (line: string): void => stdout.line(line);
/** A line for standard error. */
export const say = (line: string): void => stderr.line(line);

/** `standard output is closed` or `standard output cannot be written (ENOSPC: …)`. */
export function describeFailure(name: string, { code, message }: NodeJS.ErrnoException): string {
  return code === 'EPIPE' ? `${name} was closed by its reader` : `${name} cannot be written (${message})`;
}
