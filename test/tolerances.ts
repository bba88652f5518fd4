/**
 * How far results may be from the float64 rule, by what they are made of; each with its reason. `close` allows
 * `atol + rtol * |expected|`.
 */

export interface Tolerance {
  atol: number;
  rtol: number;
}

/** Copies, comparisons, sums of whole numbers: every bit counts. */
export const EXACT: Tolerance = { atol: 0, rtol: 0 };

/** One rounding or a few: + - * / sqrt, where WGSL allows 2.5 ULP for division. */
export const ARITHMETIC: Tolerance = { atol: 1e-7, rtol: 1e-6 };

/** exp, log, pow, tanh: WGSL allows some ULP and an absolute error near zeros; Mesa's CPU driver takes polynomials. */
export const TRANSCENDENTAL: Tolerance = { atol: 2e-6, rtol: 2e-5 };

/** Sums of up to some thousand products in float32, in an order of ours. */
export const SUMS: Tolerance = { atol: 1e-5, rtol: 1e-5 };

/** Float32 gradients against central differences of the float64 rule. */
export const GRADIENT: Tolerance = { atol: 5e-5, rtol: 2e-4 };

export const allowed = ({ atol, rtol }: Tolerance, expected: number): number =>
  atol + rtol * Math.abs(expected);

/** The first element that is further away than allowed, in words; undefined when all are close. */
export function firstDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} elements, expected ${expected.length}`;
  for (let i = 0; i < expected.length; i++) {
    const [got, want] = [actual[i], expected[i]];
    const fits = Object.is(got, want) || got === want || Math.abs(got - want) <= allowed(tolerance, want);
    if (!fits) return `element ${i} is ${got}, expected ${want} (off by ${got - want})`;
  }
  return undefined;
}
