/**
 * A tile of a product for adapters that compute on the CPU, whose subgroups are vectors of the processor: 16 rows x 64
 * columns a subgroup. There a load by lane costs thirty to forty cycles and a shuffle one, so a factor is loaded once, by
 * lane, and handed round by shuffles; columns of the other lie side by side in the lanes. A fragment of step.wgsl.ts.
 *
 * Measured on two cores of a Zen 5 under lavapipe, products of 32 x 64 x 64 for 100 runs: 32 GFLOP/s; 29 with 32 rows, 23
 * with 8; 27 with loops whose condition comes first, for there lavapipe runs a body once more with no lane active; 15 to 20
 * with 4 or 8 of `depth` unrolled.
 */
import { times } from '../shared/lists.js';
import { wgsl } from '../wgsl.js';

const ROWS = 16;
const VECTORS = 8;

/** Adds products up for so many vectors of columns, over the depth, as much of it at a time as a subgroup has lanes. */
const multiply = (vectors: number) => wgsl`
var k0 = 0u;
loop {
  let aAt = p.memory + stage.a + row * stage.aRow + (k0 + lane) * stage.aDepth;
  #for r in ${ROWS}
  let a$r = memory[aAt + $r * stage.aRow];
  #endfor
  let most = min(lanes, depth - k0);
  var bAt = p.memory + stage.b + k0 * stage.bDepth + (column + lane) * stage.bColumn;
  var k = 0u;
  loop {
    #for v in ${vectors}
    let b$v = memory[bAt + $v * lanes * stage.bColumn];
    #endfor
    #for r in ${ROWS}
    let x$r = subgroupShuffle(a$r, k);
    #for v in ${vectors}
    c$r_$v = fma(x$r, b$v, c$r_$v);
    #endfor
    #endfor
    bAt += stage.bDepth;
    continuing {
      k++;
      break if k >= most;
    }
  }
  continuing {
    k0 += lanes;
    break if k0 >= depth;
  }
}
`;

/** `product`; `lanes`: invocations of a subgroup, all of them the same. */
export function productByLanes(lanes: number): string {
  /** Which sum moves where: along a row, and up by a row. */
  const along = times(VECTORS - 1, (v) => ({ to: `c0_${v}`, from: `c0_${v + 1}` }));
  const up = times((ROWS - 1) * VECTORS, (k) => {
    const [r, v] = [Math.floor(k / VECTORS), k % VECTORS];
    return { to: `c${r}_${v}`, from: `c${r + 1}_${v}` };
  });
  return wgsl`
const lanes = ${lanes}u;
const tileRows = ${ROWS}u;
const tileVectors = ${VECTORS}u;
const tileColumns = lanes * tileVectors;

fn product(p: Position, step: Step, stage: Stage, first: u32, stride: u32, lane: u32) {
  let rows = select(stage.rows, step.count, (stage.batchExtents & batchRows) != 0u);
  let depth = select(stage.depth, step.count, (stage.batchExtents & batchDepth) != 0u);
  let across = (stage.columns + tileColumns - 1u) / tileColumns;
  let tiles = across * ((rows + tileRows - 1u) / tileRows);
  for (var t = first; t < tiles; t += stride) {
    let row = (t / across) * tileRows;
    let column = (t % across) * tileColumns;
    #for r in ${ROWS}
    #for v in ${VECTORS}
    var c$r_$v = 0.0;
    #endfor
    #endfor
    if (stage.columns - column <= lanes) {
      ${multiply(1)}
    } else {
      ${multiply(VECTORS)}
    }
    // A row at a time, a vector at a time: the sums move up past the one place in the code that finishes them.
    let last = min(tileRows, rows - row);
    let vectors = min(tileVectors, (stage.columns - column + lanes - 1u) / lanes);
    var r = 0u;
    loop {
      var v = 0u;
      loop {
        let here = column + v * lanes + lane;
        if (here < stage.columns) { finish(p, step, stage, row + r, here, c0_0); }
        #for move in ${along}
        $move.to = $move.from;
        #endfor
        continuing {
          v++;
          break if v >= vectors;
        }
      }
      #for move in ${up}
      $move.to = $move.from;
      #endfor
      continuing {
        r++;
        break if r >= last;
      }
    }
  }
}
`;
}
