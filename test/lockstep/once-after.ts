/** Lets something happen the first time that a method has been called, of whichever object. No assertions. */
import { type MockInstance, vi } from 'vitest';

/** Ends with `vi.restoreAllMocks()`. */
export function onceAfter(prototype: object, method: string, then: () => void): void {
  const original = (prototype as Record<string, (...args: unknown[]) => unknown>)[method];
  let has = false;
  const spied = vi.spyOn as unknown as (of: object, name: string) => MockInstance;
  spied(prototype, method).mockImplementation(function (this: unknown, ...args: unknown[]) {
    const result = original.apply(this, args);
    if (!has) then();
    has = true;
    return result;
  });
}
