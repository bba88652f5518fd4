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
  /** Rows and columns of the result that one invocation computes: 1, or 4 in vectors. */
  perThread: 1 | 4;
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

/** Declarations for the module. Transposed, k first, so that an invocation's rows lie side by side. */
export const tileMemory = ({ perThread }: TileOptions): string => {
  const type = perThread === 4 ? 'vec4f' : 'f32';
  return `
var<workgroup> tileA: array<${type}, ${TILE_THREADS * DEPTH}>;
var<workgroup> tileB: array<${type}, ${TILE_THREADS * DEPTH}>;`;
};

/**
 * Statements that leave the sums in `s0_0`, `s0_1`, … (row, column within the invocation). They expect `m`, `n` and
 * `k`, the tile's first `row` and `col`, and the builtins `local` (id) and `index`.
 */
export function tileSums({ perThread, loadA, loadB, rowSums = false }: TileOptions): string {
  const vectors = perThread === 4;
  const part = (name: string, i: number) => (vectors ? `${name}[${i}]` : name);
  const zero = vectors ? 'vec4f()' : '0.0';
  // An invocation stages the terms of one place in the sum, for its share of the rows and of the columns.
  return `
  ${repeat(perThread, (i) => `var sums${i} = ${zero};`)}
  ${rowSums ? `var rowSums = ${zero};` : ''}
  let stagedPlace = index / ${TILE_THREADS}u;
  let stagedRow = row + (index % ${TILE_THREADS}u) * ${perThread}u;
  let stagedCol = col + (index % ${TILE_THREADS}u) * ${perThread}u;
  for (var first = 0u; first < k; first += ${DEPTH}u) {
    let d = first + stagedPlace;
    var termsA = ${zero};
    var termsB = ${zero};
    if (d < k) {
      ${repeat(perThread, (i) => `{ let r = stagedRow + ${i}u; if (r < m) { ${part('termsA', i)} = ${loadA}; } }`, '\n      ')}
      ${repeat(perThread, (i) => `{ let c = stagedCol + ${i}u; if (c < n) { ${part('termsB', i)} = ${loadB}; } }`, '\n      ')}
    }
    tileA[index] = termsA;
    tileB[index] = termsB;
    workgroupBarrier();
    for (var place = 0u; place < ${DEPTH}u; place++) {
      let a = tileA[place * ${TILE_THREADS}u + local.y];
      let b = tileB[place * ${TILE_THREADS}u + local.x];
      ${repeat(perThread, (i) => `sums${i} += ${part('a', i)} * b;`, '\n      ')}
      ${rowSums ? 'rowSums += a;' : ''}
    }
    workgroupBarrier();
  }
  ${repeat(perThread, (i) => repeat(perThread, (j) => `let s${i}_${j} = ${part(`sums${i}`, j)};`, ' '))}
  ${rowSums ? repeat(perThread, (i) => `let t${i} = ${part('rowSums', i)};`) : ''}`;
}
