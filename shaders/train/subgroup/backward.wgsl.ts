/**
 * The sums over samples of the subgroup kernel's backward pass, as a fragment: for each hidden unit and feature, dL/dz2
 * added up over the samples that have the feature and activate the unit. What becomes of the sums, subgroup-train says.
 */

import { cut, lines, sumOf, times } from '../../shared/lists.js';
import { bitGroups, type SubgroupOptions, subgroupLayout } from './layout.js';

/**
 * Sums (units times blocks of features) that one loop over the samples adds up: as many as leave its code, 300 bytes
 * each, in an instruction cache of 32 KB. Over that it is fetched anew in each of the four turns, 1.3 times slower.
 */
const LOOP_SUMS = 64;

/**
 * Declares `g<h>_<block>`, the sums of unit h by feature (lane = feature), and `s<block>`, those of a block of units over
 * their active samples (lane = unit). Reads `lane`, `bit<j>`; `d<block>`, dL/dz2 (lane = sample); `q<h>`, the bits of the
 * samples that activate unit h, a word of 32 in lane `lanesPerWord * p`; `columns<block>`, the samples' bits of a feature
 * (lane = feature), word p as a component.
 */
export function backwardSums(o: SubgroupOptions): string {
  const { featureBlocks } = subgroupLayout(o);
  const units = times(o.unitsPerSubgroup, (h) => h);
  return lines([
    ...units.flatMap((h) => times(featureBlocks, (i) => `var g${h}_${i} = 0.0;`)),
    ...vectorBlocksOf(units, o).map((b) => `var s${b} = 0.0;`),
    ...cut(units, o.lanes * Math.max(1, Math.floor(LOOP_SUMS / featureBlocks / o.lanes))).map((these) =>
      loop(these, o),
    ),
  ]);
}

/** Blocks of `lanes` units that hold these. */
const vectorBlocksOf = (units: readonly number[], { lanes }: SubgroupOptions): number[] => [
  ...new Set(units.map((h) => Math.floor(h / lanes))),
];

/** Goes over all samples, 32 (p) at a time, for some of the units. */
function loop(units: readonly number[], o: SubgroupOptions): string {
  const { lanes } = o;
  const { featureBlocks, blocks, lanesPerWord, log2Lanes } = subgroupLayout(o);
  const groups = bitGroups(0, 32, log2Lanes);
  const featureBlock = times(featureBlocks, (i) => i);
  const vectorBlocks = vectorBlocksOf(units, o);
  /** Which entry of a table of group g the word's bits choose. */
  const entry = (word: string, shift: number) => `(${word} >> ${shift}u) & ${lanes - 1}u`;
  /** Sum of dL/dz2 over the samples whose bits are set in a word. */
  const lookUp = (word: string) =>
    sumOf(groups.map(({ shift }, g) => `subgroupShuffle(D${g}, ${entry(word, shift)})`));
  // Table D of sample group g: lane l holds the sum of dL/dz2 over the samples whose bit is set in l.
  const tables = groups.map(({ shift, count }, g) => {
    const parts = times(count, (j) => `bitcast<f32>(bitcast<u32>(e${shift + j}) & bit${j})`);
    return `let D${g} = ${parts.join(' + ')};`;
  });
  const masks = units.map((h) => {
    const b = Math.floor(h / lanes);
    return (
      `let mask${h} = subgroupShuffle(q${h}, source); ` +
      `masks${b} = select(masks${b}, mask${h}, lane == ${h % lanes}u);`
    );
  });
  return /* wgsl */ `
    for (var p = 0u; p < 4u; p++) {
      let source = ${lanesPerWord}u * p;
      ${lines(times(32, (b) => `let e${b} = subgroupShuffle(d${b % blocks}, source + ${Math.floor(b / blocks)}u);`))}
      ${lines(tables)}
      ${lines(featureBlock.map((i) => `let column${i} = columns${i}.x; columns${i} = columns${i}.yzwx;`))}
      ${lines(vectorBlocks.map((b) => `var masks${b} = 0u;`))}
      ${lines(masks)}
      ${featureBlocks > 1 ? maskedTables() : ''}
      ${lines(featureBlock.map((i) => (featureBlocks > 1 ? maskedLookUps(i) : plainLookUps(i))))}
      ${lines(vectorBlocks.map((b) => `s${b} += ${lookUp(`masks${b}`)};`))}
    }`;

  /** For one block of features the samples' bits are masked by the unit's at each look-up. */
  function plainLookUps(i: number): string {
    return lines(units.map((h) => `{ let x = column${i} & mask${h}; g${h}_${i} += ${lookUp('x')}; }`));
  }

  /**
   * For more, the unit's bits go into tables of its own, which hold 0 for what did not activate it, and the features'
   * bits choose the entries, the same ones for all units: two instructions a look-up instead of five.
   */
  function maskedTables(): string {
    const table = (h: number, g: number, shift: number) =>
      `let D${h}_${g} = subgroupShuffle(D${g}, lane & (mask${h} >> ${shift}u));`;
    return lines(units.flatMap((h) => groups.map(({ shift }, g) => table(h, g, shift))));
  }

  function maskedLookUps(i: number): string {
    const entries = groups.map(({ shift }, g) => `let i${g} = ${entry(`column${i}`, shift)};`);
    const sum = (h: number) => sumOf(groups.map((_, g) => `subgroupShuffle(D${h}_${g}, i${g})`));
    return `{ ${lines(entries)} ${lines(units.map((h) => `g${h}_${i} += ${sum(h)};`))} }`;
  }
}
