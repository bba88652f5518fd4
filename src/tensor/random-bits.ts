/**
 * Fair bits into chosen columns of a bit matrix, one draw of the generator a bit. Whole matrices are filled by
 * `BitMatrix.random`.
 */
import { badArgument, checkList, checkNumber } from '../platform/arguments.js';
import { checkGenerator, type Generator } from '../random/generator.js';
import { drawBits } from '../random/low-bits.js';
import type { BitMatrix } from './bits.js';

/** Writes fair bits into the given columns of every row, row by row; other columns stay. One draw a bit. */
export function randomizeColumns(matrix: BitMatrix, columns: readonly number[], generator: Generator): void {
  checkPlace('randomizeColumns', matrix, columns, generator);
  for (let row = 0; row < matrix.rows; row++) drawRow(matrix, row, columns, generator);
}

/** Writes fair bits into the given columns of one row. One draw a bit, in the order of `columns`. */
export function randomizeRow(
  matrix: BitMatrix,
  row: number,
  columns: readonly number[],
  generator: Generator,
): void {
  checkPlace('randomizeRow', matrix, columns, generator);
  checkNumber('randomizeRow', 'the row', row, { min: 0, below: matrix.rows, whole: true });
  drawRow(matrix, row, columns, generator);
}

/** Writes to the words directly: the columns are checked already, and `set` would check them for every bit. */
function drawRow(
  { words, wordsPerRow }: BitMatrix,
  row: number,
  columns: readonly number[],
  generator: Generator,
): void {
  const first = row * wordsPerRow;
  for (let k = 0; k < columns.length; k += 32) {
    const count = Math.min(32, columns.length - k);
    const bits = drawBits(count, generator.engine);
    for (let j = 0; j < count; j++) {
      const column = columns[k + j];
      const at = first + (column >>> 5);
      words[at] = (words[at] & ~(1 << (column & 31))) | (((bits >>> j) & 1) << (column & 31));
    }
  }
}

function checkPlace(
  where: string,
  matrix: BitMatrix,
  columns: readonly number[],
  generator: Generator,
): void {
  if (typeof matrix?.set !== 'function' || typeof matrix.rows !== 'number')
    throw badArgument(where, 'the first argument', matrix, 'a BitMatrix fits');
  checkGenerator(where, generator);
  checkList(where, 'the list of columns', columns, 'a list fits, as [0, 3]');
  for (const column of columns)
    checkNumber(where, 'a column', column, { min: 0, below: matrix.cols, whole: true });
}
