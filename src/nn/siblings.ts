/** Which modules stand beside one while a stacked module runs: the same place in each of the models. */
import type { Module } from './module.js';

let running: ReadonlyMap<Module, readonly Module[]> | undefined;

/** The module at the same place in each model, in their order; undefined outside of stacked modules. */
export const siblingsOf = (module: Module): readonly Module[] | undefined => running?.get(module);

/** Runs `work` for the models that these modules belong to. */
export function withSiblings<T>(siblings: ReadonlyMap<Module, readonly Module[]>, work: () => T): T {
  const before = running;
  running = siblings;
  try {
    return work();
  } finally {
    running = before;
  }
}
