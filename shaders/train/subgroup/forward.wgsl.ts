/**
 * The forward pass of the subgroup kernels, as fragments: the tables of subset sums that lie across the lanes,
 * and the logits of a block of samples looked up in them. Training and scoring share it, so that both round alike.
 */

import { lines, sumOf, times } from '../../shared/lists.js';
import { type SubgroupOptions, subgroupLayout, TURN } from './layout.js';

/** Declares `bit0`, `bit1`, …: all ones where that bit of the lane's number is set. */
export function laneBits(log2Lanes: number): string {
  return lines(times(log2Lanes, (j) => `let bit${j} = 0u - ((lane >> ${j}u) & 1u);`));
}

/**
 * Element `h` of a vector that is spread over the lanes of `name0`, `name1`, …. Not `subgroupBroadcast`: Tint checks its
 * lane against the subgroup's size at every use, a shuffle's lane only where it is made (one instruction for three).
 */
function spread(name: string, h: number, lanes: number): string {
  return `subgroupShuffle(${name}${Math.floor(h / lanes)}, ${h % lanes}u)`;
}

/**
 * Declares `hb<h>`, `ow<h>` (hidden bias, output weight) and the tables `t<h>_<g>`: lane l of t<h>_<g> holds the sum
 * of those weights of unit h in feature group g whose bit is set in l; the bias is in the first.
 * Reads `w<h>_<block>`, `b<block>`, `o<block>`. `keep` may wrap each table in something that leaves its value.
 */
export function forwardTables(options: SubgroupOptions, keep = (table: string) => table): string {
  const { lanes, unitsPerSubgroup } = options;
  const { rowGroups } = subgroupLayout(options);
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
 * part of the logits in `logits`. `onUnit(h, z)` may use `z<j>`, the unit's pre-activations, and `sample<j>`, the bit
 * of their block, for the j in `z`.
 *
 * `loop`: many look-ups go through a loop, one block at a time, whose code stays in the instruction cache from block to
 * block; `components` is to be 4, in a variable that a compiler cannot see through. Unrolled, 34 KB at 64 features, a
 * training step takes 1.2 times as long; scoring, which keeps its tables over many batches, is 1.4 times as fast so.
 */
export function forwardBlocks(
  options: SubgroupOptions,
  onUnit: (h: number, z: number[]) => string,
  loop: boolean,
): string {
  const { lanes, unitsPerSubgroup } = options;
  const { rowGroups, rowWords } = subgroupLayout(options);
  const logit = (h: number, j: number) => {
    const z = sumOf(rowGroups.map((_, g) => `subgroupShuffle(t${h}_${g}, i${j}_${g})`));
    return `let z${j} = ${z}; out${j} += select(z${j}, 0.0, z${j} < 0.0) * ow${h};`;
  };
  /** The blocks j whose row words are in `x<word>_<j>`. */
  const through = (blocks: number[]) =>
    lines([
      ...blocks.flatMap((j) =>
        rowGroups.map(
          ({ word, shift }, g) => `let i${j}_${g} = (x${word}_${j} >> ${shift}u) & ${lanes - 1}u;`,
        ),
      ),
      ...blocks.map((j) => `var out${j} = 0.0;`),
      ...times(
        unitsPerSubgroup,
        (h) => `{ ${blocks.map((j) => logit(h, j)).join(' ')} ${onUnit(h, blocks)} }`,
      ),
    ]);
  const words = times(rowWords, (word) => word);
  const few = rowGroups.length <= FEW_GROUPS;
  if (few || !loop) {
    const all = times(TURN, (j) => j);
    return lines([
      ...all.flatMap((j) => words.map((word) => `let x${word}_${j} = row${word}.${'xyzw'[j]};`)),
      ...all.map((j) => `let sample${j} = 1u << (turn * ${TURN}u + ${j}u);`),
      ...(few ? [through(all)] : all.map((j) => through([j]))),
      `let logits = vec4f(${all.map((j) => `out${j}`).join(', ')});`,
    ]);
  }
  return lines([
    'var logits = vec4f(0.0);',
    ...words.map((word) => `var rest${word} = row${word};`),
    'for (var component = 0u; component < components; component++) {',
    `let sample0 = 1u << (turn * ${TURN}u + component);`,
    ...words.map((word) => `let x${word}_0 = rest${word}.x; rest${word} = rest${word}.yzwx;`),
    through([0]),
    'logits = vec4f(logits.yzw, out0);',
    '}',
  ]);
}
