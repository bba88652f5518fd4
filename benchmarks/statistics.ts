/** Medians and spreads of samples, as text for the tables. */
import { max, median, min } from 'mathjs';

export { median };

export function fixed(value: number, digits = 1): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-';
}

/** `12.3 (12.0 to 13.1)`: the median and the extremes; `-` if there are no samples. */
export function spread(values: readonly number[], digits = 1): string {
  if (values.length === 0) return '-';
  const list = [...values];
  const middle = fixed(median(list), digits);
  return list.length === 1
    ? middle
    : `${middle} (${fixed(min(list), digits)} to ${fixed(max(list), digits)})`;
}

/** The ratio of two medians; NaN if one has no samples. */
export function ratio(of: readonly number[], to: readonly number[]): number {
  if (of.length === 0 || to.length === 0) return Number.NaN;
  return median([...of]) / median([...to]);
}
