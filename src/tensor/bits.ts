/**
 * Matrices of zeros and ones on the host, one bit an entry: what parity examples are stored and uploaded as.
 * 12.8 M rows of 64 features are 102 MB here and 3.3 GB as floats. Not a tensor: no arithmetic.
 */

/** Rows of bits, each padded to whole 32-bit words; column c is bit `c % 32` of word `floor(c / 32)` of its row. */
export class BitMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly wordsPerRow: number;
  readonly words: Uint32Array;

  constructor(rows: number, cols: number, words?: Uint32Array) {
    this.rows = rows;
    this.cols = cols;
    this.wordsPerRow = Math.ceil(cols / 32);
    this.words = words ?? new Uint32Array(rows * this.wordsPerRow);
  }

  get(row: number, col: number): number {
    return (this.words[row * this.wordsPerRow + (col >>> 5)] >>> (col & 31)) & 1;
  }

  set(row: number, col: number, bit: number): void {
    const at = row * this.wordsPerRow + (col >>> 5);
    const mask = 1 << (col & 31);
    this.words[at] = bit ? this.words[at] | mask : this.words[at] & ~mask;
  }
}

/** Examples with binary inputs and labels; label e is bit `e % 32` of `y[floor(e / 32)]`. */
export interface BinaryDataset {
  readonly x: BitMatrix;
  readonly y: Uint32Array;
}
