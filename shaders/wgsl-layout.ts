/**
 * Indents lines of WGSL as by hand: by their brackets, and once more where a statement continues. It returns
 * indentations and changes no line.
 */

const INDENT = '  ';

/** Reads lines in order and says how far each is indented. */
export class Layout {
  /** The brackets that are open, and the indentation of their lines. */
  readonly #open: { bracket: string; indent: number }[] = [];
  /** True if the line before left its statement open. */
  #goesOn = false;
  #inComment = false;

  /** Reads a line (without white space in front) and returns the white space to put in front of it. */
  before(line: string): string {
    if (this.#inComment || line.startsWith('/*')) {
      const [first, indent] = [!this.#inComment, INDENT.repeat(this.#indentOf(''))];
      this.#inComment = !line.endsWith('*/');
      return first ? indent : `${indent} `;
    }
    const code = line.includes('/') ? line.replace(/\/\/.*|\/\*.*?\*\//g, '').trim() : line;
    const indent = this.#indentOf(code);
    if (code !== '') this.#read(code, indent);
    return INDENT.repeat(indent);
  }

  /** The white space in front of a statement that begins here. */
  get indent(): string {
    return INDENT.repeat(this.#inside);
  }

  get #inside(): number {
    const bracket = this.#open.at(-1);
    return bracket === undefined ? 0 : bracket.indent + 1;
  }

  #indentOf(code: string): number {
    const closing = /^[)\]}]+/.exec(code)?.[0].length ?? 0;
    if (closing > 0) return this.#open.at(-closing)?.indent ?? 0;
    const inList = '(['.includes(this.#open.at(-1)?.bracket ?? '{');
    return this.#inside + (this.#goesOn && !inList ? 1 : 0);
  }

  #read(code: string, indent: number): void {
    let at = indent;
    for (const bracket of code.match(/[()[\]{}]/g) ?? []) {
      if ('([{'.includes(bracket)) this.#open.push({ bracket, indent: at });
      else at = this.#open.pop()?.indent ?? 0;
    }
    this.#goesOn = !/[;{},([]$|^@.*\)$/.test(code);
  }
}

/** Joins lines that are laid out: no blank line at the ends of a block, and never two in a row. */
export class Lines {
  readonly #lines: string[] = [];
  #blank = false;

  add(text: string): void {
    const before = this.#lines.at(-1) ?? '{';
    if (this.#blank && !before.endsWith('{') && !/^\s*\}/.test(text)) this.#lines.push('');
    this.#blank = false;
    this.#lines.push(text);
  }

  addBlank(): void {
    this.#blank = true;
  }

  toString(): string {
    return this.#lines.join('\n');
  }
}
