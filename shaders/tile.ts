/**
 * The heart of every product of matrices here: a workgroup of 8 x 8 invocations computes a square tile of the result,
 * each invocation a square of it in registers, from terms that it stages in workgroup memory. Text, to be put into a
 * kernel; where the terms come from and what becomes of the result is the kernel's business. Sums run over k in order.
 */

/** Invocations along each side of a tile. */
export const TILE_THREADS = 8;
/** Terms of each sum that are staged at once. */
const DEPTH = 8;

export interface TileOptions {
  /** Rows and columns of the result that one invocation computes. */
  perThread: number;
  /** WGSL for the term of a; sees `r`, the row of the result, and `d`, the place in the sum. */
  loadA: string;
  /** WGSL for the term of b; sees `d` and `c`, the column of the result. */
  loadB: string;
}

/** Rows and columns of the result that one workgroup computes. */
export const tileSize = (perThread: number): number => TILE_THREADS * perThread;

/** Numbers 0 to n - 1 through a function, joined. */
export const repeat = (n: number, text: (i: number) => string, between = '\n    '): string =>
  Array.from({ length: n }, (_, i) => text(i)).join(between);

/** Declarations for the module. Transposed, k first, so that an invocation's rows lie side by side. */
export const tileMemory = ({ perThread }: TileOptions): string => `
var<workgroup> tileA: array<f32, ${tileSize(perThread) * DEPTH}>;
var<workgroup> tileB: array<f32, ${tileSize(perThread) * DEPTH}>;`;

/**
 * Statements that leave the sums in `s0_0`, `s0_1`, … (row, column within the invocation). They expect `m`, `n` and
 * `k`, the tile's first `row` and `col`, and the builtins `local` (id) and `index`.
 */
export function tileSums({ perThread, loadA, loadB }: TileOptions): string {
  const tile = tileSize(perThread);
  const loads = (tile * DEPTH) / (TILE_THREADS * TILE_THREADS);
  const square = (text: (i: number, j: number) => string) =>
    repeat(perThread, (i) => repeat(perThread, (j) => text(i, j), ' '));
  return `
  ${square((i, j) => `var s${i}_${j} = 0.0;`)}
  for (var first = 0u; first < k; first += ${DEPTH}u) {
    for (var load = 0u; load < ${loads}u; load++) {
      let at = load * ${TILE_THREADS * TILE_THREADS}u + index;
      let d = first + at / ${tile}u;
      let r = row + at % ${tile}u;
      let c = col + at % ${tile}u;
      var termA = 0.0;
      var termB = 0.0;
      if (d < k && r < m) { termA = ${loadA}; }
      if (d < k && c < n) { termB = ${loadB}; }
      tileA[at] = termA;
      tileB[at] = termB;
    }
    workgroupBarrier();
    for (var d = 0u; d < ${DEPTH}u; d++) {
      let baseA = d * ${tile}u + local.y * ${perThread}u;
      let baseB = d * ${tile}u + local.x * ${perThread}u;
      ${repeat(perThread, (i) => `let a${i} = tileA[baseA + ${i}u]; let b${i} = tileB[baseB + ${i}u];`, '\n      ')}
      ${square((i, j) => `s${i}_${j} += a${i} * b${j};`)}
    }
    workgroupBarrier();
  }`;
}
