/**
 * The error flag of a device: a small buffer that a kernel writes to when it refuses a value, which the host cannot see. The
 * next read copies the flag along with its own data, clears it, and throws the message that belongs to the check. Where no
 * kernel that checks was launched since the last read, nothing is copied.
 */
import { LockstepError } from '../platform/errors.js';
import type { Buffers } from './buffers.js';
import type { Recorder } from './recorder.js';
import { BufferUsage } from './usage.js';

/** Three words (shaders/shared/flag.wgsl.ts): calls of `raise`, the ticket of the first, the bits of the refused value. */
export const FLAG_BYTES = 12;

/** A value that a launch refuses. */
export interface DeviceCheck {
  /** Names the check: launches with the same key share a ticket. */
  key: string;
  /** The message, made from the 32 bits of the value that was refused. */
  tell: (bits: number) => string;
}

export class ErrorFlag {
  readonly #buffers: Buffers;
  #buffer: GPUBuffer | undefined;
  /** The checks launched since the last read, by key. The n-th has ticket n + 1, as 0 means that nothing was raised. */
  #checks = new Map<string, { ticket: number; check: DeviceCheck }>();

  constructor(buffers: Buffers) {
    this.#buffers = buffers;
  }

  /** Whether a kernel that checks was launched since the last read. */
  get pending(): boolean {
    return this.#checks.size > 0;
  }

  /** The buffer that kernels with a check bind. */
  get buffer(): GPUBuffer {
    const { STORAGE, COPY_SRC, COPY_DST } = BufferUsage;
    this.#buffer ??= this.#buffers.allocate('error flag', FLAG_BYTES, STORAGE | COPY_SRC | COPY_DST);
    return this.#buffer;
  }

  /** The number by which the launch that is recorded next names its check. */
  ticket(check: DeviceCheck): number {
    let known = this.#checks.get(check.key);
    if (!known) {
      known = { ticket: this.#checks.size + 1, check };
      this.#checks.set(check.key, known);
    }
    return known.ticket;
  }

  /**
   * Records a copy of the flag to `target` and its clearing, after all launches so far.
   *
   * @returns A function that throws what was raised, given the copied words.
   */
  take(recorder: Recorder, target: GPUBuffer, offset: number): (words: Uint32Array) => void {
    recorder.copy(this.buffer, 0, target, offset, FLAG_BYTES);
    recorder.clear(this.buffer, 0, FLAG_BYTES);
    const checks = [...this.#checks.values()];
    this.#checks = new Map();
    return ([, ticket, bits]) => {
      if (ticket > 0) throw new LockstepError('bad-input', checks[ticket - 1].check.tell(bits));
    };
  }
}
