/**
 * Reads bytes of a device's buffers: it copies them to a staging buffer and waits for this copy alone. Where a kernel may have
 * raised the device's error flag, the flag is read too.
 */
import { LockstepError } from '../platform/errors.js';
import { span } from '../platform/host-spans.js';
import { printable } from '../platform/printable.js';
import type { CommandQueue } from './commands.js';
import { type ErrorFlag, FLAG_BYTES } from './flag.js';
import type { WaitOptions } from './map.js';
import { Staging, type StagingHost } from './staging.js';

/** The reads of one device. */
export class Readback {
  readonly #commands: CommandQueue;
  readonly #flag: ErrorFlag;
  readonly #staging: Staging;

  constructor(host: StagingHost, commands: CommandQueue, flag: ErrorFlag) {
    this.#commands = commands;
    this.#flag = flag;
    this.#staging = new Staging(host, 'staging');
  }

  /**
   * Reads after all that was recorded so far, which is submitted.
   *
   * @throws LockstepError `bad-input` for what a kernel refused since the last read.
   */
  async read(source: GPUBuffer, offset: number, bytes: number, options: WaitOptions): Promise<ArrayBuffer> {
    checkRange(source, offset, bytes);
    const flagged = this.#flag.pending;
    if (bytes === 0 && !flagged) {
      this.#commands.flush();
      return new ArrayBuffer(0);
    }
    const copied = Math.ceil(bytes / 4) * 4;
    const staged = this.#staging.take(copied + (flagged ? FLAG_BYTES : 0));
    const recorder = this.#commands.last();
    staged.copy(recorder, source, offset, copied);
    const throwRaised = flagged ? this.#flag.take(recorder, staged, copied) : undefined;
    this.#commands.flush();
    await staged.wait(options);
    const [result, raised] = staged.take((mapped) => [
      span('read-back', 'read', () => mapped.slice(0, bytes), { bytes }),
      new Uint32Array(mapped.slice(copied)),
    ]);
    throwRaised?.(raised);
    return result;
  }

  /** Nothing is kept from here on. */
  close(): void {
    this.#staging.close();
  }
}

/** A copy out of range does nothing, and what an earlier read left in the staging buffer would be taken for the result. */
function checkRange(source: GPUBuffer, offset: number, bytes: number): void {
  const areWhole = [offset, bytes].every((value) => Number.isSafeInteger(value) && value >= 0);
  const end = offset + Math.ceil(bytes / 4) * 4;
  if (areWhole && offset % 4 === 0 && end <= source?.size) return;
  throw new LockstepError(
    'bad-input',
    `Device.read: ${printable(bytes)} bytes from offset ${printable(offset)} are not within a buffer of ` +
      `${printable(source?.size)}; the offset is a multiple of 4.`,
  );
}
