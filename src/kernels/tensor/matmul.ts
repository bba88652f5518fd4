/** Launches products of matrices (shaders/tensor/matmul.wgsl.ts). Callers check the shapes. */

import { tileSize } from '../../../shaders/shared/tile.wgsl.js';
import { matmulShader } from '../../../shaders/tensor/matmul.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { broadcastShapes, broadcastStrides, collapse, numelOf } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { hasFewRegisters } from '../few-registers.js';
import { tileGrid } from '../grid.js';
import { launch, Words } from './launch.js';

/**
 * In results with fewer elements than this, an invocation computes a single one: more workgroups with less work each.
 */
const SMALL = 4096;
/** In results with at least this many rows and columns, an invocation computes 8 x 8 elements. */
const WIDE = 64;

/** An invocation computes this many rows and columns of the result; `auto` chooses by size. */
export type MatmulVariant = 'auto' | 1 | 4 | 8;

/**
 * In batches of smaller results that have this many rows or columns, an invocation computes 4 x 4: 2 to 8 times as
 * fast.
 */
const NARROW = 16;

function fitting(device: Device, m: number, n: number, batches: number): 1 | 4 | 8 {
  if (m * n >= SMALL) return Math.min(m, n) >= WIDE && !hasFewRegisters(device) ? 8 : 4;
  return batches > 1 && batches * m * n >= SMALL && Math.max(m, n) >= NARROW ? 4 : 1;
}

/**
 * `a [..., m, k] @ b [..., k, n] + bias [n]`. The batch axes broadcast; the result is dense. Operands may have any
 * strides: a transposed view is read as it lies.
 */
export function matmul(a: Tensor, b: Tensor, bias?: Tensor, variant: MatmulVariant = 'auto'): Tensor {
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShapes('matmul', batchA, batchB);
  const batches = numelOf(batch);
  const output = Tensor.empty(a.device, [...batch, m, n], 'f32');
  if (output.numel === 0) return output;
  const merged = collapse(batch, [
    broadcastStrides(batchA, a.strides.slice(0, -2), batch),
    broadcastStrides(batchB, b.strides.slice(0, -2), batch),
  ]);
  const perThread = variant === 'auto' ? fitting(a.device, m, n, batches) : variant;
  const tile = tileSize(perThread);
  const { grid, counted } = tileGrid(Math.ceil(n / tile), Math.ceil(m / tile), batches);
  const shader = { perThread, batchRank: merged.shape.length, bias: bias !== undefined, counted } as const;
  const params = new Words()
    .u32(m, n, k, batches)
    .u32(a.offset, ...a.strides.slice(-2))
    .u32(b.offset, ...b.strides.slice(-2))
    .u32(bias?.offset ?? 0, bias?.strides[0] ?? 0)
    .u32(...merged.shape, ...merged.strides[0], ...merged.strides[1])
    .done();
  const tensors = bias ? [a, b, bias, output] : [a, b, output];
  launch({
    label: 'matmul',
    key: `matmul|${Object.values(shader).join()}`,
    code: () => matmulShader(shader),
    tensors,
    params,
    grid,
    options: shader,
    flops: () => batches * m * n * (2 * k + (bias ? 1 : 0)),
  });
  return output;
}
