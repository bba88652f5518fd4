/**
 * The heart of every product of matrices here: a workgroup of 8 x 8 invocations computes a square tile of the result,
 * each invocation a square of it in registers, from terms that it stages in workgroup memory. Text, to be put into a
 * kernel; where the terms come from and what becomes of the result is the kernel's business. Sums run over k in order.
 */

/** Invocations along each side of a tile. */
export const TILE_THREADS = 8;
/** Terms of each sum that are staged at once: one an invocation. */
const DEPTH = TILE_THREADS;

export interface TileOptions {
  /** Rows and columns of the result that one invocation computes: 1, or 4 or 8 in vectors of four. */
  perThread: 1 | 4 | 8;
  /** WGSL for the term of a; sees `r`, the row of the result, and `d`, the place in the sum. */
  loadA: string;
  /** WGSL for the term of b; sees `d` and `c`, the column of the result. */
  loadB: string;
  /** Also leave the sums of a's terms alone, by row, in `t0`, `t1`, …. Default false. */
  rowSums?: boolean;
}

/** Rows and columns of the result that one workgroup computes. */
export const tileSize = (perThread: number): number => TILE_THREADS * perThread;

/** Numbers 0 to n - 1 through a function, joined. */
export const repeat = (n: number, text: (i: number) => string, between = '\n    '): string =>
  Array.from({ length: n }, (_, i) => text(i)).join(between);

/** How an invocation's rows or columns are held: in so many vectors, or as one number. */
function layout(perThread: number): { type: string; zero: string; vectors: number } {
  if (perThread === 1) return { type: 'f32', zero: '0.0', vectors: 1 };
  return { type: 'vec4f', zero: 'vec4f()', vectors: perThread / 4 };
}

/** Declarations for the module: a's and b's terms by place in the sum, then by invocation. */
export const tileMemory = ({ perThread }: TileOptions): string => {
  const { type, vectors } = layout(perThread);
  const count = TILE_THREADS * DEPTH * vectors;
  return `
var<workgroup> tileA: array<${type}, ${count}>;
var<workgroup> tileB: array<${type}, ${count}>;`;
};

/**
 * Statements that leave the sums in `s0_0`, `s0_1`, … (row, column within the invocation). They expect `m`, `n` and
 * `k`, the tile's first `row` and `col`, and the builtins `local` (id) and `index`.
 */
export function tileSums({ perThread, loadA, loadB, rowSums = false }: TileOptions): string {
  const { zero, vectors } = layout(perThread);
  /** Element i of the vectors NAME0, NAME1, …. */
  const part = (name: string, i: number) => (perThread === 1 ? `${name}0` : `${name}${i >> 2}[${i & 3}]`);
  const each = (text: (v: number) => string, between?: string) => repeat(vectors, text, between);
  // An invocation stages the terms of one place in the sum, for its share of the rows and of the columns.
  return `
  ${repeat(perThread, (i) => each((v) => `var sums${i}_${v} = ${zero};`, ' '))}
  ${rowSums ? each((v) => `var rowSums${v} = ${zero};`) : ''}
  let stagedPlace = index / ${TILE_THREADS}u;
  let stagedRow = row + (index % ${TILE_THREADS}u) * ${perThread}u;
  let stagedCol = col + (index % ${TILE_THREADS}u) * ${perThread}u;
  for (var first = 0u; first < k; first += ${DEPTH}u) {
    let d = first + stagedPlace;
    ${each((v) => `var termsA${v} = ${zero}; var termsB${v} = ${zero};`)}
    if (d < k) {
      ${repeat(perThread, (i) => `{ let r = stagedRow + ${i}u; if (r < m) { ${part('termsA', i)} = ${loadA}; } }`, '\n      ')}
      ${repeat(perThread, (i) => `{ let c = stagedCol + ${i}u; if (c < n) { ${part('termsB', i)} = ${loadB}; } }`, '\n      ')}
    }
    ${each((v) => `tileA[index * ${vectors}u + ${v}u] = termsA${v}; tileB[index * ${vectors}u + ${v}u] = termsB${v};`)}
    workgroupBarrier();
    for (var place = 0u; place < ${DEPTH}u; place++) {
      ${each((v) => `let a${v} = tileA[(place * ${TILE_THREADS}u + local.y) * ${vectors}u + ${v}u];`, '\n      ')}
      ${each((v) => `let b${v} = tileB[(place * ${TILE_THREADS}u + local.x) * ${vectors}u + ${v}u];`, '\n      ')}
      ${repeat(perThread, (i) => each((v) => `sums${i}_${v} += ${part('a', i)} * b${v};`, ' '), '\n      ')}
      ${rowSums ? each((v) => `rowSums${v} += a${v};`) : ''}
    }
    workgroupBarrier();
  }
  ${repeat(perThread, (i) => repeat(perThread, (j) => `let s${i}_${j} = ${part(`sums${i}_`, j)};`, ' '))}
  ${rowSums ? repeat(perThread, (i) => `let t${i} = ${part('rowSums', i)};`) : ''}`;
}
