/**
 * The tag that every shader is written with: WGSL in which some lines are directives. It makes text and knows no
 * kernel.
 *
 *     #if ${flag}, #elif ${flag}, #else, #endif      a variant (wgsl-preprocessor)
 *     #for h in ${items} ... #endfor                 the lines between, once for each item; a number n is 0 to n - 1
 *     ${fragment}                                    WGSL of another file, alone on its line
 *
 * In a loop `$h` is the item, `$h.field` a field of it: `total += w$h;` becomes `total += w7;`. So it is for what must
 * be written out: variables that stay in registers only under names of their own, code in which a compiler is to find
 * no loop. The result is laid out as by hand (wgsl-layout.ts).
 */
import { wgsl as resolveConditions } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { layOut, markBlankLines } from './wgsl-layout.js';

/** What `$name` stands for in a loop, or by fields what `$name.field` does. A field that is a list is for a loop inside. */
type Item = number | string | { readonly [field: string]: number | string | readonly Item[] };

type WgslValue = string | number | boolean | readonly Item[];

/** Lists of the loops in one text; a loop's line names its list as `@3`. */
type Lists = (readonly Item[])[];

const LOOP = /^\s*#for (\w+) in (.+)$/;

export function wgsl(strings: TemplateStringsArray, ...values: readonly WgslValue[]): string {
  const lists: Lists = [];
  const texts = values.map((value) => {
    if (Array.isArray(value)) return `@${lists.push(value) - 1}`;
    return typeof value === 'string' ? markBlankLines(value) : value;
  });
  const pieces = strings.map(markBlankLines) as unknown as TemplateStringsArray;
  return layOut(writtenOut(resolveConditions(pieces, ...texts).split('\n'), lists));
}

/** The lines with their loops written out. */
function writtenOut(lines: readonly string[], lists: Lists): string[] {
  const result: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [loop, name, items] = LOOP.exec(lines[at]) ?? [];
    if (loop === undefined) {
      result.push(lines[at]);
      continue;
    }
    const end = endOfLoop(lines, at);
    const body = lines.slice(at + 1, end);
    for (const item of itemsOf(items, lists)) {
      const written = body.map((line) => withItem(line, name, item, lists));
      result.push(...writtenOut(written, lists));
    }
    at = end;
  }
  return result;
}

/** `@3`, a list; or a number. */
function itemsOf(text: string, lists: Lists): readonly Item[] {
  if (text.startsWith('@')) return lists[Number(text.slice(1))];
  if (/^\d+$/.test(text)) return Array.from({ length: Number(text) }, (_, k) => k);
  throw new Error(`WGSL: #for takes a list or a number, not ${text}`);
}

function endOfLoop(lines: readonly string[], start: number): number {
  let depth = 0;
  for (let at = start; at < lines.length; at++) {
    if (LOOP.test(lines[at])) depth++;
    if (lines[at].trim() === '#endfor' && --depth === 0) return at;
  }
  throw new Error(`WGSL: no #endfor for ${lines[start].trim()}`);
}

/** The line with an item in place of `$name` and its fields in place of `$name.field`. */
function withItem(line: string, name: string, item: Item, lists: Lists): string {
  return line.replace(new RegExp(`\\$${name}(?![A-Za-z0-9])(?:\\.([A-Za-z0-9]+))?`, 'g'), (found, field) => {
    if (typeof item !== 'object') return field === undefined ? String(item) : `${item}.${field}`;
    const value = item[field];
    if (value === undefined) throw new Error(`WGSL: ${found} in "${line.trim()}": there is no such field`);
    return Array.isArray(value) ? `@${lists.push(value) - 1}` : String(value);
  });
}

/**
 * Terms joined, neighbours first: `((a + b) + (c + d)) + e`, so that the rounding error grows with the logarithm of
 * their number (Higham, The accuracy of floating point summation, 1993). The order is spelled out: every run adds in
 * this order, whatever else is in the dispatch.
 *
 * @param term WGSL in which `$name` is the item.
 * @example sum('k', 5, 'x$k') // ((x0 + x1) + (x2 + x3)) + x4
 */
export function sum(name: string, items: number | readonly Item[], term: string): string {
  const list = typeof items === 'number' ? itemsOf(String(items), []) : items;
  return joined(list.map((item) => withItem(term, name, item, [])));
}

/** What fits on a line of WGSL. */
const LINE = 110;

function joined(terms: readonly string[]): string {
  if (terms.length === 1) return terms[0];
  const pairs = Array.from({ length: Math.ceil(terms.length / 2) }, (_, k) => {
    const [left, right] = terms.slice(2 * k, 2 * k + 2);
    if (right === undefined) return left;
    const line = `${left} + ${right}`;
    const text = line.length > LINE || line.includes('\n') ? `${left} +\n${right}` : line;
    if (terms.length === 2) return text;
    return text === line ? `(${text})` : `(\n${text}\n)`;
  });
  return joined(pairs);
}
