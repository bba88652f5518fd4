/**
 * Matrix products for adapters that compute on the CPU, whose subgroups are vectors of the processor. With vectors of 8 lanes,
 * a subgroup computes a tile of 16 rows x 64 columns. A load of a lane's own costs thirty to forty cycles there and a shuffle
 * one. So each lane loads a part of the first factor once, and shuffles pass it to the others; the columns of the second factor
 * lie side by side in the lanes. A fragment of step.wgsl.ts.
 *
 * Products of few columns would leave most of such a tile empty. For them a subgroup computes 32 rows x 4 columns, with the rows
 * in the lanes.
 *
 * Measured on two cores of a Zen 5 under lavapipe, with products of 32 x 64 x 64 for 100 runs: 32 GFLOP/s. Variants: 29 with 32
 * rows, 23 with 8; 15 to 20 with 4 or 8 steps of `depth` unrolled; 27 with loops whose condition comes first, whose body
 * lavapipe runs once more with no lane active.
 */
import { times } from '../shared/lists.js';
import { wgsl } from '../wgsl.js';

const ROWS = 16;
const VECTORS = 8;
/** Up to this many columns, four at a time are faster: on lavapipe three such tiles take about the time of a wide one. */
const NARROW = 24;

/** Rows and columns of the tile that a subgroup computes at a time, of a product with this many columns. */
export const laneTile = (lanes: number, columns: number): readonly [rows: number, columns: number] =>
  columns <= NARROW ? [4 * lanes, 4] : [ROWS, VECTORS * lanes];

/** The columns of a lane, four at a time. */
const FOURS = times(VECTORS / 4, (q) => ({ q, members: times(4, (j) => ({ v: 4 * q + j, j })) }));

/** Which numbers of the first factor lie side by side, so that four are one load: those of a row, or those of a column. */
type Side = 'depths' | 'rows';
/** How the second factor is loaded: columns side by side, four at once; or each alone, as they lie apart. */
type Columns = 'side' | 'apart';

/** Adds one depth's products to the sums of `fours` columns. `handed(r)`: the first factor's number of row r, in every lane. */
function multiplyDepth(columns: Columns, fours: number, handed: (row: number) => string): string {
  const rows = times(ROWS, (r) => ({ r, number: handed(r) }));
  return wgsl`
#for four in ${FOURS.slice(0, fours)}
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
#for row in ${rows}
let x$row.r = $row.number;
#for v in ${4 * fours}
c$row.r_$v = fma(x$row.r, b$v, c$row.r_$v);
#endfor
#endfor
bAt += stage.bDepth;
`;
}

/**
 * Adds up products over the depth, in pieces: a lane loads four rows of one depth, and the depth that is next says which lane
 * hands its numbers round; or it loads four depths of one row, and they move up as they are used. `fours`: how many times four
 * columns of each lane the tile has.
 */
function multiply(side: Side, columns: Columns, lanes: number, fours: number): string {
  const depths = side === 'depths';
  const count = depths ? Math.ceil(ROWS / lanes) : ROWS / 4;
  const handed = (r: number) =>
    depths
      ? `subgroupShuffle(a${Math.floor(r / lanes)}.x, ${r % lanes}u)`
      : `subgroupShuffle(a${Math.floor(r / 4)}[${r % 4}], k)`;
  return wgsl`
var k0 = 0u;
var bAt = p.memory + stage.b + (column + 4u * lane) * stage.bColumn;
loop {
  #if ${depths}
  let aAt = p.memory + stage.a + (row + lane) * stage.aRow + k0;
  let piece = 4u;
  #for g in ${count}
  var a$g = memory[(aAt + $g * lanes * stage.aRow) >> 2u];
  #endfor
  #else
  let aAt = p.memory + stage.a + row + (k0 + lane) * stage.aDepth;
  let piece = lanes;
  #for g in ${count}
  let a$g = memory[(aAt >> 2u) + $g];
  #endfor
  #endif
  let most = min(piece, depth - k0);
  var k = 0u;
  loop {
    ${multiplyDepth(columns, fours, handed)}
    #if ${depths}
    #for g in ${count}
    a$g = a$g.yzwx;
    #endfor
    #endif
    continuing {
      k++;
      break if k >= most;
    }
  }
  continuing {
    k0 += piece;
    break if k0 >= depth;
  }
}
`;
}

/** A wide tile, or the half of it that exists. */
const multiplyWide = (lanes: number, fours: number): string => wgsl`
if (stage.aDepth != 1u) {
  ${multiply('rows', 'side', lanes, fours)}
} else if (stage.bColumn == 1u) {
  ${multiply('depths', 'side', lanes, fours)}
} else {
  ${multiply('depths', 'apart', lanes, fours)}
}
`;

/**
 * The same for four columns, with four rows in each lane: cj_c is the sum for row j of the lane and column c. `side` says
 * which numbers of the first factor lie side by side. `depths`: those of a row; a lane has rows that are `lanes` apart. `rows`:
 * those of a column; a lane has four neighbouring rows.
 */
function multiplyNarrow(side: Side, lanes: number): string {
  const depths = times(lanes, (k) => ({ k, four: k >> 2, member: k & 3 }));
  return wgsl`
var k0 = 0u;
loop {
  // Beyond the depth, the first factor is 0 and the second that of the last depth: memory there may hold NaN, and 0 times
  // NaN is NaN.
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

/** Sets `four` to the sums of row r and the four columns q, one of `count` fours from `first` on. */
function chosen(first: number, count: number): string {
  const perRow = VECTORS / 4;
  if (count === 1) {
    const [r, q] = [Math.floor(first / perRow), first % perRow];
    return `four = vec4f(${times(4, (j) => `c${r}_${4 * q + j}`).join(', ')});`;
  }
  const half = count / 2;
  const condition = count > perRow ? `r < ${(first + half) / perRow}u` : `q < ${(first % perRow) + half}u`;
  return wgsl`
if (${condition}) {
  ${chosen(first, half)}
} else {
  ${chosen(first + half, half)}
}
`;
}

/**
 * `product`, for subgroups that all have `lanes` invocations.
 *
 * @param cuts Whether sums may go on from those of an earlier part of the batch.
 */
export function productByLanes(lanes: number, cuts: boolean): string {
  /** How sums move down by a row: the last first. */
  const down = times((ROWS - 1) * VECTORS, (k) => {
    const [r, v] = [Math.floor(k / VECTORS), k % VECTORS];
    return { to: `c${r + 1}_${v}`, from: `c${r}_${v}` };
  }).reverse();
  return wgsl`
const lanes = ${lanes}u;
const wideRows = ${ROWS}u;
const wideFours = ${VECTORS / 4}u;
/** Columns of a tile if each lane has four. */
const fourColumns = 4u * lanes;
const wideColumns = fourColumns * wideFours;
const narrowRows = 4u * lanes;
/** Products of up to this many columns are computed four columns at a time. */
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
    // The rows and columns to which the sums of a lane belong.
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
    #if ${cuts}
    if (goesOn(step, stage)) {
      // The sums of the parts before. The last row comes first, and moves down as others come before it.
      let firstRow = row + select(0u, 4u * lane, isNarrow);
      let at = stage.c + column + select(4u * lane, 0u, isNarrow);
      var r = select(sums, 4u, isNarrow);
      loop {
        r--;
        #for move in ${down}
        $move.to = $move.from;
        #endfor
        #for four in ${FOURS}
        let four$four.q = memory[gradientAt(p, at + (firstRow + r) * pitchOf(stage.columns) + $four.q * fourColumns)];
        #for member in $four.members
        c0_$member.v = four$four.q[$member.j];
        #endfor
        #endfor
        continuing { break if r == 0u; }
      }
    }
    #endif
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
    } else if (fours == 1u) {
      ${multiplyWide(lanes, 1)}
    } else {
      ${multiplyWide(lanes, VECTORS / 4)}
    }
    // finish() stands here once; branches, of which those not taken cost nothing, bring the sums of one row and four columns.
    var r = 0u;
    loop {
      let rowHere = row + r * rowStep + laneRow;
      var q = 0u;
      loop {
        let here = column + laneColumn + q * fourColumns;
        if (here < stage.columns && rowHere < rows) {
          var four = vec4f();
          ${chosen(0, (ROWS * VECTORS) / 4)}
          finish(p, step, stage, rowHere, here, four);
        }
        continuing {
          q++;
          break if q >= fours;
        }
      }
      continuing {
        r++;
        break if r >= sums;
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
