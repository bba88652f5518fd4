/**
 * Outputs and loss of the training step (train.wgsl.ts), an invocation for each sample. A WGSL fragment, no kernel of
 * its own.
 */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import type { TilesOptions } from './size.js';

/** Parts of an output that are loaded before the first of them is added. */
const AT_ONCE = 8;

/**
 * `lossOf`: leaves dL/dz2 of sample b, divided by the batch, in `gradients`, as that of invocation `id`. With `counts`
 * it adds to the window's sums: every workgroup that needs the gradients computes them, and one of them counts.
 */
export function lossOfSample({ unrolled }: TilesOptions): string {
  const parts = unrolled ? AT_ONCE : 1;
  const others = times(parts - 1, (k) => k + 1);
  return wgsl`
fn lossOf(at: Place, b: u32, id: u32, counts: bool) {
  let step = at.step;
  let pitch = 4u * shape.sampleQuads;
  var gradient = 0.0;
  if (b < shape.batch) {
    let blocks = (shape.unitQuads + (blockOfUnits - 1u)) / blockOfUnits;
    // The part of the first block has b2 in it.
    var z = 0.0;
    for (var block = 0u; block < blocks; block += ${parts}u) {
      #for k in ${parts}
      let part$k = number(at.partials + min(block + $k, blocks - 1u) * pitch + b);
      #endfor
      z += part0;
      #for k in ${others}
      if (block + $k < blocks) { z += part$k; }
      #endfor
    }
    let exists = f32(b) < step.count;
    var loss = 0.0;
    var hit = 0u;
    if (exists) {
      let label = batches[at.batch + shape.rowWords * shape.sampleQuads + (b >> 2u)][b & 3u];
      let result = bce(z, f32(label));
      gradient = result.gradient * step.invCount;
      loss = result.loss * step.invCount;
      hit = select(0u, 1u, result.correct);
    }
    if (counts) {
      let sum = at.sums + b;
      // Once a sample has met a NaN it counts every step, also those whose smaller batches leave it out.
      var nanSteps = sums[sum + nanStepsSum * pitch];
      nanSteps += min(nanSteps, 1u);
      if (exists) {
        sums[sum + lossesSum * pitch] = bitcast<u32>(bitcast<f32>(sums[sum + lossesSum * pitch]) + loss);
        let kind = select(smallHitsSum, hitsSum, step.count == f32(shape.batch));
        sums[sum + kind * pitch] += hit;
        nanSteps = max(nanSteps, select(0u, 1u, isNan(z)));
      }
      sums[sum + nanStepsSum * pitch] = nanSteps;
    }
  }
  gradients[id / 4u][id % 4u] = gradient;
}
`;
}
