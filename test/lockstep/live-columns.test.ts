// Which columns of a dataset train: those with a one in any row, however late, filled up to a multiple of eight.
import { describe, expect, it } from 'vitest';
import { liveColumns } from '../../src/lockstep/live-columns.js';
import { BitMatrix, BitVector } from '../../src/tensor/bits.js';

function columnsWith(rows: number, cols: number, ones: readonly (readonly [number, number])[]): number[] {
  const x = new BitMatrix(rows, cols);
  for (const [row, column] of ones) x.set(row, column, 1);
  return [...liveColumns({ x, y: new BitVector(rows) })];
}

describe('liveColumns', () => {
  it('finds a one in the last of many rows', () => {
    expect(columnsWith(10_001, 40, [[10_000, 39]])).toEqual([0, 1, 2, 3, 4, 5, 6, 39]);
    expect(columnsWith(4097, 8, [[4096, 7]])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('takes all columns where each has a one, in the first rows or not', () => {
    const all = Array.from({ length: 33 }, (_, c) => c);
    expect(
      columnsWith(
        9000,
        33,
        all.map((c) => [0, c]),
      ),
    ).toEqual(all);
    expect(
      columnsWith(
        9000,
        33,
        all.map((c) => [272 * c, c]),
      ),
    ).toEqual(all);
  });
});
