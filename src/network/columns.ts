/** Checks lists of inputs, whose parity a sampler labels with or a probe looks for. */
import { badArgument, checkList, checkNumber } from '../platform/arguments.js';

/** Throws unless `columns` lists some of `bits` columns, none of them twice. */
export function checkColumns(where: string, name: string, columns: readonly number[], bits: number): void {
  checkList(where, name, columns, 'a list of bits fits, as [0, 1, 2]');
  if (columns.length === 0) throw badArgument(where, name, columns, 'it has to name one bit at least');
  columns.forEach((column, k) => {
    checkNumber(where, `${name}[${k}]`, column, { min: 0, below: bits, whole: true });
    if (columns.indexOf(column) < k) throw badArgument(where, `${name}[${k}]`, column, 'it is named before');
  });
}
