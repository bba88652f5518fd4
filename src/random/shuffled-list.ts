/** The interface of a list that is shuffled a piece at a time, in TypeScript or in WebAssembly. Types only. */
import type { Mt19937 } from './mt19937.js';

/** The numbers from 0 on, being shuffled from the front. */
export interface ShuffledList {
  /** Puts the numbers back in order. */
  restart(): void;
  /**
   * Writes the final elements from `position` on to `out` from `offset` on, and draws a word for each. The list's last
   * element is left to {@link last}. Each call goes on where the one before ended. `out` is not read: it may be memory of a device.
   */
  take(engine: Mt19937, position: number, count: number, out: Uint32Array, offset: number): void;
  /** The last element. Nothing is drawn for it, as only one is left. */
  last(): number;
}
