/**
 * Describes in one line what a user's code has thrown, and where. Such code may throw anything, even an error whose `message`
 * throws when it is read. The functions here never throw.
 */
import { printable } from './printable.js';

/** Characters of a message that are shown. */
const MOST = 300;

/** The message of an error; of any other value a description: `null`, `the text "no"`. */
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
 * The file below `folder` and the line that an error came from, as `mine.ts:3`; undefined where its stack does not tell.
 * There is no column, as compiling TypeScript on the fly keeps lines but not columns.
 *
 * @param folder An absolute path.
 */
export function thrownAt(thrown: unknown, folder: string): string | undefined {
  try {
    const { stack } = thrown as Error;
    if (typeof stack !== 'string') return undefined;
    for (const line of stack.split('\n')) {
      const frame = line.replace(/file:\/\/(?:\/(?=[A-Za-z]:))?/, '');
      const at = /^\s+at /.test(frame) ? frame.indexOf(folder) : -1;
      const place =
        at < 0 ? undefined : /^[\\/]?([^()]+:\d+):\d+\)?$/.exec(frame.slice(at + folder.length))?.[1];
      if (place && !/(^|[\\/])node_modules[\\/]/.test(place)) return printable(place, MOST);
    }
  } catch {
    // A stack that throws tells nothing.
  }
  return undefined;
}
