/**
 * The few string helpers that the shader templates share: repetition and fixed-order sums. No WGSL of its own.
 */

/** `[make(0), …, make(count - 1)]`. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Statements, one a line. */
export function lines(statements: readonly string[]): string {
  return statements.join('\n');
}

/** `((a + b) + c) + d`, the order spelled out: every run adds in this order, whatever else is in the dispatch. */
export function sumOf(terms: readonly string[]): string {
  return terms.reduce((sum, term) => `(${sum} + ${term})`);
}
