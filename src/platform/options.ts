/**
 * Refuses options with unknown names: a misspelt option that is ignored would train something else than was asked for.
 * Only names are checked here; the functions that take options check their values.
 */
import { closest, distance } from 'fastest-levenshtein';
import { LockstepError } from './errors.js';
import { printable } from './printable.js';

/** `weight_decay` and `WeightDecay` mean `weightDecay`: case and underscores do not count towards a distance. */
const plain = (name: string): string => name.toLowerCase().replace(/[_-]/g, '');

/** A third of the letters may be wrong, or two where a third is less. */
const isNear = (a: string, b: string): boolean =>
  distance(plain(a), plain(b)) <= Math.max(2, Math.floor(plain(b).length / 3));

/** The known name that is probably meant by `name`, or undefined. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const alike = closest(plain(name), known.map(plain));
  const best = known.find((candidate) => plain(candidate) === alike)!;
  return isNear(name, best) ? best : undefined;
}

/** `did you mean lr?`, or the list of known names. */
export function suggestion(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant ? `did you mean ${meant}?` : `there is ${known.join(', ') || 'none'}.`;
}

/**
 * Refuses an options object that has an unknown name, and a value that is no object.
 *
 * @param where The beginning of the message, as `AdamW`.
 * @param options The caller's options; undefined counts as none.
 * @param known All names that are accepted.
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
