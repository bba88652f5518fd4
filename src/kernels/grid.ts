/** Spreads a launch over two dimensions where one does not take all its workgroups. Numbers only. */

/** The most workgroups in a dimension that every device takes. */
const MOST_GROUPS = 65_535;

/** Workgroups in x and y for `count` of them. The kernel counts them row by row and ignores the surplus. */
export function gridOf(count: number): [number, number] {
  const x = Math.min(count, MOST_GROUPS);
  return [x, x === 0 ? 0 : Math.ceil(count / x)];
}
