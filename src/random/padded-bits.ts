/**
 * Fair bits in packed rows, each row padded to whole 32-bit words: one 32-bit draw a bit, as PyTorch's `randint(0, 2, …)`
 * takes them. This is the hot part of making data: 12.8 M rows of 64 features are 819 M draws.
 */
import { lowBits } from './low-bits.js';
import type { Mt19937 } from './mt19937.js';

/** Fills rows of `cols` bits, each padded to whole words, row by row. The padding stays zero. */
export function fillRandomBits(words: Uint32Array, cols: number, engine: Mt19937): void {
  if (words.length === 0) return;
  const draws = (words.length / Math.ceil(cols / 32)) * cols;
  if (cols % 32 === 0) {
    let at = 0;
    lowBits(engine, draws, (bits) => {
      words.set(bits, at);
      at += bits.length;
    });
  } else {
    const rows = new RaggedRows(words, cols);
    lowBits(engine, draws, (bits) => rows.append(bits));
  }
}

/** Cuts a stream of bits, which arrives in pieces, into rows that are padded to whole words. */
class RaggedRows {
  readonly #words: Uint32Array;
  readonly #wordsPerRow: number;
  /** Bits of a row's last word, 1 to 31. */
  readonly #rest: number;
  #at = 0;
  #column = 0;
  /** Bits that have arrived and are not written yet, the first one lowest; and how many, fewer than 32. */
  #spare = 0;
  #spares = 0;

  constructor(words: Uint32Array, cols: number) {
    this.#words = words;
    this.#wordsPerRow = Math.ceil(cols / 32);
    this.#rest = cols % 32;
  }

  append(bits: Uint32Array): void {
    const words = this.#words;
    const [lastColumn, rest, mask] = [this.#wordsPerRow - 1, this.#rest, 2 ** this.#rest - 1];
    // In local variables, as fields would be loaded and stored for every word.
    let [at, column, spare, spares] = [this.#at, this.#column, this.#spare, this.#spares];
    let k = 0;
    while (at < words.length) {
      const last = column === lastColumn;
      const wanted = last ? rest : 32;
      let word = spare;
      if (spares >= wanted) {
        spare >>>= wanted;
        spares -= wanted;
      } else {
        if (k === bits.length) break;
        const next = bits[k++];
        const taken = wanted - spares;
        word |= next << spares;
        spare = taken === 32 ? 0 : next >>> taken;
        spares = 32 - taken;
      }
      words[at++] = last ? word & mask : word;
      column = last ? 0 : column + 1;
    }
    [this.#at, this.#column, this.#spare, this.#spares] = [at, column, spare, spares];
  }
}
