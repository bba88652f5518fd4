/**
 * The backward tile of the training step (train.wgsl.ts): the sums G of some hidden units and features, and AdamW on
 * their weights. A WGSL fragment, no kernel of its own.
 */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import type { PerThread } from './size.js';

/**
 * `backwardTile`: an invocation takes the units that one invocation of a forward tile has, and `perThread` features.
 * The samples' rows are staged, a vec4 by each invocation. It leaves w1 . G and S in scratch. The variables
 * `g<feature>_<quad of units>` and `s<quad of units>` are sums over samples.
 */
export function tilesBackward(perThread: PerThread): string {
  const quads = perThread / 4;
  const features = times(perThread, (i) => ({ i, quad: Math.floor(i / 4), component: 'xyzw'[i % 4] }));
  const shifted = times(perThread - 1, (i) => ({ i, next: i + 1 }));
  return wgsl`
fn backwardTile(at: Place, unitBlock: u32, featureTile: u32, id: u32) {
  let ft = id / shape.unitThreads;
  // The units of one invocation of a forward tile.
  let group = unitBlock * shape.unitThreads + id % shape.unitThreads;
  let exists = group < shape.unitTiles * across;
  #for v in ${quads}
  let quad$v = select(shape.unitQuads, (group / across) * side + $v * across + group % across, exists);
  #endfor
  let activeAt = at.scratch + shape.activeAt + select(0u, group, exists) * shape.sampleQuads;
  let sumsUp = ft == 0u && featureTile == 0u;
  // What this invocation stages: four features of a sample; it loads those of the next sample while these are used.
  let stagedFeature = 4u * (featureTile * shape.tileQuads + id % shape.tileQuads);
  let stagedSample = id / shape.tileQuads;
  let rowsAt = at.batch + (stagedFeature >> 5u) * shape.sampleQuads;
  let shift = vec4u(stagedFeature & 31u) + vec4u(0u, 1u, 2u, 3u);
  let hasFeatures = stagedFeature < shape.features;
  var row = 0u;
  if (hasFeatures && stagedSample < shape.batch) { row = batches[rowsAt + (stagedSample >> 2u)][stagedSample & 3u]; }
  var word = 0u;
  var nextWord = scratch[activeAt];
  #for i in ${perThread}
  #for v in ${quads}
  var g$i_$v = vec4f();
  #endfor
  #endfor
  #for v in ${quads}
  var s$v = vec4f();
  #endfor
  for (var first = 0u; first < shape.batch; first += shape.staged) {
    tile[id] = vec4f((vec4u(row) >> shift) & vec4u(1u));
    if (id < shape.staged) {
      gradients[id] = 0.0;
      if (first + id < shape.batch) { gradients[id] = number(at.scratch + first + id); }
    }
    workgroupBarrier();
    let next = first + shape.staged + stagedSample;
    row = 0u;
    if (hasFeatures && next < shape.batch) { row = batches[rowsAt + (next >> 2u)][next & 3u]; }
    let samplesLeft = min(shape.staged, 4u * shape.sampleQuads - first);
    for (var k = 0u; k < samplesLeft; k++) {
      if ((k & 3u) == 0u) {
        word = nextWord;
        nextWord = scratch[activeAt + min((first + k) / 4u + 1u, shape.sampleQuads - 1u)];
      }
      let d = vec4f(gradients[k]);
      #for v in ${quads}
      let active$v = (vec4u(word) & (vec4u(1u, 2u, 4u, 8u) << vec4u(4 * $v))) != vec4u();
      let d$v = select(vec4f(), d, active$v);
      #endfor
      #for f in ${quads}
      let x$f = tile[k * shape.tileQuads + ft * quads + $f];
      #endfor
      #for feature in ${features}
      #for v in ${quads}
      g$feature.i_$v = fma(vec4f(x$feature.quad.$feature.component), d$v, g$feature.i_$v);
      #endfor
      #endfor
      if (sumsUp) {
        #for v in ${quads}
        s$v += d$v;
        #endfor
      }
      word >>= 8u;
    }
    workgroupBarrier();
  }
  let firstQuad = featureTile * shape.tileQuads + ft * quads;
  #for v in ${quads}
  if (sumsUp && quad$v < shape.unitQuads) { keep(at.scratch + shape.sumsAt + 4u * quad$v, s$v); }
  #endfor
  #for v in ${quads}
  var dot$v = vec4f();
  let outputs$v = weightsOr0(w2At(at), quad$v);
  #endfor
  // A loop over the features that moves the sums past it: each load that stands in the code costs compile time.
  for (var i = 0u; i < shape.perThread; i++) {
    let feature = 4u * firstQuad + i;
    if (feature < 4u * shape.featureQuads) {
      let row = at.state + feature * shape.unitQuads;
      #for v in ${quads}
      if (quad$v < shape.unitQuads) {
        let w = state[row + quad$v];
        dot$v = fma(w, g0_$v, dot$v);
        adamw(row + quad$v, w, outputs$v * g0_$v, at.hyper, at.step);
      }
      #endfor
      if ((i & 3u) == 3u) {
        #for v in ${quads}
        if (quad$v < shape.unitQuads) {
          keep(at.scratch + shape.dotsAt + 4u * ((feature >> 2u) * shape.unitQuads + quad$v), dot$v);
        }
        dot$v = vec4f();
        #endfor
      }
    }
    #for of in ${shifted}
    #for v in ${quads}
    g$of.i_$v = g$of.next_$v;
    #endfor
    #endfor
  }
}
`;
}
