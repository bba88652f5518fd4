/** Formats numbers for people: three digits and a unit. */

const digits = (value: number): string =>
  value >= 100 || value === 0 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

function scaled(value: number, base: number, units: readonly string[]): string {
  let rest = Math.abs(value);
  let k = 0;
  while (rest >= base && k < units.length - 1) {
    rest /= base;
    k++;
  }
  return `${value < 0 ? '-' : ''}${digits(rest)} ${units[k]}`.trimEnd();
}

/** Milliseconds: `0.07 us`, `12.3 ms`, `1.20 s`. */
export const time = (ms: number): string =>
  ms === 0 ? '0' : scaled(ms * 1e6, 1000, ['ns', 'us', 'ms', 's']);

/** Bytes: `1.50 MB`; powers of 1000. */
export const bytes = (value: number): string => scaled(value, 1000, ['B', 'kB', 'MB', 'GB', 'TB']);

/** Numbers: `1.50 M`. */
export const count = (value: number): string => scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);

/** A share, 0 to 1: `12.3%`. */
export const percent = (share: number): string => `${share < 0 ? '-' : ''}${digits(100 * Math.abs(share))}%`;

/** Escapes text for HTML and SVG. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
