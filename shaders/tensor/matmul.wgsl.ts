/**
 * Products of matrices, batched, of any strides, so that a transpose needs no copy; with a bias added on the way out
 * where asked (shared/tile.wgsl.ts does the sums).
 *
 * Params (32-bit words): m, n, k, batches; offset, row stride and column stride of a, then of b; offset and stride of
 * the bias; then the batch extents, a's batch strides, b's batch strides. The result is dense, [batch, m, n].
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import {
  repeat,
  TILE_THREADS,
  type TileOptions,
  tileMemory,
  tileSize,
  tileSums,
} from '../shared/tile.wgsl.js';

interface MatmulShaderOptions {
  /** Rows and columns of the result that one invocation computes: a tile has 8 times as many. */
  perThread: 1 | 4 | 8;
  /** Axes of the batch after merging. */
  batchRank: number;
  bias: boolean;
}

export function matmulShader({ perThread, batchRank, bias }: MatmulShaderOptions): string {
  const tile = tileSize(perThread);
  const fixed = 12;
  const word = (at: number) => `params[${at >> 2}][${at & 3}]`;
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
  const product: TileOptions = {
    perThread,
    loadA: `a[startA + r * ${word(5)} + d * ${word(6)}]`,
    loadB: `b[startB + d * ${word(8)} + c * ${word(9)}]`,
  };
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
${tileMemory(product)}

fn batchOffsetA(batch: u32) -> u32 { var at = ${word(4)}; var rest = batch; ${batchOffset(0)} return at; }
fn batchOffsetB(batch: u32) -> u32 { var at = ${word(7)}; var rest = batch; ${batchOffset(1)} return at; }

@compute @workgroup_size(${TILE_THREADS}, ${TILE_THREADS})
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
  ${tileSums(product)}
  let ownRow = row + local.y * ${perThread}u;
  let ownCol = col + local.x * ${perThread}u;
  let start = workgroup.z * m * n;
  ${repeat(
    perThread,
    (j) => `{
    let c = ownCol + ${j}u;
    if (c < n) {
      let added = ${bias ? `biases[${word(10)} + c * ${word(11)}]` : '0.0'};
      ${repeat(perThread, (i) => `if (ownRow + ${i}u < m) { result[start + (ownRow + ${i}u) * n + c] = s${i}_${j} + added; }`)}
    }
  }`,
  )}
}
`;
}
