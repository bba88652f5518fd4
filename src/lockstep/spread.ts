/**
 * Orders work of different sizes so evenly that any two stretches of equal length contain about the same amount. lavapipe
 * gives each of its threads one stretch of a dispatch's workgroups. If the runs with many steps came first, one core would
 * do all the work.
 */

/**
 * The k-th largest item goes to the fraction of k times this. Of all such sequences the golden ratio's is the most
 * even.
 */
const STRIDE = (Math.sqrt(5) - 1) / 2;

/** The same items in that order. Items of the same size are in no particular order. */
export function spread<T>(items: readonly T[], sizeOf: (item: T) => number): T[] {
  return [...items]
    .sort((a, b) => sizeOf(b) - sizeOf(a))
    .map((item, k) => ({ item, place: (k * STRIDE) % 1 }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
