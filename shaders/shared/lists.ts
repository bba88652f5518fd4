/** Helpers for the lists that shader text loops over. */

/** `[make(0), …, make(count - 1)]`. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** The list in pieces of `length` elements; the last may be shorter. */
export function cut<T>(list: readonly T[], length: number): T[][] {
  return times(Math.ceil(list.length / length), (k) => list.slice(k * length, (k + 1) * length));
}
