/** The error of work that has to fail with one of this library's. */
import { expect } from 'vitest';
import { LockstepError } from '../src/platform/errors.js';

export async function errorOf(work: () => unknown): Promise<LockstepError> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(LockstepError);
    return error as LockstepError;
  }
  throw new Error('nothing was thrown');
}
