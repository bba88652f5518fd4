/**
 * The error flag of a device: one small buffer that kernels write only where they refuse a value that the host cannot
 * see. The next read copies the flag together with its own data, clears it, and throws. If no checking kernel was launched
 * since the last read, nothing is copied. Each launch provides the message of its check.
 */
import { LockstepError } from '../platform/errors.js';
import type { Buffers } from './buffers.js';
import type { Recorder } from './recorder.js';
import type { Staged } from './staging.js';
import { BufferUsage } from './usage.js';

/** Calls of `raise`, the ticket of the first one, the bits of its value: shaders/shared/flag.wgsl.ts. */
const WORDS = 3;
export const FLAG_BYTES = 4 * WORDS;

/** What a launch refuses. */
export interface DeviceCheck {
  /** Tells messages apart: launches of one key share a ticket. */
  key: string;
  /** The message, from the 32 bits of the value that was refused. */
  tell: (bits: number) => string;
}

export class ErrorFlag {
  readonly #buffers: Buffers;
  #buffer: GPUBuffer | undefined;
  /** By key, the n-th has ticket n + 1: those of launches since the last look. */
  #checks = new Map<string, { ticket: number; check: DeviceCheck }>();

  constructor(buffers: Buffers) {
    this.#buffers = buffers;
  }

  /** Whether a kernel that checks was launched since the last look. */
  get pending(): boolean {
    return this.#checks.size > 0;
  }

  /** For checking kernels to bind. */
  get buffer(): GPUBuffer {
    const { STORAGE, COPY_SRC, COPY_DST } = BufferUsage;
    this.#buffer ??= this.#buffers.allocate('error flag', FLAG_BYTES, STORAGE | COPY_SRC | COPY_DST);
    return this.#buffer;
  }

  /** The number by which a launch that is now recorded names its check. */
  ticket(check: DeviceCheck): number {
    let known = this.#checks.get(check.key);
    if (!known) {
      known = { ticket: this.#checks.size + 1, check };
      this.#checks.set(check.key, known);
    }
    return known.ticket;
  }

  /**
   * Records a copy of the flag to a place of `staged`, and its clearing, after all launches so far.
   *
   * @returns Throws what was raised, given the copied words.
   */
  take(recorder: Recorder, staged: Staged, offset: number): (words: Uint32Array) => void {
    staged.copy(recorder, this.buffer, 0, FLAG_BYTES, offset);
    recorder.clear(this.buffer, 0, FLAG_BYTES);
    const checks = [...this.#checks.values()];
    this.#checks = new Map();
    return ([, ticket, bits]) => {
      if (ticket > 0) throw new LockstepError('bad-input', checks[ticket - 1].check.tell(bits));
    };
  }
}
