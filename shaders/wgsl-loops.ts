/**
 * The loops and sums of the tag `wgsl`: lines are read once into a tree, which is then written out for each item. It
 * knows indentation, and nothing else of WGSL. A kernel's text has thousands of lines to write before the first step,
 * so names are looked up while reading, and writing is quick.
 */
import { Layout, Lines } from './wgsl-layout.js';
import { inOrder, neighboursFirst } from './wgsl-sums.js';

/**
 * What `$name` stands for in a loop: a value, or an object whose fields are `$name.field`. A field that is a list can
 * be looped over inside.
 */
export type Item = number | string | { readonly [field: string]: number | string | readonly Item[] };

/** `$name` or `$name.field`, and the depth of its loop. */
interface Place {
  depth: number;
  field?: string;
  text: string;
}

/** A list that is known already, or one that is a field of an item. */
type List = readonly Item[] | Place;

/** Terms to add up, one for each item of a list; `depth` is that of the item's name. */
interface Sum {
  add: typeof inOrder;
  depth: number;
  list: List;
  term: Text;
}

/** Text with slots between its strings. */
interface Text {
  strings: readonly string[];
  slots: readonly (Place | Sum)[];
}

type Node =
  | { indent: string; text: Text }
  | { depth: number; list: List; body: readonly Node[] }
  | typeof BLANK;

/** Marks a blank line that the author wrote. Blank lines that directives leave behind are dropped. */
export const BLANK = '\u0000';
/** Stands before the number of a fragment. */
export const FRAGMENT = '\u0001';
/** Stands before the number of a list. */
export const LIST = '@';

const LOOP = /^#for (\w+) in (\S+)$/;
const SLOT = /\$([A-Za-z]+)(?:\.([A-Za-z]+))?|#(sum|chain)\((\w+) in (\S+): /;

/** The lines with loops and sums written out. `fragments`: finished WGSL, by number. */
export function writtenOut(
  lines: readonly string[],
  lists: readonly (readonly Item[])[],
  fragments: readonly string[],
): string {
  const result = new Lines();
  new Reader(lists, fragments).read(lines).forEach((node) => {
    write(node, [], result);
  });
  return result.toString();
}

/** Makes the tree of some lines. */
class Reader {
  readonly #lists: readonly (readonly Item[])[];
  readonly #fragments: readonly string[];
  /** The names of the loops that are open, outermost first. */
  readonly #names: string[] = [];

  constructor(lists: readonly (readonly Item[])[], fragments: readonly string[]) {
    this.#lists = lists;
    this.#fragments = fragments;
  }

  read(lines: readonly string[]): readonly Node[] {
    const layout = new Layout();
    const open: Node[][] = [[]];
    for (const each of lines) {
      const line = each.trim();
      const nodes = open[open.length - 1];
      if (line.startsWith('#for ')) {
        const body: Node[] = [];
        nodes.push({ ...this.#loop(line), body });
        open.push(body);
      } else if (line === '#endfor') {
        if (open.length > 1) open.pop();
        if (this.#names.pop() === undefined) throw new Error('WGSL: an #endfor without #for');
      } else if (line.startsWith(FRAGMENT)) nodes.push(this.#fragment(Number(line.slice(1)), layout.indent));
      else if (line === BLANK) nodes.push(BLANK);
      else if (line !== '') nodes.push({ indent: layout.before(line), text: this.#text(line) });
    }
    if (open.length > 1) throw new Error(`WGSL: no #endfor for the loop over ${this.#names.at(-1)}`);
    return open[0];
  }

  #loop(line: string): { depth: number; list: List } {
    const [, name, list] = LOOP.exec(line) ?? [];
    if (name === undefined) throw new Error(`WGSL: "${line}" is no loop: #for NAME in LIST`);
    const loop = { depth: this.#names.length, list: this.#list(list) };
    this.#names.push(name);
    return loop;
  }

  #fragment(number: number, indent: string): Node {
    const lines = this.#fragments[number].replaceAll('\n', `\n${indent}`);
    return { indent, text: this.#text(indent === '' ? lines : lines.replaceAll(`\n${indent}\n`, '\n\n')) };
  }

  #text(line: string): Text {
    if (!line.includes('$') && !line.includes('#')) return { strings: [line], slots: [] };
    const strings: string[] = [];
    const slots: (Place | Sum)[] = [];
    let text = '';
    let rest = line;
    for (let found = SLOT.exec(rest); found; found = SLOT.exec(rest)) {
      const [whole, name, field, kind, termName, list] = found;
      text += rest.slice(0, found.index);
      rest = rest.slice(found.index + whole.length);
      const depth = this.#names.lastIndexOf(name);
      if (kind === undefined && depth < 0) {
        text += whole; // belongs to a loop around this fragment
        continue;
      }
      strings.push(text);
      text = '';
      if (kind === undefined) slots.push({ depth, field, text: whole });
      else {
        const end = closingBracket(rest, line);
        slots.push(this.#sum(kind, termName, this.#list(list), rest.slice(0, end)));
        rest = rest.slice(end + 1);
      }
    }
    return { strings: [...strings, text + rest], slots };
  }

  #sum(kind: string, name: string, list: List, term: string): Sum {
    const depth = this.#names.push(name) - 1;
    const sum = { add: kind === 'sum' ? neighboursFirst : inOrder, depth, list, term: this.#text(term) };
    this.#names.pop();
    return sum;
  }

  /** The list that a text names: `@3` is list 3; a number n is 0 to n - 1; `$name.field` is a field of an item. */
  #list(text: string): List {
    if (text.startsWith(LIST)) return this.#lists[Number(text.slice(1))];
    if (/^\d+$/.test(text)) return Array.from({ length: Number(text) }, (_, k) => k);
    const [, name, field] = /^\$([A-Za-z]+)\.([A-Za-z]+)$/.exec(text) ?? [];
    const depth = this.#names.lastIndexOf(name);
    if (depth < 0) throw new Error(`WGSL: "${text}" is no list`);
    return { depth, field, text };
  }
}

/** Where the bracket closes that is open before the text begins. */
function closingBracket(text: string, line: string): number {
  let depth = 1;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return at;
  }
  throw new Error(`WGSL: a sum without end in "${line}"`);
}

/** `items`: the current item of each loop around the node, by depth. */
function write(node: Node, items: Item[], result: Lines): void {
  if (node === BLANK) result.addBlank();
  else if ('text' in node) result.add(node.indent + written(node.text, items, node.indent));
  else {
    for (const item of listAt(node.list, items)) {
      items[node.depth] = item;
      for (const inner of node.body) write(inner, items, result);
    }
  }
}

function written({ strings, slots }: Text, items: Item[], indent: string): string {
  let text = strings[0];
  for (let k = 0; k < slots.length; k++) {
    const slot = slots[k];
    text += ('term' in slot ? added(slot, items, indent) : valueAt(slot, items)) + strings[k + 1];
  }
  return text;
}

function added({ add, depth, list, term }: Sum, items: Item[], indent: string): string {
  const terms: string[] = [];
  for (const item of listAt(list, items)) {
    items[depth] = item;
    terms.push(written(term, items, indent));
  }
  return add(terms, `${indent}  `);
}

function valueAt({ depth, field, text }: Place, items: readonly Item[]): number | string {
  const item = items[depth];
  if (typeof item !== 'object') return field === undefined ? item : `${item}.${field}`;
  const value = field === undefined ? undefined : item[field];
  if (typeof value === 'number' || typeof value === 'string') return value;
  throw new Error(`WGSL: ${text} is no number and no text`);
}

function listAt(list: List, items: readonly Item[]): readonly Item[] {
  if (!('depth' in list)) return list;
  const item = items[list.depth];
  const value = typeof item === 'object' ? item[list.field ?? ''] : undefined;
  if (typeof value === 'object') return value;
  throw new Error(`WGSL: ${list.text} is no list`);
}
