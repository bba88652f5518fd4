/**
 * Products of matrices, batched, of any strides, so that a transpose needs no copy; with a bias added on the way out
 * where asked. A workgroup of 8 x 8 invocations computes a tile of the result, each invocation a square of it in
 * registers. Sums run over k in order.
 *
 * Params (32-bit words): m, n, k, batches; offset, row stride and column stride of a, then of b; offset and stride of
 * the bias; then the batch extents, a's batch strides, b's batch strides. The result is dense, [batch, m, n].
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';

export interface MatmulShaderOptions {
  /** Rows and columns of the result that one invocation computes: a tile has 8 times as many. */
  perThread: 1 | 4;
  /** Axes of the batch after merging. */
  batchRank: number;
  bias: boolean;
}

const THREADS = 8;
/** Products whose terms are in workgroup memory at once. */
const DEPTH = 8;

export const matmulTile = (perThread: number): number => THREADS * perThread;

export function matmulShader({ perThread, batchRank, bias }: MatmulShaderOptions): string {
  const tile = matmulTile(perThread);
  const loads = (tile * DEPTH) / (THREADS * THREADS);
  const fixed = 12;
  const word = (at: number) => `params[${at >> 2}][${at & 3}]`;
  const each = (f: (i: number) => string) => Array.from({ length: perThread }, (_, i) => f(i));
  const square = (f: (i: number, j: number) => string) =>
    each((i) => each((j) => f(i, j)).join(' ')).join('\n    ');
  const batchOffset = (operand: number) =>
    Array.from({ length: batchRank }, (_, k) => batchRank - 1 - k)
      .map((axis) => {
        const stride = word(fixed + batchRank * (1 + operand) + axis);
        const extent = word(fixed + axis);
        return axis === 0
          ? `at += rest * ${stride};`
          : `at += (rest % ${extent}) * ${stride}; rest /= ${extent};`;
      })
      .join(' ');
  return wgsl`
@group(0) @binding(0) var<uniform> params: array<vec4u, ${Math.ceil((fixed + 3 * batchRank) / 4)}>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
#if ${bias}
@group(0) @binding(3) var<storage, read> biases: array<f32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;
#else
@group(0) @binding(3) var<storage, read_write> result: array<f32>;
#endif
// Transposed, k first, so that an invocation's rows lie side by side.
var<workgroup> tileA: array<f32, ${tile * DEPTH}>;
var<workgroup> tileB: array<f32, ${tile * DEPTH}>;

fn batchOffsetA(batch: u32) -> u32 { var at = ${word(4)}; var rest = batch; ${batchOffset(0)} return at; }
fn batchOffsetB(batch: u32) -> u32 { var at = ${word(7)}; var rest = batch; ${batchOffset(1)} return at; }

@compute @workgroup_size(${THREADS}, ${THREADS})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let m = params[0].x;
  let n = params[0].y;
  let k = params[0].z;
  let row = workgroup.y * ${tile}u;
  let col = workgroup.x * ${tile}u;
  let startA = batchOffsetA(workgroup.z);
  let startB = batchOffsetB(workgroup.z);
  let rowStrideA = ${word(5)};
  let colStrideA = ${word(6)};
  let rowStrideB = ${word(8)};
  let colStrideB = ${word(9)};
  ${square((i, j) => `var s${i}_${j} = 0.0;`)}
  for (var first = 0u; first < k; first += ${DEPTH}u) {
    for (var load = 0u; load < ${loads}u; load++) {
      let at = load * ${THREADS * THREADS}u + index;
      let inK = first + at / ${tile}u;
      let inTile = at % ${tile}u;
      var fromA = 0.0;
      var fromB = 0.0;
      if (inK < k && row + inTile < m) { fromA = a[startA + (row + inTile) * rowStrideA + inK * colStrideA]; }
      if (inK < k && col + inTile < n) { fromB = b[startB + inK * rowStrideB + (col + inTile) * colStrideB]; }
      tileA[at] = fromA;
      tileB[at] = fromB;
    }
    workgroupBarrier();
    for (var d = 0u; d < ${DEPTH}u; d++) {
      let baseA = d * ${tile}u + local.y * ${perThread}u;
      let baseB = d * ${tile}u + local.x * ${perThread}u;
      ${each((i) => `let a${i} = tileA[baseA + ${i}u]; let b${i} = tileB[baseB + ${i}u];`).join('\n      ')}
      ${square((i, j) => `s${i}_${j} += a${i} * b${j};`)}
    }
    workgroupBarrier();
  }
  let ownRow = row + local.y * ${perThread}u;
  let ownCol = col + local.x * ${perThread}u;
  let start = workgroup.z * m * n;
  ${each(
    (j) => `{
    let c = ownCol + ${j}u;
    if (c < n) {
      let added = ${bias ? `biases[${word(10)} + c * ${word(11)}]` : '0.0'};
      ${each((i) => `if (ownRow + ${i}u < m) { result[start + (ownRow + ${i}u) * n + c] = s${i}_${j} + added; }`).join('\n      ')}
    }
  }`,
  ).join('\n  ')}
}
`;
}
