/**
 * The end of a backward tile (backward.wgsl.ts): AdamW on the weights of the tile, and w1 . G. A WGSL fragment, no
 * kernel of its own.
 */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import type { TilesOptions } from './size.js';

/**
 * Statements, in a loop over the features that moves the sums past it: each load that stands in the code costs compile
 * time. A turn takes one feature, or, unrolled, four. Weights and moments of four units are loaded while those before
 * are worked on.
 */
export function updateOfTile({ backward, unrolled }: TilesOptions): string {
  const quads = backward / 4;
  const written = unrolled ? (backward === 4 ? 2 : 4) : 1;
  const parts = times(written * quads, (k) => ({ i: Math.floor(k / quads), v: k % quads }));
  const steps = parts.map((part, k) => ({ ...part, ahead: parts.slice(k + 1, k + 2) }));
  const shifted = times(backward - written, (i) => ({ i, next: i + written }));
  return wgsl`
let firstFeature = 4u * (featureTile * tileQuads + ft * ${quads}u);
#for v in ${quads}
var dot$v = vec4f();
let outputs$v = weightsOr0(w2At(at), quad$v);
// What does not exist loads what does.
let column$v = at.state + min(quad$v, shape.unitQuads - 1u);
#endfor
for (var i = 0u; i < ${unrolled ? `${backward}u` : 'shape.perThread'}; i += ${written}u) {
  #for i in ${written}
  let feature$i = firstFeature + i + $i;
  let row$i = min(feature$i, 4u * shape.featureQuads - 1u) * shape.unitQuads;
  #endfor
  #for part in ${parts.slice(0, 1)}
  ${loads}
  #endfor
  #for step in ${steps}
  #for part in $step.ahead
  ${loads}
  #endfor
  if (feature$step.i < 4u * shape.featureQuads && quad$step.v < shape.unitQuads) {
    let g = g$step.i_$step.v;
    let w = w$step.i_$step.v;
    dot$step.v = fma(w, g, dot$step.v);
    adamw(row$step.i + column$step.v, w, m$step.i_$step.v, v$step.i_$step.v, outputs$step.v * g, at.hyper, at.step);
  }
  #endfor
  let last = firstFeature + i + ${written - 1};
  if ((last & 3u) == 3u) {
    #for v in ${quads}
    if (last < 4u * shape.featureQuads && quad$v < shape.unitQuads) {
      keep(at.scratch + shape.dotsAt + 4u * ((last >> 2u) * shape.unitQuads + quad$v), dot$v);
    }
    dot$v = vec4f();
    #endfor
  }
  #for of in ${shifted}
  #for v in ${quads}
  g$of.i_$v = g$of.next_$v;
  #endfor
  #endfor
}
`;
}

/** Weights and moments of four units and a feature. */
const loads = wgsl`
let w$part.i_$part.v = state[row$part.i + column$part.v];
let m$part.i_$part.v = state[row$part.i + column$part.v + moment()];
let v$part.i_$part.v = state[row$part.i + column$part.v + 2u * moment()];
`;
