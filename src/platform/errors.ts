/**
 * The library's error class; there is no other. The message tells people what happened, where, with which value, and what
 * to do; `code` is for programs. Control characters in a message are escaped, as it may quote names from files and
 * strategies and ends up on a terminal.
 */
import { printableLines } from './printable.js';

/** What went wrong, for programs; the message is for people. */
export type ErrorCode =
  /** An argument, flag, strategy or file that cannot be used; nothing has been started. */
  | 'bad-input'
  /** A file or folder that cannot be used now and may be later: another process has it, or its file system fails. */
  | 'unavailable'
  /** No WebGPU implementation or no adapter on this machine. */
  | 'no-adapter'
  /** A shader did not compile; a defect of ours, or a WGSL kernel of the user's. */
  | 'shader'
  /** The device refused an operation (validation, internal error). */
  | 'device'
  /** The device or the host has too little memory. */
  | 'out-of-memory'
  /** The device was lost or destroyed while in use. */
  | 'device-lost'
  /** The adapter cannot do what was asked for (a feature, a limit, a kernel variant). */
  | 'unsupported'
  /** A tensor was used after it was freed. */
  | 'disposed';

/** Every error of this library. Example: `catch (e) { if (e instanceof LockstepError && e.code === 'no-adapter') … }`. */
export class LockstepError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(printableLines(String(message)), options);
    this.name = 'LockstepError';
    this.code = code;
  }
}
