/**
 * What one run does in one chunk, as far as a cohort needs to know it. active-runs.ts decides which runs have a turn.
 * Types only.
 */
import type { Window } from '../kernels/train/close-window.js';
import type { Placement } from './data-banks.js';

export interface Turn {
  /** Where the run's state and its data are on the device. */
  readonly slot: { readonly index: number };
  readonly placement: Placement;
  readonly steps: number;
  /** The window that closes at the end of the turn; undefined if it stays open. */
  readonly window?: Window;
  /**
   * Writes the batches from `order[orderAt]` on, and the step sizes from `table[tableAt]` on. Called once for each
   * turn, in the order of the run's turns.
   */
  send(order: Uint32Array, orderAt: number, table: Float32Array, tableAt: number): void;
}
