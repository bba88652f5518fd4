/**
 * Puts work of different sizes in an order in which any stretch of it is about as much as any other as long. lavapipe
 * gives each of its threads one stretch of a dispatch's workgroups: with the runs of many steps in front, and those that
 * have only begun behind, one core would do it all.
 */

/** Neighbours in size stand this share of the length apart: the golden ratio leaves the most even gaps. */
const STRIDE = (Math.sqrt(5) - 1) / 2;

/** The same items; those of one size in no particular order. */
export function spread<T>(items: readonly T[], sizeOf: (item: T) => number): T[] {
  const bySize = [...items].sort((a, b) => sizeOf(b) - sizeOf(a));
  const count = items.length;
  let stride = Math.max(1, Math.round(STRIDE * count));
  while (greatestDivisor(stride, count) > 1) stride++;
  return bySize.map((_, k) => bySize[(k * stride) % count]);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
