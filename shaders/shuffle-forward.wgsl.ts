/**
 * The forward pass of the shuffle-table kernels, as fragments: the tables of subset sums that lie across the lanes,
 * and the logits of a block of samples looked up in them. Training and scoring share it, so that both round alike.
 */
import { type ShuffleOptions, shuffleLayout, TURN } from './shuffle-layout.js';
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
 * Reads `w<h>_<block>`, `b<block>`, `o<block>`. `keep` may wrap each table in something that leaves its value.
 */
export function forwardTables(options: ShuffleOptions, keep = (table: string) => table): string {
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
        return `let t${h}_${g} = ${keep(`${weights.join(' + ')}${g === 0 ? ` + hb${h}` : ''}`)};`;
      });
      return lines([
        `let hb${h} = ${spread('b', h, lanes)}; let ow${h} = ${spread('o', h, lanes)};`,
        ...tables,
      ]);
    }),
  );
}

/** Look-ups of one logit up to which four blocks go through the units together: their indices stay in registers. */
const FEW_GROUPS = 4;

/**
 * For the four blocks of samples whose row words are the components of `row<word>` (lane = sample): this subgroup's
 * part of the logits in `out0` to `out3`. `onUnit(h, blocks)` may use `z<j>`, the unit's pre-activations, for those
 * blocks j. Each sum is the same, whichever way the loops are nested.
 */
export function forwardBlocks(
  options: ShuffleOptions,
  onUnit: (h: number, blocks: number[]) => string,
): string {
  const { lanes, unitsPerSubgroup } = options;
  const { rowGroups } = shuffleLayout(options);
  const index = (j: number, g: number) =>
    `let i${j}_${g} = (row${rowGroups[g].word}.${'xyzw'[j]} >> ${rowGroups[g].shift}u) & ${lanes - 1}u;`;
  const logit = (h: number, j: number) => {
    const z = sumOf(rowGroups.map((_, g) => `subgroupShuffle(t${h}_${g}, i${j}_${g})`));
    return `let z${j} = ${z}; out${j} += select(z${j}, 0.0, z${j} < 0.0) * ow${h};`;
  };
  const through = (blocks: number[]) =>
    lines([
      ...blocks.flatMap((j) => rowGroups.map((_, g) => index(j, g))),
      ...times(
        unitsPerSubgroup,
        (h) => `{ ${blocks.map((j) => logit(h, j)).join(' ')} ${onUnit(h, blocks)} }`,
      ),
    ]);
  const all = times(TURN, (j) => j);
  return lines([
    ...all.map((j) => `var out${j} = 0.0;`),
    ...(rowGroups.length <= FEW_GROUPS ? [through(all)] : all.map((j) => through([j]))),
  ]);
}
