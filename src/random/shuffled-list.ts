/** What a list under way of being shuffled does, whoever does it. Types only. */
import type { Mt19937 } from './mt19937.js';

/** A list of the numbers from 0 on, under way of being shuffled. */
export interface ShuffledList {
  /** The numbers in order again. */
  restart(): void;
  /**
   * Writes the final elements at `position` and on to `out[offset]` and on, and draws a word for each; the last of the
   * list is not among them. Positions follow one another.
   */
  take(engine: Mt19937, position: number, count: number, out: Uint32Array, offset: number): void;
  /** The last element, for which nothing is drawn: one choice is left. */
  last(): number;
}
