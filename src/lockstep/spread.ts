/**
 * Puts work of different sizes in an order in which any stretch of it is about as much as any other as long. lavapipe
 * gives each of its threads one stretch of a dispatch's workgroups: with the runs of many steps in front, and those that
 * have only begun behind, one core would do it all.
 */

/** The k-th largest stands at the fraction of k times this: of all sequences of this kind the golden ratio's is the most even. */
const STRIDE = (Math.sqrt(5) - 1) / 2;

/** The same items; those of one size in no particular order. */
export function spread<T>(items: readonly T[], sizeOf: (item: T) => number): T[] {
  return [...items]
    .sort((a, b) => sizeOf(b) - sizeOf(a))
    .map((item, k) => ({ item, place: (k * STRIDE) % 1 }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
