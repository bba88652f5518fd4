/**
 * Refuses options that nobody knows, by name: a misspelt option that is passed over in silence trains something else
 * than was asked for. It checks names only; what a value may be is the business of whoever takes it.
 */
import { closest, distance } from 'fastest-levenshtein';
import { LockstepError } from './errors.js';
import { printable } from './printable.js';

/** `weight_decay` and `WeightDecay` mean `weightDecay`: case and underscores do not count towards a distance. */
const plain = (name: string): string => name.toLowerCase().replace(/[_-]/g, '');

/** Up to a third of a word may be wrong, at least two letters. */
const isNear = (a: string, b: string): boolean =>
  distance(plain(a), plain(b)) <= Math.max(2, Math.floor(plain(b).length / 3));

/** The known name that is probably meant by `name`, or undefined. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const alike = closest(plain(name), known.map(plain));
  const best = known.find((candidate) => plain(candidate) === alike)!;
  return isNear(name, best) ? best : undefined;
}

/** `did you mean lr?`, or the list of what there is. */
export function suggestion(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant ? `did you mean ${meant}?` : `there is ${known.join(', ') || 'none'}.`;
}

/**
 * Refuses an options object that has a name nobody knows, or that is no object.
 *
 * @param where What the message begins with, as `AdamW`.
 * @param options What the caller gave; undefined is no options.
 * @param known Every name that may stand in it.
 * @throws LockstepError `bad-input`, as `AdamW: unknown option weight_decay; did you mean weightDecay?`
 * @example
 * checkOptionNames('AdamW', options, ['lr', 'betas', 'eps', 'weightDecay']);
 */
export function checkOptionNames(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new LockstepError(
      'bad-input',
      `${where}: the options are ${showKind(options)}; they must be an object with any of ${known.join(', ')}.`,
    );
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new LockstepError(
      'bad-input',
      `${where}: unknown option ${printable(name)}; ${suggestion(name, known)}`,
    );
  }
}

/** What a value is, for messages: `null`, `an array`, `the number 3`, `a function`, `an object (Linear)`. */
export function showKind(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Function) return 'a function';
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  if (typeof value === 'bigint') return `the BigInt ${printable(value)}n`;
  if (typeof value === 'string') return `the text "${printable(value, 40)}"`;
  if (typeof value === 'symbol') return 'a symbol';
  // A model can be called and is an object all the same.
  const kind = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof kind === 'string' && kind !== 'Object' && kind !== ''
    ? `an object (${printable(kind)})`
    : 'an object';
}
