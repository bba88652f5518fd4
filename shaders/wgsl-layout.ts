/**
 * Lays generated WGSL out as by hand: indented by its brackets, one blank line where some were written, none at a
 * block's ends. It changes nothing but white space.
 */

/** In place of a blank line that was written: the blank lines that directives leave are not to be seen. */
const BLANK = '\u0000';

export const markBlankLines = (text: string): string => text.replace(/(?<=\n)[ \t]*(?=\n)/g, BLANK);

const INDENT = '  ';
/** Where the next line stands. */
class Cursor {
  /** The brackets that are open, and the indentation of their lines. */
  readonly #open: { bracket: string; indent: number }[] = [];
  /** True where a statement goes on from the line before. */
  #goesOn = false;

  /** The indentation of a line; then the cursor is behind it. */
  past(line: string): number {
    const code = line.replace(/\/\/.*|\/\*.*?\*\//g, '').trim();
    const indent = this.#indentOf(code);
    if (code === '') return indent;
    let at = indent;
    for (const letter of code) {
      if ('([{'.includes(letter)) this.#open.push({ bracket: letter, indent: at });
      else if (')]}'.includes(letter)) at = this.#open.pop()?.indent ?? 0;
    }
    this.#goesOn = !/[;{},([]$|^@.*\)$/.test(code);
    return indent;
  }

  #indentOf(code: string): number {
    const closing = /^[)\]}]+/.exec(code)?.[0].length ?? 0;
    if (closing > 0) return this.#open.at(-closing)?.indent ?? 0;
    const inside = this.#open.at(-1);
    if (inside === undefined) return this.#goesOn ? 1 : 0;
    return inside.indent + 1 + (this.#goesOn && inside.bracket === '{' ? 1 : 0);
  }
}

export function layOut(lines: readonly string[]): string {
  const cursor = new Cursor();
  const result: string[] = [];
  let inComment = false;
  let blank = false;
  for (const line of lines) {
    const text = line.trim();
    if (text === BLANK) blank = true;
    if (text === '' || text === BLANK) continue;
    const before = result.at(-1) ?? '{';
    if (blank && !before.endsWith('{') && !text.startsWith('}')) result.push('');
    blank = false;
    const indent = INDENT.repeat(cursor.past(inComment || text.startsWith('/*') ? '' : text));
    result.push(`${indent}${inComment ? ' ' : ''}${text}`);
    if (text.startsWith('/*')) inComment = true;
    if (text.endsWith('*/')) inComment = false;
  }
  return result.join('\n');
}
