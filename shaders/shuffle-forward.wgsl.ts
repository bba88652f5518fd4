/**
 * The forward pass of the shuffle-table kernels, as fragments: the tables of subset sums that lie across the lanes,
 * and the logits of a block of samples looked up in them. Training and scoring share it, so that both round alike.
 */
import { type ShuffleOptions, shuffleLayout } from './shuffle-layout.js';
import { lines, sumOf, times } from './text.js';

/** Declares `bit0`, `bit1`, …: all ones where that bit of the lane's number is set. */
export function laneBits(log2Lanes: number): string {
  return lines(times(log2Lanes, (j) => `let bit${j} = 0u - ((lane >> ${j}u) & 1u);`));
}

/** Element `h` of a vector that is spread over the lanes of `name0`, `name1`, …. */
export function spread(name: string, h: number, lanes: number): string {
  return `subgroupBroadcast(${name}${Math.floor(h / lanes)}, ${h % lanes}u)`;
}

/**
 * Declares `hb<h>`, `ow<h>` (hidden bias, output weight) and the tables `t<h>_<g>`: lane l of t<h>_<g> holds the sum
 * of those weights of unit h in feature group g whose bit is set in l; the bias is in the first.
 * Reads `w<h>_<block>`, `b<block>`, `o<block>`.
 */
export function forwardTables(options: ShuffleOptions): string {
  const { lanes, unitsPerSubgroup } = options;
  const { rowGroups } = shuffleLayout(options);
  return lines(
    times(unitsPerSubgroup, (h) => {
      const tables = rowGroups.map(({ word, shift, count }, g) => {
        const weights = times(count, (j) => {
          const feature = 32 * word + shift + j;
          const weight = spread(`w${h}_`, feature, lanes);
          return `bitcast<f32>(bitcast<u32>(${weight}) & bit${j})`;
        });
        return `let t${h}_${g} = ${weights.join(' + ')}${g === 0 ? ` + hb${h}` : ''};`;
      });
      return lines([
        `let hb${h} = ${spread('b', h, lanes)}; let ow${h} = ${spread('o', h, lanes)};`,
        ...tables,
      ]);
    }),
  );
}

/**
 * For `turn` blocks of samples (lane = sample) from rows `row<j>_<word>`: this subgroup's part of the logits in
 * `out<j>`. `onUnit` may use `z<j>`, the unit's pre-activations.
 */
export function forwardBlocks(options: ShuffleOptions, turn: number, onUnit: (h: number) => string): string {
  const { lanes, unitsPerSubgroup } = options;
  const { rowGroups } = shuffleLayout(options);
  const indices = times(turn, (j) => [
    `var out${j} = 0.0;`,
    ...rowGroups.map(
      ({ word, shift }, g) => `let i${j}_${g} = (row${j}_${word} >> ${shift}u) & ${lanes - 1}u;`,
    ),
  ]);
  const units = times(unitsPerSubgroup, (h) => {
    const logits = times(turn, (j) => {
      const z = sumOf(rowGroups.map((_, g) => `subgroupShuffle(t${h}_${g}, i${j}_${g})`));
      return `let z${j} = ${z}; out${j} += select(z${j}, 0.0, z${j} < 0.0) * ow${h};`;
    });
    return `{ ${logits.join(' ')} ${onUnit(h)} }`;
  });
  return lines([...indices.flat(), ...units]);
}

/**
 * Loads `row0_<word>`, `row1_<word>`, …: words of `turn` blocks of rows, sample `first` in lane 0 of block 0, laid
 * out in `buffer` as one run of `batch` words for each word of a row.
 */
export function loadRows(
  options: ShuffleOptions,
  turn: number,
  at: (word: number, block: number) => string,
): string {
  const { rowWords } = shuffleLayout(options);
  return lines(times(turn, (j) => lines(times(rowWords, (word) => `let row${j}_${word} = ${at(word, j)};`))));
}
