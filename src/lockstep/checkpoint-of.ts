/**
 * What a checkpoint is of, in words: a run that goes on from it has the same, or it would come to other bits than if it had never
 * stopped, and nothing would tell. The trainers say what that is.
 */
import { isObject, shown } from './options.js';

/** By what is not said, as the seed of the order, which may be the number of the run. */
const HINTS: Readonly<Record<string, string>> = {
  orderSeed:
    ' (a network without orderSeed and seed has its number in the list: name one of them where the list may change)',
};

/** How the run differs from the one that a checkpoint is of; undefined if it does not. */
export function otherRun<Of extends object>(of: unknown, wanted: Of): string | undefined {
  if (!isObject(of)) return `it says that it is of ${shown(of)}; it must be what a checkpoint event holds`;
  for (const [name, value] of Object.entries(wanted)) {
    const had = (of as Record<string, unknown>)[name];
    if (had !== value)
      return `it is of ${name} ${shown(had)}, and the run has ${shown(value)}${HINTS[name] ?? ''}`;
  }
  return undefined;
}

const marks = new WeakMap<object, string>();

/**
 * Which data it is: how much, and a checksum of 32 bits (FNV-1a over whole words). It is against mix-ups, not against people. Remembered,
 * as many words take a while.
 */
export function dataMark(data: object, what: string, lists: () => readonly ArrayLike<number>[]): string {
  const before = marks.get(data);
  if (before) return before;
  let hash = 0x811c9dc5;
  for (const words of lists()) {
    for (let k = 0; k < words.length; k++) {
      hash = Math.imul(hash ^ words[k], 0x01000193);
      // A product carries upwards only: high bits would reach no others.
      hash ^= hash >>> 15;
    }
  }
  const mark = `${what}, checksum ${(hash >>> 0).toString(16)}`;
  marks.set(data, mark);
  return mark;
}
