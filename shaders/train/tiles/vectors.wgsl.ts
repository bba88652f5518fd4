/** The biases and output weights of the training step (train.wgsl.ts). A WGSL fragment, no kernel of its own. */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import type { TilesOptions } from './size.js';

/** Parts of w1 . G that are loaded before the first of them is added. */
const AT_ONCE = 4;

/** `vectorsOf`: AdamW on b1 and w2 of four units, once all of G is known; at the quad after the last unit, on b2. */
export function vectorsOfUnits({ unrolled }: TilesOptions): string {
  const parts = unrolled ? AT_ONCE : 1;
  const others = times(parts - 1, (k) => k + 1);
  return wgsl`
fn vectorsOf(at: Place, quad: u32) {
  if (quad > shape.unitQuads) { return; }
  let isOutput = quad == shape.unitQuads;
  let row = select(b1At(at) + quad, b2At(at), isOutput);
  var w = state[row];
  var other = vec4f();
  var s = vec4f();
  var g = vec4f();
  var dot = vec4f();
  if (isOutput) {
    g.x = number(at.scratch);
  } else {
    other = state[row + shape.unitQuads];
    s = numbers(at.scratch + shape.sumsAt + 4u * quad);
    g = other * s;
    for (var f = 0u; f < shape.featureQuads; f += ${parts}u) {
      #for k in ${parts}
      let of$k = min(f + $k, shape.featureQuads - 1u);
      let part$k = numbers(at.scratch + shape.dotsAt + 4u * (of$k * shape.unitQuads + quad));
      #endfor
      dot += part0;
      #for k in ${others}
      if (f + $k < shape.featureQuads) { dot += part$k; }
      #endfor
    }
  }
  // b1, then w2, in a loop: a compiler takes long over each load that stands in the code.
  for (var k = 0u; k < select(shape.vectors, 1u, isOutput); k++) {
    let here = row + k * shape.unitQuads;
    adamw(here, w, state[here + moment()], state[here + 2u * moment()], g, at.hyper, at.step);
    g = fma(w, s, dot);
    w = other;
  }
}
`;
}
