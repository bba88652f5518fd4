/** What one run does in one chunk, as a cohort needs to know it; which runs have a turn is active-runs.ts's. Types only. */
import type { Window } from '../kernels/train/close-window.js';
import type { Placement } from './data-banks.js';

export interface Turn {
  /** Where the run's state is on the device, and its data. */
  readonly slot: { readonly index: number };
  readonly placement: Placement;
  readonly steps: number;
  /** The window that closes at the end; undefined where it stays open. */
  readonly window?: Window;
  /** Writes the batches to `order[orderAt]` and on, and the step sizes to `table[tableAt]` and on. Once only, in the order of a run's turns. */
  send(order: Uint32Array, orderAt: number, table: Float32Array, tableAt: number): void;
}
