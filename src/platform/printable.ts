/**
 * Makes text from outside safe to print: names from files, keys of options, values that an error quotes. Control characters
 * would act on a terminal, and marks of writing direction would mislead a reader; both are written as JSON escapes. Spaces
 * and backslashes stay as they are, so that paths remain readable.
 */

/** C0 and C1 controls and DEL; marks of direction; separators of lines; byte order marks; halves of surrogate pairs. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' };

const escaped = (character: string): string =>
  SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * A text in one line that a terminal can show, cut after `most` characters.
 *
 * @param text The text; other values are converted to a string.
 * @param most Characters of the text, at most; the cut is marked by `…`. Default 80.
 * @example
 * printable('a\u001b[31mb\n'); // 'a\\u001b[31mb\\n'
 */
export function printable(text: unknown, most = 80): string {
  const whole = typeof text === 'string' ? text : stringOf(text);
  // Cut first: a name from a file may have a hundred million characters.
  const start = [...whole.slice(0, 2 * most + 2)];
  const isCut = start.length > most || start.join('').length < whole.length;
  return `${start.slice(0, most).join('').replace(UNSAFE, escaped)}${isCut ? '…' : ''}`;
}

/** A message of several lines that a terminal can show: as {@link printable}, but lines and tabs stay, uncut. */
export function printableLines(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === '\n' || character === '\t' ? character : escaped(character),
  );
}

function stringOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `a value of type ${typeof value}`; // no prototype, or a toString that throws
  }
}
