/**
 * Matrix products for GPUs and for any other adapter: each invocation computes blocks of 4 rows x 4 columns, straight from
 * memory. It needs neither subgroups nor workgroup memory, and tests compare the other form (product-lanes.wgsl.ts) with it. A
 * fragment of step.wgsl.ts.
 */
import { wgsl } from '../wgsl.js';

/** Rows and columns of a block. */
export const BLOCK = 4;

/**
 * `product`: neighbouring invocations have neighbouring columns, so that they load neighbouring numbers.
 *
 * @param cuts Whether sums may go on from those of an earlier part of the batch.
 */
export const productByBlocks = (cuts: boolean): string => wgsl`
fn product(p: Position, step: Step, stage: Stage, first: u32, stride: u32, lane: u32) {
  let rows = select(stage.rows, step.count, (stage.batchExtents & batchRows) != 0u);
  let depth = select(stage.depth, step.count, (stage.batchExtents & batchDepth) != 0u);
  let across = (stage.columns + 3u) / 4u;
  let blocks = across * ((rows + 3u) / 4u);
  for (var t = first; t < blocks; t += stride) {
    let row = (t / across) * 4u;
    let column = (t % across) * 4u;
    var aAt = p.memory + stage.a + row * stage.aRow;
    var bAt = p.memory + stage.b + column * stage.bColumn;
    #for r in ${4}
    var sums$r = vec4f();
    #endfor
    #if ${cuts}
    if (goesOn(step, stage)) {
      let pitch = pitchOf(stage.columns);
      let at = stage.c + row * pitch + column;
      #for r in ${4}
      sums$r = memory[gradientAt(p, at + $r * pitch)];
      #endfor
    }
    #endif
    for (var k = 0u; k < depth; k++) {
      var b = vec4f();
      if (stage.bColumn == 1u) {
        b = memory[bAt >> 2u];
      } else {
        let pitch = stage.bColumn;
        b = vec4f(numberAt(bAt), numberAt(bAt + pitch), numberAt(bAt + 2u * pitch), numberAt(bAt + 3u * pitch));
      }
      #for r in ${4}
      sums$r = fma(vec4f(numberAt(aAt + $r * stage.aRow)), b, sums$r);
      #endfor
      aAt += stage.aDepth;
      bAt += stage.bDepth;
    }
    for (var r = 0u; r < min(4u, rows - row); r++) {
      finish(p, step, stage, row + r, column, sums0);
      sums0 = sums1;
      sums1 = sums2;
      sums2 = sums3;
    }
  }
}
`;
