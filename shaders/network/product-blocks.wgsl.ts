/**
 * A block of a product for GPUs and for any other adapter: 4 rows x 4 columns an invocation, straight from memory. It
 * needs neither subgroups nor workgroup memory, and is what the other form is held against. A fragment of step.wgsl.ts.
 */
import { wgsl } from '../wgsl.js';

/** `product`: columns of an invocation stand apart, so that neighbours load neighbouring numbers. */
export const productByBlocks = wgsl`
fn product(p: Position, step: Step, stage: Stage, first: u32, stride: u32, lane: u32) {
  let rows = select(stage.rows, step.count, (stage.batchExtents & batchRows) != 0u);
  let depth = select(stage.depth, step.count, (stage.batchExtents & batchDepth) != 0u);
  let across = (stage.columns + 3u) / 4u;
  let blocks = across * ((rows + 3u) / 4u);
  for (var t = first; t < blocks; t += stride) {
    let row = (t / across) * 4u;
    let column = t % across;
    var aAt = p.memory + stage.a + row * stage.aRow;
    var bAt = p.memory + stage.b + column * stage.bColumn;
    let apart = across * stage.bColumn;
    var sums = array<vec4f, 4>();
    for (var k = 0u; k < depth; k++) {
      let b = vec4f(memory[bAt], memory[bAt + apart], memory[bAt + 2u * apart], memory[bAt + 3u * apart]);
      #for r in ${4}
      sums[$r] = fma(vec4f(memory[aAt + $r * stage.aRow]), b, sums[$r]);
      #endfor
      aAt += stage.aDepth;
      bAt += stage.bDepth;
    }
    #for r in ${4}
    #for c in ${4}
    if (row + $r < rows && column + $c * across < stage.columns) {
      finish(p, step, stage, row + $r, column + $c * across, sums[$r][$c]);
    }
    #endfor
    #endfor
  }
}
`;
