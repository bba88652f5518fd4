/** The error function in float64, for the exact GELU on the host. Nothing else. */

/**
 * Below SPLIT this many terms of the series, and above it this many steps of the continued fraction, are exact to
 * 1e-15.
 */
const MOST_TERMS = 60;
const SPLIT = 2.5;

/**
 * erf(x): near 0 by its Maclaurin series, farther out by the continued fraction of erfc (Abramowitz and Stegun 7.1.5,
 * 7.1.14).
 *
 * @example erf(1); // 0.8427007929497149
 */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (size > 6) return Math.sign(x);
  if (size < SPLIT) {
    let term = size;
    let sum = size;
    for (let n = 1; n < MOST_TERMS; n++) {
      term *= (-size * size) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * sum * (2 / Math.sqrt(Math.PI));
  }
  let fraction = 0;
  for (let n = MOST_TERMS; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * (size + fraction)));
}
