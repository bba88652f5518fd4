/**
 * Checks of arguments that all functions share. A wrong argument gets an error that names the function that was called, the
 * argument, its value, and what would fit. Names of options are checked in options.ts.
 */
import { LockstepError } from './errors.js';
import { showKind, suggestion } from './options.js';

/**
 * An error about one argument. A question, as `did you mean relu?`, gets no full stop.
 *
 * @example badArgument('sum', 'the axis', 'x', 'a whole number fits')
 */
export function badArgument(where: string, what: string, value: unknown, fits: string): LockstepError {
  const end = /[.?]$/.test(fits) ? '' : '.';
  return new LockstepError('bad-input', `${where}: ${what} is ${showKind(value)}; ${fits}${end}`);
}

/** Which numbers are accepted. Without bounds, every finite number is. */
export interface NumberRange {
  /** The smallest number that is accepted. */
  min?: number;
  /** The largest number that is accepted. */
  max?: number;
  /** Numbers have to be below this one. */
  below?: number;
  /** Whole numbers only. */
  whole?: boolean;
}

function showRange({ min, max, below, whole }: NumberRange): string {
  const kind = whole ? 'a whole number' : 'a finite number';
  if (below !== undefined) return `${kind}, at least ${min} and below ${below}`;
  if (max !== undefined) return `${kind} from ${min} to ${max}`;
  return min === undefined ? kind : `${kind}, at least ${min}`;
}

/** Throws unless `value` is a finite number within the range. */
export function checkNumber(where: string, what: string, value: unknown, range: NumberRange = {}): void {
  const { min = -Infinity, max = Infinity, below = Infinity, whole = false } = range;
  const fits =
    typeof value === 'number' &&
    (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
    value >= min &&
    value <= max &&
    value < below;
  if (!fits) throw badArgument(where, what, value, `it has to be ${showRange(range)}`);
}

/** Throws unless `typeof value` is `kind`. The caller checks which values of that kind fit. */
export function checkKind(where: string, what: string, value: unknown, kind: 'number' | 'string'): void {
  if (typeof value !== kind)
    throw badArgument(where, what, value, `a ${kind === 'string' ? 'text' : kind} fits`);
}

/** Throws unless `value` is true or false. */
export function checkBoolean(where: string, what: string, value: unknown): void {
  if (typeof value !== 'boolean') throw badArgument(where, what, value, 'true or false fits');
}

/** Throws unless `value` is a function. `fits` shows one: `(step) => 0.9 ** step`. */
export function checkFunction(where: string, what: string, value: unknown, fits: string): void {
  if (typeof value !== 'function') throw badArgument(where, what, value, `a function fits, as ${fits}`);
}

/** Throws unless `value` is a string and, where `choices` are given, one of them. */
export function checkText(where: string, what: string, value: unknown, choices?: readonly string[]): void {
  if (typeof value !== 'string') {
    throw badArgument(where, what, value, choices ? `${choices.join(', ')} fit` : 'it has to be a text');
  }
  if (choices && !choices.includes(value)) {
    throw badArgument(where, what, value, suggestion(value, choices));
  }
}

/** Throws unless `value` is an array. */
export function checkList(where: string, what: string, value: unknown, fits: string): void {
  if (!Array.isArray(value)) throw badArgument(where, what, value, fits);
}

/** Throws unless `value` is an object (no array, no function). `fits` says which. */
export function checkObject(where: string, what: string, value: unknown, fits: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badArgument(where, what, value, fits);
  }
}

/** The given options, with the default for each that is left out or undefined. */
export function withDefaults<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(set) };
}
