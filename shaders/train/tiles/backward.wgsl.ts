/**
 * The backward tile of the training step (train.wgsl.ts): the sums G of some hidden units and features, and AdamW on
 * their weights. A WGSL fragment, no kernel of its own.
 */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { backwardMatrices } from './backward-matrices.wgsl.js';
import type { TilesOptions } from './size.js';
import { updateOfTile } from './update.wgsl.js';

/**
 * `backwardTile`: an invocation takes the units that one invocation of a forward tile has, or one of its two quads, and
 * `backward` features. The samples' rows are staged, a vec4 by each invocation; the active units of four samples are
 * one word. It leaves w1 . G, S and the gradient of b2 in scratch. The variables `g<feature>_<quad of units>` and `s` are
 * sums over samples.
 *
 * The invocations that have the same units share the sums of S, one unit each, where they are many enough.
 */
export function tilesBackward(options: TilesOptions): string {
  const { perThread, backward, featureThreads, lanes } = options;
  const quads = backward / 4;
  const whole = backward === perThread;
  const shares = featureThreads >= backward;
  return wgsl`
fn backwardTile(at: Place, unitBlock: u32, featureTile: u32, id: u32, computes: bool, counts: bool) {
  let ft = (id / unitThreads) & (featureThreads - 1u);
  let member = unitBlock * unitThreads + id % unitThreads;
  #if ${whole}
  // The units of one invocation of a forward tile.
  let group = member;
  let exists = group < shape.unitTiles * across;
  #for v in ${quads}
  let quad$v = select(shape.unitQuads, (group / across) * side + $v * across + group % across, exists);
  #endfor
  let firstBit = 0u;
  #else
  // One of the two quads of an invocation of a forward tile.
  let group = (member / side) * across + member % across;
  let exists = group < shape.unitTiles * across;
  let quad0 = select(shape.unitQuads, member, exists);
  let firstBit = 4u * ((member / across) % 2u);
  #endif
  let activeAt = at.scratch + shape.activeAt + select(0u, group, exists) * shape.sampleQuads;
  ${lanes === undefined ? multiplyAdds(options) : backwardMatrices(lanes)}
  if (featureTile == 0u) {
    #if ${shares}
    let ownQuad = quad0 + (ft / 4u) * across;
    if (ft < ${backward}u && ownQuad < shape.unitQuads) {
      scratch[at.scratch + shape.sumsAt + 4u * ownQuad + ft % 4u] = bitcast<u32>(s);
    }
    #else
    #for v in ${quads}
    if (ft == 0u && quad$v < shape.unitQuads) { keep(at.scratch + shape.sumsAt + 4u * quad$v, s$v); }
    #endfor
    #endif
    if (id == 0u && unitBlock == 0u) { scratch[at.scratch] = bitcast<u32>(outputSum); }
  }
  ${updateOfTile(options)}
}
`;
}

/** The products of a tile by multiply-adds in registers. */
function multiplyAdds({ backward, featureThreads, unrolled }: TilesOptions): string {
  const quads = backward / 4;
  const shares = featureThreads >= backward;
  const features = times(backward, (i) => ({ i, quad: Math.floor(i / 4), component: 'xyzw'[i % 4] }));
  const samples = times(4, (j) => ({
    j,
    bit: 8 * j,
    masks: times(quads, (v) => ({
      v,
      x: 8 * j + 4 * v,
      y: 8 * j + 4 * v + 1,
      z: 8 * j + 4 * v + 2,
      w: 8 * j + 4 * v + 3,
    })),
  }));
  const countless = unrolled && backward === 4;
  return wgsl`
// What this invocation stages: four features of a sample; it loads those of the next sample while these are used.
let stagedQuad = id % tileQuads;
let stagedFeature = 4u * (featureTile * tileQuads + stagedQuad);
let stagedSample = id / tileQuads;
let rowsAt = at.batch + (stagedFeature >> 5u) * shape.sampleQuads;
let shift = vec4u(stagedFeature & 31u) + vec4u(0u, 1u, 2u, 3u);
let hasFeatures = stagedFeature < shape.features;
var row = 0u;
if (hasFeatures && stagedSample < shape.batch) { row = batches[rowsAt + (stagedSample >> 2u)][stagedSample & 3u]; }
var nextWord = scratch[activeAt];
#for i in ${backward}
#for v in ${quads}
var g$i_$v = vec4f();
#endfor
#endfor
#if ${shares}
var s = 0.0;
#else
#for v in ${quads}
var s$v = vec4f();
#endfor
#endif
var outputSum = 0.0;
for (var first = 0u; first < shape.batch; first += staged) {
  // Of as many samples as there are invocations. Where those are all, the tiles of a workgroup share them.
  if (first % invocations == 0u && (computes || invocations < shape.batch)) { lossOf(at, first + id, id, counts); }
  rows[stagedSample / 4u][stagedSample % 4u][stagedQuad] = vec4f((vec4u(row) >> shift) & vec4u(1u));
  workgroupBarrier();
  let next = first + staged + stagedSample;
  row = 0u;
  if (hasFeatures && next < shape.batch) { row = batches[rowsAt + (next >> 2u)][next & 3u]; }
  #if ${!countless}
  let turns = min(staged / 4u, shape.sampleQuads - first / 4u);
  #endif
  let gradientsAt = first / 4u;
  for (var q = 0u; q < ${countless ? 'staged / 4u' : 'turns'}; q++) {
    let word = nextWord >> firstBit;
    nextWord = scratch[activeAt + min(first / 4u + q + 1u, shape.sampleQuads - 1u)];
    let bits = bitcast<i32>(word);
    #if ${shares}
    let ownBits = bitcast<i32>(word >> ft);
    #endif
    #for sample in ${samples}
    {
      let d = gradients[(gradientsAt + q) % (invocations / 4u)][$sample.j];
      let dBits = bitcast<i32>(d);
      outputSum += d;
      #for v in $sample.masks
      // d where the unit was active, else 0: its bit, drawn out to 32 of its kind.
      let d$v.v = bitcast<vec4f>(vec4i(dBits) & vec4i(
        extractBits(bits, $v.x, 1u),
        extractBits(bits, $v.y, 1u),
        extractBits(bits, $v.z, 1u),
        extractBits(bits, $v.w, 1u),
      ));
      #endfor
      #for f in ${quads}
      let x$f = rows[q][$sample.j][ft * ${quads}u + $f];
      #endfor
      #for feature in ${features}
      #for v in ${quads}
      g$feature.i_$v = fma(vec4f(x$feature.quad.$feature.component), d$v, g$feature.i_$v);
      #endfor
      #endfor
      #if ${shares}
      s += bitcast<f32>(dBits & extractBits(ownBits, $sample.bit, 1u));
      #else
      #for v in ${quads}
      s$v += d$v;
      #endfor
      #endif
    }
    #endfor
  }
  workgroupBarrier();
}
`;
}
