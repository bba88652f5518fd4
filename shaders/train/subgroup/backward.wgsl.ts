/**
 * The sums over samples of the subgroup kernel's backward pass, as a fragment: for each hidden unit and feature, dL/dz2
 * added up over the samples that have the feature and activate the unit. What becomes of the sums, train.wgsl.ts says.
 */
import { cut, times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { bitGroups, type SubgroupOptions, subgroupLayout } from './layout.js';

/**
 * Sums (units times blocks of features) that one loop over the samples adds up: as many as leave its code, 300 bytes
 * each, in an instruction cache of 32 KB. Over that it is fetched anew in each of the four turns, 1.3 times slower.
 */
const LOOP_SUMS = 64;

/** The units of each loop over the samples, and the blocks of `lanes` units that hold them. */
function loopsOf({ lanes, unitsPerSubgroup }: SubgroupOptions, featureBlocks: number) {
  const units = times(unitsPerSubgroup, (h) => ({ h, block: Math.floor(h / lanes) }));
  const atOnce = lanes * Math.max(1, Math.floor(LOOP_SUMS / featureBlocks / lanes));
  return cut(units, atOnce).map((these) => ({
    units: these,
    blocks: [...new Set(these.map(({ block }) => block))],
  }));
}

/**
 * Declares `g<h>_<block>`, the sums of unit h by feature (lane = feature), and `s<block>`, those of a block of units over
 * their active samples (lane = unit). Reads `lane`, `bit<j>`; `d<block>`, dL/dz2 (lane = sample); `q<h>`, the bits of the
 * samples that activate unit h, a word of 32 in lane `lanesPerWord * p`; `columns<block>`, the samples' bits of a feature
 * (lane = feature), word p as a component.
 */
export function backwardSums(o: SubgroupOptions): string {
  const { featureBlocks, blocks, log2Lanes } = subgroupLayout(o);
  /** The samples of a word: which block's dL/dz2, and in which lane behind the word's first. */
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
  // The samples' bits are masked by the unit's at each look-up.
  #for u in $loop.units
  {
    let x = column0 & mask$u.h;
    g$u.h_0 += #sum(group in ${groups}: subgroupShuffle(D$group.g, (x >> $group.shift) & lastLane));
  }
  #endfor
  #else
  // The unit's bits go into tables of its own, which hold 0 for what did not activate it, and the features' bits choose
  // the entries, the same ones for all units: two instructions a look-up instead of five.
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
