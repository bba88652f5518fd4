/** Writes sums of terms in WGSL, in an order that is spelled out: what the tag's `#sum` and `#chain` become. */

/** The longest sum on one line. */
const LINE = 100;
const INDENT = '  ';

/** `a + b + c`; where it takes more than a line, those after the first are indented by `indent`. */
export function inOrder(terms: readonly string[], indent: string): string {
  const line = terms.join(' + ');
  return line.length > LINE ? terms.join(` +\n${indent}`) : line;
}

/**
 * `((a + b) + (c + d)) + e`: the rounding error grows with the logarithm of the number of terms (Higham, The accuracy of
 * floating point summation, 1993). Every run adds in this order, whatever else is in the dispatch.
 */
export function neighboursFirst(terms: readonly string[], indent: string): string {
  const line = onOneLine(terms);
  if (line.length <= LINE || terms.length === 1) return line;
  const inner = indent + INDENT;
  const parts = halves(terms).map((part) => {
    const text = neighboursFirst(part, inner);
    if (part.length === 1) return text;
    return text.includes('\n') ? `(\n${inner}${text}\n${indent})` : `(${text})`;
  });
  return parts.join(` +\n${indent}`);
}

function onOneLine(terms: readonly string[]): string {
  let sums = terms;
  while (sums.length > 2) {
    const pairs: string[] = [];
    for (let k = 0; k < sums.length; k += 2) {
      pairs.push(k + 1 < sums.length ? `(${sums[k]} + ${sums[k + 1]})` : sums[k]);
    }
    sums = pairs;
  }
  return sums.join(' + ');
}

/**
 * The two operands of the last addition: the first gets the largest power of two that is less than the number of
 * terms.
 */
function halves(terms: readonly string[]): (readonly string[])[] {
  const left = 2 ** Math.floor(Math.log2(terms.length - 1));
  return [terms.slice(0, left), terms.slice(left)];
}
