/**
 * A tile of a product for adapters that compute on the CPU, whose subgroups are vectors of the processor: 16 rows x 64
 * columns a subgroup. There a load by lane costs thirty to forty cycles and a shuffle one, so a factor is loaded once, by
 * lane, and handed round by shuffles; columns of the other lie side by side in the lanes. A fragment of step.wgsl.ts.
 *
 * Products of few columns, which would leave most of such a tile empty, have 32 rows x 4 columns a subgroup instead, rows in the
 * lanes.
 *
 * Measured on two cores of a Zen 5 under lavapipe, products of 32 x 64 x 64 for 100 runs: 32 GFLOP/s; 29 with 32 rows, 23
 * with 8; 27 with loops whose condition comes first, for there lavapipe runs a body once more with no lane active; 15 to 20
 * with 4 or 8 of `depth` unrolled.
 */
import { times } from '../shared/lists.js';
import { wgsl } from '../wgsl.js';

const ROWS = 16;
const VECTORS = 8;
/** Columns up to which the other form is faster: on lavapipe four of them take a seventh of a tile's time. */
const NARROW = 24;
/** Rows that are finished before the others move up. */
const BLOCK = 4;

/** How the other factor is loaded: four columns that lie side by side, or columns with a pitch between them. */
type Columns = 'side' | 'apart';

/** Adds products up over the depth, as much of it at a time as a subgroup has lanes. */
function multiply(columns: Columns): string {
  const fours = times(VECTORS / 4, (q) => ({ q, members: times(4, (j) => ({ v: 4 * q + j, j })) }));
  return wgsl`
var k0 = 0u;
loop {
  let aAt = p.memory + stage.a + row * stage.aRow + (k0 + lane) * stage.aDepth;
  #for r in ${ROWS}
  let a$r = numberAt(aAt + $r * stage.aRow);
  #endfor
  let most = min(lanes, depth - k0);
  var bAt = p.memory + stage.b + k0 * stage.bDepth + (column + 4u * lane) * stage.bColumn;
  var k = 0u;
  loop {
    #for four in ${fours}
    #if ${columns === 'side'}
    let four$four.q = memory[(bAt >> 2u) + $four.q * lanes];
    #for member in $four.members
    let b$member.v = four$four.q[$member.j];
    #endfor
    #else
    #for member in $four.members
    let b$member.v = numberAt(bAt + (4u * $four.q * lanes + $member.j) * stage.bColumn);
    #endfor
    #endif
    #endfor
    #for r in ${ROWS}
    let x$r = subgroupShuffle(a$r, k);
    #for v in ${VECTORS}
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

/**
 * The same for four columns and rows in the lanes: the sum of row j of a lane and column c is cj_c. `depths`: numbers of a row lie
 * side by side, and a lane has rows that stand `lanes` apart; `rows`: numbers of a column do, and a lane has four rows in a row.
 */
function multiplyNarrow(side: 'depths' | 'rows', lanes: number): string {
  const depths = times(lanes, (k) => ({ k, four: k >> 2, member: k & 3 }));
  return wgsl`
var k0 = 0u;
loop {
  // Beyond the depth there is nothing: zeros, for what lies there need not be a number.
  let own = min(k0 + lane, depth - 1u);
  let bAt = p.memory + stage.b + own * stage.bDepth + column * stage.bColumn;
  var b = vec4f();
  if (stage.bColumn == 1u) {
    b = memory[bAt >> 2u];
  } else {
    let pitch = stage.bColumn;
    b = vec4f(numberAt(bAt), numberAt(bAt + pitch), numberAt(bAt + 2u * pitch), numberAt(bAt + 3u * pitch));
  }
  #if ${side === 'depths'}
  #for f in ${lanes / 4}
  let exists$f = vec4u(k0 + 4u * $f) + vec4u(0u, 1u, 2u, 3u) < vec4u(depth);
  #for j in ${4}
  let a$j_$f = select(vec4f(), memory[(p.memory + stage.a + (row + $j * lanes + lane) * stage.aRow + k0 + 4u * $f) >> 2u], exists$f);
  #endfor
  #endfor
  #for d in ${depths}
  #for c in ${4}
  let x$d.k_$c = subgroupShuffle(b[$c], $d.k);
  #for j in ${4}
  c$j_$c = fma(a$j_$d.four[$d.member], x$d.k_$c, c$j_$c);
  #endfor
  #endfor
  #endfor
  #else
  #for d in ${depths}
  let a$d.k = select(vec4f(), memory[(p.memory + stage.a + row + 4u * lane + (k0 + $d.k) * stage.aDepth) >> 2u], k0 + $d.k < depth);
  #for c in ${4}
  let x$d.k_$c = subgroupShuffle(b[$c], $d.k);
  #for j in ${4}
  c$j_$c = fma(a$d.k[$j], x$d.k_$c, c$j_$c);
  #endfor
  #endfor
  #endfor
  #endif
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
const wideRows = ${ROWS}u;
const blockRows = ${BLOCK}u;
const wideFours = ${VECTORS / 4}u;
/** Columns of which four lie in each lane. */
const fourColumns = 4u * lanes;
const wideColumns = fourColumns * wideFours;
const narrowRows = 4u * lanes;
/** Columns up to which four at a time take less than all at once. */
const mostNarrow = ${NARROW}u;

fn product(p: Position, step: Step, stage: Stage, first: u32, stride: u32, lane: u32) {
  let rows = select(stage.rows, step.count, (stage.batchExtents & batchRows) != 0u);
  let depth = select(stage.depth, step.count, (stage.batchExtents & batchDepth) != 0u);
  let isNarrow = stage.columns <= mostNarrow;
  let tileRows = select(wideRows, narrowRows, isNarrow);
  let tileColumns = select(wideColumns, 4u, isNarrow);
  let across = (stage.columns + tileColumns - 1u) / tileColumns;
  let tiles = across * ((rows + tileRows - 1u) / tileRows);
  var t = first;
  loop {
    let row = (t / across) * tileRows;
    let column = (t % across) * tileColumns;
    // Which rows and columns the sums of a lane are of.
    var rowStep = 1u;
    var laneRow = 0u;
    var laneColumn = 4u * lane;
    var sums = min(wideRows, rows - row);
    var fours = min(wideFours, (stage.columns - column + fourColumns - 1u) / fourColumns);
    #for r in ${ROWS}
    #for v in ${VECTORS}
    var c$r_$v = 0.0;
    #endfor
    #endfor
    if (isNarrow) {
      sums = 4u;
      fours = 1u;
      laneColumn = 0u;
      if (stage.aDepth == 1u) {
        rowStep = lanes;
        laneRow = lane;
        ${multiplyNarrow('depths', lanes)}
      } else {
        laneRow = 4u * lane;
        ${multiplyNarrow('rows', lanes)}
      }
    } else if (stage.bColumn == 1u) {
      ${multiply('side')}
    } else {
      ${multiply('apart')}
    }
    // Four columns at a time the sums move up past the one place in the code that finishes them: by a row within four of
    // them, then by four rows. By a row each time, they would move three times as often.
    var block = 0u;
    loop {
      var r = block;
      loop {
        let rowHere = row + r * rowStep + laneRow;
        var here = column + laneColumn;
        var q = 0u;
        loop {
          if (here < stage.columns && rowHere < rows) {
            finish(p, step, stage, rowHere, here, vec4f(c0_0, c0_1, c0_2, c0_3));
          }
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
          break if r >= min(sums, block + blockRows);
        }
      }
      #for move in ${upBy(BLOCK, ROWS - BLOCK)}
      $move.to = $move.from;
      #endfor
      continuing {
        block += blockRows;
        break if block >= sums;
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
