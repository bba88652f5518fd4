/**
 * A tile of a product for adapters that compute on the CPU, whose subgroups are vectors of the processor: 16 rows x 64
 * columns a subgroup. There a load by lane costs thirty to forty cycles and a shuffle one, so a factor is loaded once, by
 * lane, and handed round by shuffles; columns of the other lie side by side in the lanes. A fragment of step.wgsl.ts.
 *
 * Measured on two cores of a Zen 5 under lavapipe, products of 32 x 64 x 64 for 100 runs: 32 GFLOP/s; 29 with 32 rows, 23
 * with 8; 27 with loops whose condition comes first, for there lavapipe runs a body once more with no lane active; 15 to 20
 * with 4 or 8 of `depth` unrolled.
 */
import { times } from '../shared/text.js';

const ROWS = 16;
const VECTORS = 8;

/** `product` and `lane`; `lanes`: invocations of a subgroup, all of them the same. */
export function productByLanes(lanes: number): string {
  const rows = times(ROWS, (r) => r);
  const all = times(VECTORS, (v) => v);
  const sum = (r: number, v: number) => `c${r}_${v}`;
  /** A loop over the depth, `lanes` of it at a time, for so many vectors of columns. */
  const multiply = (vectors: readonly number[]) => /* wgsl */ `
      var k0 = 0u;
      loop {
        let aAt = p.memory + stage.a + row * stage.aRow + (k0 + lane) * stage.aDepth;
        ${rows.map((r) => `let a${r} = memory[aAt + ${r}u * stage.aRow];`).join('\n        ')}
        let most = min(${lanes}u, depth - k0);
        var bAt = p.memory + stage.b + k0 * stage.bDepth + (column + lane) * stage.bColumn;
        var k = 0u;
        loop {
          ${vectors.map((v) => `let b${v} = memory[bAt + ${v * lanes}u * stage.bColumn];`).join('\n          ')}
          ${rows
            .map((r) =>
              [
                `let x${r} = subgroupShuffle(a${r}, k);`,
                ...vectors.map((v) => `${sum(r, v)} = fma(x${r}, b${v}, ${sum(r, v)});`),
              ].join(' '),
            )
            .join('\n          ')}
          bAt += stage.bDepth;
          continuing { k++; break if k >= most; }
        }
        continuing { k0 += ${lanes}u; break if k0 >= depth; }
      }`;
  return /* wgsl */ `
fn product(p: Position, step: Step, stage: Stage, first: u32, stride: u32, lane: u32) {
  let rows = select(stage.rows, step.count, (stage.batchExtents & batchRows) != 0u);
  let depth = select(stage.depth, step.count, (stage.batchExtents & batchDepth) != 0u);
  let across = (stage.columns + ${lanes * VECTORS - 1}u) / ${lanes * VECTORS}u;
  let tiles = across * ((rows + ${ROWS - 1}u) / ${ROWS}u);
  for (var t = first; t < tiles; t += stride) {
    let row = (t / across) * ${ROWS}u;
    let column = (t % across) * ${lanes * VECTORS}u;
    let isNarrow = stage.columns - column <= ${lanes}u;
    ${rows.map((r) => all.map((v) => `var ${sum(r, v)} = 0.0;`).join(' ')).join('\n    ')}
    if (isNarrow) {${multiply([0])}
    } else {${multiply(all)}
    }
    // A row at a time, a vector at a time: the sums move up past the one place in the code that finishes them.
    let last = min(${ROWS}u, rows - row);
    let vectors = min(${VECTORS}u, (stage.columns - column + ${lanes - 1}u) / ${lanes}u);
    var r = 0u;
    loop {
      var v = 0u;
      loop {
        let here = column + v * ${lanes}u + lane;
        if (here < stage.columns) { finish(p, step, stage, row + r, here, ${sum(0, 0)}); }
        ${all
          .slice(1)
          .map((v) => `${sum(0, v - 1)} = ${sum(0, v)};`)
          .join(' ')}
        continuing { v++; break if v >= vectors; }
      }
      ${rows
        .slice(1)
        .map((r) => all.map((v) => `${sum(r - 1, v)} = ${sum(r, v)};`).join(' '))
        .join('\n      ')}
      continuing { r++; break if r >= last; }
    }
  }
}
`;
}
