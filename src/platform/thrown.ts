/**
 * What a stranger's code has thrown, in a line of text, and where: code of a user's may throw anything, errors whose
 * `message` throws itself among it. Reads, and never throws.
 */
import { printable } from './printable.js';

/** Characters of a message that are shown. */
const MOST = 300;

/** The message of an error, else what the value is: `null`, `the text "no"`. */
export function thrownText(thrown: unknown): string {
  try {
    if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) {
      const { message, name } = thrown as Error;
      return printable(oneLine(typeof message === 'string' && message !== '' ? message : name), MOST);
    }
    if (typeof thrown === 'string') return `the text "${printable(thrown, MOST)}"`;
    return printable(thrown, MOST);
  } catch {
    return 'an error that cannot be read';
  }
}

const oneLine = (text: unknown): string =>
  String(text)
    .trim()
    .replace(/\s*\n\s*/g, ' ');

/**
 * The place in a file, or in one beside or below it, that an error came from: `mine.ts:3:12`, the path as it is given
 * to the reader. Undefined where its stack does not say.
 *
 * @param folder Absolute; only files in it or below count.
 */
export function thrownAt(thrown: unknown, folder: string): string | undefined {
  try {
    const { stack } = thrown as Error;
    if (typeof stack !== 'string') return undefined;
    for (const line of stack.split('\n')) {
      const place = /^\s+at .*?((?:\/|[A-Za-z]:[\\/])[^()]*:\d+:\d+)\)?$/.exec(line)?.[1];
      if (place?.startsWith(folder) && !/[\\/]node_modules[\\/]/.test(place.slice(folder.length)))
        return printable(place.slice(folder.length).replace(/^[\\/]/, ''), MOST);
    }
  } catch {
    // A stack that throws says nothing.
  }
  return undefined;
}
