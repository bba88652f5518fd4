/**
 * Quantiles, for medians and percentiles of reports. Four lines rather than a library: mathjs takes longer to load than a
 * configuration to prepare, and d3-array is sixty modules in the main entry.
 */

/**
 * The value below which the given share of the values lies. It is interpolated linearly between neighbours, as numpy's
 * default does it. NaN for an empty list.
 *
 * @param sorted Ascending.
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  if (below + 1 >= sorted.length) return sorted[sorted.length - 1] ?? Number.NaN;
  return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}
