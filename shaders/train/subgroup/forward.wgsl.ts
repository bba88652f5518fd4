/**
 * The forward pass of the subgroup kernels, as fragments: tables of subset sums that lie across the lanes, and the
 * logits of a block of samples, which are looked up in the tables. Training and scoring share them, so that both
 * round alike.
 */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { type SubgroupOptions, subgroupLayout, TURN } from './layout.js';

/** Declares `bit0`, `bit1`, …: all ones if that bit of the lane's number is set, else 0. */
export const laneBits = ({ lanes }: SubgroupOptions): string => wgsl`
#for j in ${Math.log2(lanes)}
let bit$j = 0u - ((lane >> $j) & 1u);
#endfor
`;

/**
 * Declares `hb<h>` (hidden bias), `ow<h>` (output weight) and the tables `t<h>_<g>`: lane l of t<h>_<g> holds the sum
 * of those weights of unit h in feature group g whose bit is set in l. The bias is part of the first table. Reads
 * `w<h>_<block>`, `b<block>`, `o<block>`.
 *
 * Elements of a vector that is spread over the lanes come by `subgroupShuffle`, not `subgroupBroadcast`: Tint checks
 * the lane of a broadcast against the subgroup's size at every use, that of a shuffle only where it is made.
 *
 * `kept` keeps the tables across barriers. LLVM's coroutine pass, which lavapipe needs for barriers, computes sums
 * anew if they are used after a barrier, but keeps what comes out of a shuffle. It cannot see that
 * `lane ^ stretch.zero` is `lane`.
 */
export function forwardTables(o: SubgroupOptions, { kept }: { kept: boolean }): string {
  const { lanes, unitsPerSubgroup } = o;
  const units = times(unitsPerSubgroup, (h) => ({ h, block: Math.floor(h / lanes) }));
  const [first, ...others] = subgroupLayout(o).rowGroups.map(({ word, shift, count }, g) => {
    const feature = (j: number) => 32 * word + shift + j;
    const weights = times(count, (j) => ({
      j,
      block: Math.floor(feature(j) / lanes),
      lane: feature(j) % lanes,
    }));
    return { g, weights };
  });
  const masked = 'bitcast<f32>(bitcast<u32>(subgroupShuffle(w$u.h_$w.block, u32($w.lane))) & bit$w.j)';
  return wgsl`
#for u in ${units}
let hb$u.h = subgroupShuffle(b$u.block, $u.h % lanes);
let ow$u.h = subgroupShuffle(o$u.block, $u.h % lanes);
#for t in ${[first]}
let sum$u.h_0 = #chain(w in $t.weights: ${masked}) + hb$u.h;
#if ${kept}
let t$u.h_0 = subgroupShuffle(sum$u.h_0, lane ^ stretch.zero);
#else
let t$u.h_0 = sum$u.h_0;
#endif
#endfor
#for t in ${others}
let sum$u.h_$t.g = #chain(w in $t.weights: ${masked});
#if ${kept}
let t$u.h_$t.g = subgroupShuffle(sum$u.h_$t.g, lane ^ stretch.zero);
#else
let t$u.h_$t.g = sum$u.h_$t.g;
#endif
#endfor
#endfor
`;
}

/** Up to this many look-ups a logit, the four blocks go through the units together: their indices stay in registers. */
const FEW_GROUPS = 4;

interface ForwardBlocksOptions {
  /**
   * Where look-ups are many, takes one block at a time in a loop, whose code stays in the instruction cache. It needs
   * a variable `components` that holds 4 and that a compiler cannot see through. Unrolled (34 KB at 64 features), a
   * training step takes 1.2 times as long; scoring, which keeps its tables over many batches, is 1.4 times as fast
   * unrolled.
   */
  loop: boolean;
  /** Notes in `active<h>` which samples activate unit h, a bit for each. */
  active: boolean;
}

/**
 * Computes this subgroup's part of the logits, in `logits`, for the four blocks of samples whose row words are the
 * components of `row<word>` (lane = sample). Reads `turn` and what {@link forwardTables} declares.
 */
export function forwardBlocks(o: SubgroupOptions, { loop, active }: ForwardBlocksOptions): string {
  const { rowGroups, rowWords } = subgroupLayout(o);
  const groups = rowGroups.map(({ word, shift }, g) => ({ g, word, shift }));
  const few = groups.length <= FEW_GROUPS;
  const looped = loop && !few;
  const blocks = times(TURN, (j) => ({ j, component: 'xyzw'[j] }));
  const one = looped ? blocks.slice(0, 1) : blocks;
  /** Blocks that go through the units together. */
  const passes = few ? [{ blocks }] : one.map((block) => ({ blocks: [block] }));
  return wgsl`
#if ${looped}
var logits = vec4f(0.0);
#for word in ${rowWords}
var rest$word = row$word;
#endfor
for (var component = 0u; component < components; component++) {
let sample0 = 1u << (turn * quadSamples + component);
#for word in ${rowWords}
let x$word_0 = rest$word.x;
rest$word = rest$word.yzwx;
#endfor
#else
#for block in ${blocks}
#for word in ${rowWords}
let x$word_$block.j = row$word.$block.component;
#endfor
#endfor
#for j in ${TURN}
let sample$j = 1u << (turn * quadSamples + $j);
#endfor
#endif
#for pass in ${passes}
#for block in $pass.blocks
#for group in ${groups}
let i$block.j_$group.g = (x$group.word_$block.j >> $group.shift) & lastLane;
#endfor
#endfor
#for block in $pass.blocks
var out$block.j = 0.0;
#endfor
#for h in ${o.unitsPerSubgroup}
{
#for block in $pass.blocks
let z$block.j = #sum(g in ${groups.length}: subgroupShuffle(t$h_$g, i$block.j_$g));
out$block.j += select(z$block.j, 0.0, z$block.j < 0.0) * ow$h;
#endfor
#if ${active}
#for block in $pass.blocks
active$h |= select(0u, sample$block.j, z$block.j > 0.0);
#endfor
#endif
}
#endfor
#endfor
#if ${looped}
logits = vec4f(logits.yzw, out0);
}
#else
let logits = vec4f(out0, out1, out2, out3);
#endif
`;
}
