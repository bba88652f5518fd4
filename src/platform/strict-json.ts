/**
 * Parses JSON without losing anything, for files from outside. Keys that occur twice are refused, whole numbers keep all
 * their digits, and objects become maps, in which `__proto__` is a key like any other. `JSON.parse` would take the last of
 * two equal keys, and would not distinguish 1.0 or 1e0 from 1.
 */
import { printable } from './printable.js';

/** A number that is written in digits only is a bigint; others, as `-1`, `1.0` and `1e3`, are numbers. */
export type Json = null | boolean | string | number | bigint | Json[] | Map<string, Json>;

/** Deeper values are refused; no format that is read here needs them. */
const MOST_DEEP = 64;

/** @throws SyntaxError for text that is not JSON (RFC 8259) or not Unicode, and for a key that occurs twice. */
export function parseStrictJson(text: string): Json {
  JSON.parse(text); // the grammar; below, the text is known to be JSON
  return new Reader(text).value(0);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth > MOST_DEEP) throw new SyntaxError(`values are nested more than ${MOST_DEEP} deep`);
    const first = this.#peek();
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#list(depth);
    if (first === '"') return this.#string();
    const start = this.#at;
    while (this.#at < this.#text.length && !' \t\n\r,]}'.includes(this.#text[this.#at])) this.#at++;
    const word = this.#text.slice(start, this.#at);
    return /^[0-9]+$/.test(word) ? BigInt(word) : (JSON.parse(word) as Json);
  }

  #object(depth: number): Map<string, Json> {
    const members = new Map<string, Json>();
    this.#each('}', () => {
      this.#peek();
      const key = this.#string();
      if (members.has(key)) throw new SyntaxError(`the key "${printable(key)}" stands twice in one object`);
      this.#peek();
      this.#at++; // the colon
      members.set(key, this.value(depth + 1));
    });
    return members;
  }

  #list(depth: number): Json[] {
    const values: Json[] = [];
    this.#each(']', () => values.push(this.value(depth + 1)));
    return values;
  }

  /** Reads items separated by commas, up to the bracket `close`. */
  #each(close: string, read: () => void): void {
    this.#at++;
    while (this.#peek() !== close) {
      read();
      if (this.#peek() === ',') this.#at++;
    }
    this.#at++;
  }

  #string(): string {
    let end = this.#at;
    do end = this.#text.indexOf('"', end + 1);
    while (this.#isEscaped(end));
    const value: string = JSON.parse(this.#text.slice(this.#at, end + 1));
    this.#at = end + 1;
    if (/\p{Surrogate}/u.test(value)) {
      throw new SyntaxError(
        `the text "${printable(value)}" has half of a surrogate pair, which is no character`,
      );
    }
    return value;
  }

  /** Whether an odd number of backslashes precedes. */
  #isEscaped(at: number): boolean {
    let before = at - 1;
    while (this.#text[before] === '\\') before--;
    return (at - before) % 2 === 0;
  }

  /** The next character that is not white space. It is not consumed. */
  #peek(): string {
    while (' \t\n\r'.includes(this.#text[this.#at])) this.#at++;
    return this.#text[this.#at];
  }
}
