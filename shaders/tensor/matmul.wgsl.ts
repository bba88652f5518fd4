/**
 * Products of matrices, batched. Operands may have any strides, so that a transpose needs no copy; a bias is added at
 * the end where there is one. shared/tile.wgsl.ts does the sums. The result is dense, [batch, m, n].
 */
import { tileMemory, tilePlace, tileSums } from '../shared/tile.wgsl.js';
import { wgsl } from '../wgsl.js';

interface MatmulShaderOptions {
  /** Rows and columns of the result that one invocation computes; a tile has 8 times as many. */
  perThread: 1 | 4 | 8;
  /** Axes of the batch left after merging. */
  batchRank: number;
  bias: boolean;
  /** How the tiles are launched: see `tileGrid` in src/kernels/grid.ts. */
  counted: boolean;
}

const LOAD_A = 'a[startA + r * params.rowStrideA + d * params.columnStrideA]';
const LOAD_B = 'b[startB + d * params.rowStrideB + c * params.columnStrideB]';

export function matmulShader({ perThread, batchRank, bias, counted }: MatmulShaderOptions): string {
  const operands = ['A', 'B'];
  /** Axes of the batch, from the last to the second. */
  const fromLast = Array.from({ length: Math.max(0, batchRank - 1) }, (_, k) => batchRank - 1 - k);
  return wgsl`
${tileMemory({ perThread })}

/** The result is [batches, m, n]; sums run over k. */
struct Params {
  m: u32,
  n: u32,
  k: u32,
  batches: u32,
  #for X in ${operands}
  offset$X: u32,
  rowStride$X: u32,
  columnStride$X: u32,
  #endfor
  biasOffset: u32,
  biasStride: u32,
  #for axis in ${batchRank}
  extent$axis: u32,
  #endfor
  #for X in ${operands}
  #for axis in ${batchRank}
  batchStride$X_$axis: u32,
  #endfor
  #endfor
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
#if ${bias}
@group(0) @binding(3) var<storage, read> biases: array<f32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;
#else
@group(0) @binding(3) var<storage, read_write> result: array<f32>;
#endif

#for X in ${operands}
/** Where a batch begins. */
fn batchStart$X(batch: u32) -> u32 {
  var at = params.offset$X;
  var rest = batch;
  #for axis in ${fromLast}
  at += (rest % params.extent$axis) * params.batchStride$X_$axis;
  rest /= params.extent$axis;
  #endfor
  #if ${batchRank > 0}
  at += rest * params.batchStride$X_0;
  #endif
  return at;
}

#endfor
@compute @workgroup_size(tileThreads, tileThreads)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let m = params.m;
  let n = params.n;
  let k = params.k;
  #if ${counted}
  let across = (n + (tileSide - 1u)) / tileSide;
  let down = (m + (tileSide - 1u)) / tileSide;
  #endif
  ${tilePlace({ across: 'across', down: 'down', batches: 'params.batches', counted })}
  let startA = batchStartA(batch);
  let startB = batchStartB(batch);
  ${tileSums({ perThread, loadA: LOAD_A, loadB: LOAD_B })}
  let ownRow = row + local.y * perThread;
  let ownCol = col + local.x * perThread;
  let start = batch * m * n;
  #for j in ${perThread}
  {
    let c = ownCol + $j;
    if (c < n) {
      #if ${bias}
      let added = biases[params.biasOffset + c * params.biasStride];
      #else
      let added = 0.0;
      #endif
      #for i in ${perThread}
      if (ownRow + $i < m) { result[start + (ownRow + $i) * n + c] = s$i_$j + added; }
      #endfor
    }
  }
  #endfor
}
`;
}
