/**
 * The tag that every shader is written with: WGSL in which some lines are directives. It makes text and knows no
 * kernel.
 *
 *     #if ${flag}, #elif ${flag}, #else, #endif      a variant (wgsl-preprocessor)
 *     #for h in ${items} ... #endfor                 the lines between, once for each item; a number n is 0 to n - 1
 *     #sum(k in ${items}: x$k), #chain(...)          terms added: neighbours first, or in order
 *     ${fragment}                                    WGSL of another file, alone on its line
 *
 * In a loop `$h` is the item and `$h.field` a field of it: `total += w$h;` becomes `total += w7;`. Loops are for what
 * must be written out: variables that stay in registers only under names of their own, and code in which a compiler
 * should find no loop. The result is laid out as by hand (wgsl-layout.ts).
 */
import { wgsl as resolveConditions } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { BLANK, FRAGMENT, type Item, LIST, writtenOut } from './wgsl-loops.js';

type WgslValue = string | number | boolean | readonly Item[];

export function wgsl(strings: TemplateStringsArray, ...values: readonly WgslValue[]): string {
  const lists: (readonly Item[])[] = [];
  const fragments: string[] = [];
  const texts = values.map((value) => {
    if (Array.isArray(value)) return `${LIST}${lists.push(value) - 1}`;
    const isFragment = typeof value === 'string' && value.includes('\n');
    return isFragment ? `${FRAGMENT}${fragments.push(value) - 1}` : value;
  });
  const pieces = strings.map((text) => text.replace(/\n[ \t]*(?=\n)/g, `\n${BLANK}`));
  const text = resolveConditions(pieces as unknown as TemplateStringsArray, ...texts);
  return writtenOut(text.split('\n'), lists, fragments);
}
