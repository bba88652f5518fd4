/**
 * A block of a product for GPUs and for any other adapter: 4 rows x 4 columns an invocation, straight from memory. It
 * needs neither subgroups nor workgroup memory, and is what the other form is held against. A fragment of step.wgsl.ts.
 */
import { times } from '../shared/text.js';

const SIDE = 4;

/** `product`: columns of an invocation stand apart, so that neighbours load neighbouring numbers. */
export const productByBlocks = /* wgsl */ `
fn product(p: Position, step: Step, stage: Stage, first: u32, stride: u32, lane: u32) {
  let rows = select(stage.rows, step.count, (stage.batchExtents & batchRows) != 0u);
  let depth = select(stage.depth, step.count, (stage.batchExtents & batchDepth) != 0u);
  let across = (stage.columns + ${SIDE - 1}u) / ${SIDE}u;
  let blocks = across * ((rows + ${SIDE - 1}u) / ${SIDE}u);
  for (var t = first; t < blocks; t += stride) {
    let row = (t / across) * ${SIDE}u;
    let column = t % across;
    var aAt = p.memory + stage.a + row * stage.aRow;
    var bAt = p.memory + stage.b + column * stage.bColumn;
    ${times(SIDE, (r) => `var c${r} = vec4f();`).join(' ')}
    for (var k = 0u; k < depth; k++) {
      let b = vec4f(${times(SIDE, (c) => `memory[bAt + ${c}u * across * stage.bColumn]`).join(', ')});
      ${times(SIDE, (r) => `c${r} = fma(vec4f(memory[aAt + ${r}u * stage.aRow]), b, c${r});`).join('\n      ')}
      aAt += stage.aDepth;
      bAt += stage.bDepth;
    }
    for (var r = 0u; r < ${SIDE}u; r++) {
      if (row + r < rows) {
        for (var c = 0u; c < ${SIDE}u; c++) {
          let here = column + c * across;
          if (here < stage.columns) { finish(p, step, stage, row + r, here, c0[c]); }
        }
      }
      ${times(SIDE - 1, (r) => `c${r} = c${r + 1};`).join(' ')}
    }
  }
}
`;
