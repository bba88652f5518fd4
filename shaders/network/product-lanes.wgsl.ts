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
/** Rows that are finished before the others move up. */
const BLOCK = 4;

/** How the other factor is loaded: `side`: four columns that lie side by side; `apart`: columns with a pitch between them. */
type Columns = 'side' | 'apart' | 'narrow';

/** Adds products up over the depth, as much of it at a time as a subgroup has lanes. */
function multiply(columns: Columns): string {
  const vectors = columns === 'narrow' ? 1 : VECTORS;
  const fours = times(VECTORS / 4, (q) => ({ q, members: times(4, (j) => ({ v: 4 * q + j, j })) }));
  return wgsl`
var k0 = 0u;
loop {
  let aAt = p.memory + stage.a + row * stage.aRow + (k0 + lane) * stage.aDepth;
  #for r in ${ROWS}
  let a$r = numberAt(aAt + $r * stage.aRow);
  #endfor
  let most = min(lanes, depth - k0);
  #if ${columns === 'narrow'}
  var bAt = p.memory + stage.b + k0 * stage.bDepth + (column + lane) * stage.bColumn;
  #else
  var bAt = p.memory + stage.b + k0 * stage.bDepth + (column + 4u * lane) * stage.bColumn;
  #endif
  var k = 0u;
  loop {
    #if ${columns === 'narrow'}
    let b0 = numberAt(bAt);
    #elif ${columns === 'side'}
    #for four in ${fours}
    let four$four.q = memory[(bAt >> 2u) + $four.q * lanes];
    #for member in $four.members
    let b$member.v = four$four.q[$member.j];
    #endfor
    #endfor
    #else
    #for four in ${fours}
    #for member in $four.members
    let b$member.v = numberAt(bAt + (4u * $four.q * lanes + $member.j) * stage.bColumn);
    #endfor
    #endfor
    #endif
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
}

/** `product`; `lanes`: invocations of a subgroup, all of them the same. */
export function productByLanes(lanes: number): string {
  /** Which sum moves where: four along a row, and all up by a row. */
  const along = times(VECTORS - 4, (v) => ({ to: `c0_${v}`, from: `c0_${v + 4}` }));
  const upBy = (rows: number, moved: number) =>
    times(moved * VECTORS, (k) => {
      const [r, v] = [Math.floor(k / VECTORS), k % VECTORS];
      return { to: `c${r}_${v}`, from: `c${r + rows}_${v}` };
    });
  return wgsl`
const lanes = ${lanes}u;
const tileRows = ${ROWS}u;
const blockRows = ${BLOCK}u;
const tileFours = ${VECTORS / 4}u;
/** Columns of which four lie in each lane. */
const fourColumns = 4u * lanes;
const tileColumns = fourColumns * tileFours;

fn product(p: Position, step: Step, stage: Stage, first: u32, stride: u32, lane: u32) {
  let rows = select(stage.rows, step.count, (stage.batchExtents & batchRows) != 0u);
  let depth = select(stage.depth, step.count, (stage.batchExtents & batchDepth) != 0u);
  let across = (stage.columns + tileColumns - 1u) / tileColumns;
  let tiles = across * ((rows + tileRows - 1u) / tileRows);
  var t = first;
  loop {
    let row = (t / across) * tileRows;
    let column = (t % across) * tileColumns;
    #for r in ${ROWS}
    #for v in ${VECTORS}
    var c$r_$v = 0.0;
    #endfor
    #endfor
    if (stage.columns - column <= lanes) {
      ${multiply('narrow')}
      // A column a lane so far; from here on four of them, as in the other cases.
      #for r in ${ROWS}
      let n$r = c$r_0;
      #for j in ${4}
      c$r_$j = subgroupShuffle(n$r, min(4u * lane + $j, lanes - 1u));
      #endfor
      #endfor
    } else if (stage.bColumn == 1u) {
      ${multiply('side')}
    } else {
      ${multiply('apart')}
    }
    // Four columns at a time the sums move up past the one place in the code that finishes them: by a row within four of
    // them, then by four rows. By a row each time, they would move three times as often.
    let fours = min(tileFours, (stage.columns - column + fourColumns - 1u) / fourColumns);
    let end = min(rows, row + tileRows);
    var block = row;
    loop {
      var r = block;
      loop {
        var here = column + 4u * lane;
        var q = 0u;
        loop {
          if (here < stage.columns) { finish(p, step, stage, r, here, vec4f(c0_0, c0_1, c0_2, c0_3)); }
          here += fourColumns;
          #for move in ${along}
          $move.to = $move.from;
          #endfor
          continuing {
            q++;
            break if q >= fours;
          }
        }
        #for move in ${upBy(1, BLOCK - 1)}
        $move.to = $move.from;
        #endfor
        continuing {
          r++;
          break if r >= min(end, block + blockRows);
        }
      }
      #for move in ${upBy(BLOCK, ROWS - BLOCK)}
      $move.to = $move.from;
      #endfor
      continuing {
        block += blockRows;
        break if block >= end;
      }
    }
    continuing {
      t += stride;
      break if t >= tiles;
    }
  }
}
`;
}
