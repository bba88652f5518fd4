/**
 * The core of the tiled matrix products. A workgroup of 8 x 8 invocations computes a square tile of the result, and each
 * invocation a square of it in registers, from terms that are staged in workgroup memory. These are fragments for kernels,
 * which load the terms and store the result. Sums run over k in order.
 */
import { wgsl } from '../wgsl.js';

/** Invocations along each side of a tile. */
export const TILE_THREADS = 8;

export interface TileOptions {
  /** Rows and columns of the result that one invocation computes: 1, or 4 or 8 in vectors of four. */
  perThread: 1 | 4 | 8;
  /** WGSL for the term of a; sees `r`, the row of the result, and `d`, the place in the sum. */
  loadA: string;
  /** WGSL for the term of b; sees `d` and `c`, the column of the result. */
  loadB: string;
  /** Also leaves the sums of a's terms alone, by row, in `t0`, `t1`, …. Default false. */
  rowSums?: boolean;
}

/** Rows and columns of the result that one workgroup computes. */
export const tileSize = (perThread: number): number => TILE_THREADS * perThread;

/** How many vectors hold an invocation's rows or columns; 1 where it is a single number. */
const vectorsOf = (perThread: number): number => Math.max(1, perThread / 4);

/** An invocation's rows or columns, and where each is in the vectors NAME0, NAME1, …: `at` comes after the name. */
const partsOf = (perThread: number) =>
  Array.from({ length: perThread }, (_, i) => ({
    i,
    at: perThread === 1 ? '0' : `${Math.floor(i / 4)}[${i % 4}]`,
  }));

/** Declarations for the module: sizes, and memory for the terms of a and b, by place in the sum, then by invocation. */
export const tileMemory = ({ perThread }: Pick<TileOptions, 'perThread'>): string => wgsl`
alias TilePart = ${perThread === 1 ? 'f32' : 'vec4f'};
/** Invocations along each side of the tile. */
const tileThreads = ${TILE_THREADS}u;
/** Rows and columns that one of them computes, and how many vectors hold them. */
const perThread = ${perThread}u;
const tileParts = ${vectorsOf(perThread)}u;
/** Rows and columns of the tile. */
const tileSide = tileThreads * perThread;
/** Terms of each sum that are staged at once: one an invocation. */
const tileDepth = tileThreads;

var<workgroup> tileA: array<TilePart, tileThreads * tileDepth * tileParts>;
var<workgroup> tileB: array<TilePart, tileThreads * tileDepth * tileParts>;
`;

/** Where the workgroup's tile is: WGSL for the tiles in a row, the rows in a batch, and the batches. */
interface TilePlace {
  across: string;
  down: string;
  batches: string;
  /** See `tileGrid` in src/kernels/grid.ts. */
  counted: boolean;
}

/**
 * Statements that leave the tile's place in `tileColumn`, `tileRow` and `batch`, and its first row and column in `row` and
 * `col`. They expect the builtins `workgroup` (id) and, counted, `groups` (their number).
 */
export const tilePlace = ({ across, down, batches, counted }: TilePlace): string => wgsl`
#if ${counted}
let tile = workgroup.y * groups.x + workgroup.x;
let rowOfTiles = tile / ${across};
let tileColumn = tile % ${across};
let tileRow = rowOfTiles % ${down};
let batch = rowOfTiles / ${down};
if (batch >= ${batches}) { return; }
#else
let tileColumn = workgroup.x;
let tileRow = workgroup.y;
let batch = workgroup.z;
#endif
let row = tileRow * tileSide;
let col = tileColumn * tileSide;
`;

/**
 * Statements that leave the sums in `s0_0`, `s0_1`, … (row, column within the invocation). They expect `m`, `n` and
 * `k`, the tile's first `row` and `col`, and the builtins `local` (id) and `index`.
 */
export function tileSums({ perThread, loadA, loadB, rowSums = false }: TileOptions): string {
  const vectors = vectorsOf(perThread);
  const parts = partsOf(perThread);
  return wgsl`
#for i in ${perThread}
#for v in ${vectors}
var sums$i_$v = TilePart();
#endfor
#endfor
#if ${rowSums}
#for v in ${vectors}
var rowSums$v = TilePart();
#endfor
#endif
// An invocation stages the terms of one place in the sum, for its share of the rows and of the columns.
let stagedPlace = index / tileThreads;
let stagedRow = row + (index % tileThreads) * perThread;
let stagedCol = col + (index % tileThreads) * perThread;
for (var first = 0u; first < k; first += tileDepth) {
  let d = first + stagedPlace;
  #for v in ${vectors}
  var termsA$v = TilePart();
  var termsB$v = TilePart();
  #endfor
  if (d < k) {
    #for part in ${parts}
    {
      let r = stagedRow + $part.i;
      if (r < m) { termsA$part.at = ${loadA}; }
    }
    #endfor
    #for part in ${parts}
    {
      let c = stagedCol + $part.i;
      if (c < n) { termsB$part.at = ${loadB}; }
    }
    #endfor
  }
  #for v in ${vectors}
  tileA[index * tileParts + $v] = termsA$v;
  tileB[index * tileParts + $v] = termsB$v;
  #endfor
  workgroupBarrier();
  for (var place = 0u; place < tileDepth; place++) {
    #for v in ${vectors}
    let a$v = tileA[(place * tileThreads + local.y) * tileParts + $v];
    #endfor
    #for v in ${vectors}
    let b$v = tileB[(place * tileThreads + local.x) * tileParts + $v];
    #endfor
    #for part in ${parts}
    #for v in ${vectors}
    sums$part.i_$v += a$part.at * b$v;
    #endfor
    #endfor
    #if ${rowSums}
    #for v in ${vectors}
    rowSums$v += a$v;
    #endfor
    #endif
  }
  workgroupBarrier();
}
#for i in ${perThread}
#for part in ${parts}
let s$i_$part.i = sums$i_$part.at;
#endfor
#endfor
#if ${rowSums}
#for part in ${parts}
let t$part.i = rowSums$part.at;
#endfor
#endif
`;
}
