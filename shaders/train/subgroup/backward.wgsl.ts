/**
 * The sums over samples in the subgroup kernel's backward pass, as a fragment: for each hidden unit and feature,
 * dL/dz2 added up over the samples that have the feature and activate the unit. train.wgsl.ts turns the sums into
 * gradients.
 */
import { cut, times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { bitGroups, type SubgroupOptions, subgroupLayout } from './layout.js';

/**
 * How many sums (units times blocks of features) one loop over the samples adds up. Each takes 300 bytes of code;
 * with many more the loop outgrows an instruction cache of 32 KB, is fetched anew in each of its four turns, and
 * takes 1.3 times as long.
 */
const LOOP_SUMS = 64;

/** The units that each loop over the samples takes, and the blocks of `lanes` units to which they belong. */
function loopsOf({ lanes, unitsPerSubgroup }: SubgroupOptions, featureBlocks: number) {
  const units = times(unitsPerSubgroup, (h) => ({ h, block: Math.floor(h / lanes) }));
  const atOnce = lanes * Math.max(1, Math.floor(LOOP_SUMS / featureBlocks / lanes));
  return cut(units, atOnce).map((these) => ({
    units: these,
    blocks: [...new Set(these.map(({ block }) => block))],
  }));
}

/**
 * Declares `g<h>_<block>`: the sums of unit h by feature (lane = feature); and `s<block>`: the sums of a block of
 * units over their active samples (lane = unit). Reads `lane` and `bit<j>`; `d<block>`: dL/dz2 (lane = sample);
 * `q<h>`: the bits of the samples that activate unit h, the word of samples p in lane `lanesPerWord * p`;
 * `columns<block>`: a feature's bits in all samples (lane = feature), word p in component p.
 */
export function backwardSums(o: SubgroupOptions): string {
  const { featureBlocks, blocks, log2Lanes } = subgroupLayout(o);
  /**
   * The samples of a word: the block that holds each one's dL/dz2, and its lane, counted from the word's first lane.
   */
  const samples = times(32, (k) => ({ k, block: k % blocks, lane: Math.floor(k / blocks) }));
  const groups = bitGroups(0, 32, log2Lanes).map(({ shift, count }, g) => {
    return { g, shift, samples: times(count, (j) => ({ k: shift + j, j })) };
  });
  return wgsl`
#for h in ${o.unitsPerSubgroup}
#for i in ${featureBlocks}
var g$h_$i = 0.0;
#endfor
#endfor
#for b in ${o.unitsPerSubgroup / o.lanes}
var s$b = 0.0;
#endfor
#for loop in ${loopsOf(o, featureBlocks)}
for (var p = 0u; p < 4u; p++) {
  let source = lanesPerWord * p;
  #for e in ${samples}
  let e$e.k = subgroupShuffle(d$e.block, source + $e.lane);
  #endfor
  // Table D of a group of samples: lane l holds the sum of dL/dz2 over the samples whose bit is set in l.
  #for group in ${groups}
  let D$group.g = #chain(sample in $group.samples: bitcast<f32>(bitcast<u32>(e$sample.k) & bit$sample.j));
  #endfor
  #for i in ${featureBlocks}
  let column$i = columns$i.x;
  columns$i = columns$i.yzwx;
  #endfor
  #for b in $loop.blocks
  var masks$b = 0u;
  #endfor
  #for u in $loop.units
  let mask$u.h = subgroupShuffle(q$u.h, source);
  masks$u.block = select(masks$u.block, mask$u.h, lane == $u.h % lanes);
  #endfor
  #if ${featureBlocks === 1}
  // Each look-up masks the samples' bits with the unit's.
  #for u in $loop.units
  {
    let x = column0 & mask$u.h;
    g$u.h_0 += #sum(group in ${groups}: subgroupShuffle(D$group.g, (x >> $group.shift) & lastLane));
  }
  #endfor
  #else
  // Each unit gets its own tables, with 0 for the samples that did not activate it. The features' bits choose
  // entries, the same ones for all units: two instructions for a look-up instead of five.
  #for u in $loop.units
  #for group in ${groups}
  let D$u.h_$group.g = subgroupShuffle(D$group.g, lane & (mask$u.h >> $group.shift));
  #endfor
  #endfor
  #for i in ${featureBlocks}
  {
    #for group in ${groups}
    let i$group.g = (column$i >> $group.shift) & lastLane;
    #endfor
    #for u in $loop.units
    g$u.h_$i += #sum(group in ${groups}: subgroupShuffle(D$u.h_$group.g, i$group.g));
    #endfor
  }
  #endfor
  #endif
  #for b in $loop.blocks
  s$b += #sum(group in ${groups}: subgroupShuffle(D$group.g, (masks$b >> $group.shift) & lastLane));
  #endfor
}
#endfor
`;
}
