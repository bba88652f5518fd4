/**
 * Bytes and operations of the portable and the subgroup training kernels, counted as src/gpu/cost.ts says. H: hidden
 * units, N: features, B: samples of a batch.
 */
import { SUMS } from '../../../shaders/train/chunk.wgsl.js';
import { bitGroups, type SubgroupOptions, subgroupLayout } from '../../../shaders/train/subgroup/layout.js';
import type { Costs } from '../../gpu/cost.js';
import type { Chunk, KernelShape } from './training-kernel.js';

export type ChunkSize = Pick<Chunk, 'positions' | 'steps' | 'runSteps'>;

/**
 * Loss and gradient of a sample: 16 operations in bce.wgsl.ts, three of them functions; dividing both by the batch
 * size; adding up.
 */
export const SAMPLE_FLOPS = 19;
/** AdamW on one parameter: 3 operations for the first moment, 4 for the second, 7 for the parameter. */
export const ADAMW_FLOPS = 14;

/** Words of a sample: its bits and its label. */
const sampleWords = ({ features }: KernelShape) => Math.ceil(features / 32) + 1;
const parametersOf = ({ features, hidden }: KernelShape) => hidden * features + 2 * hidden + 1;

/** Bytes to look up the samples of one step: an index, the row and the label of each. */
export const gatherBytes = (shape: KernelShape) => 4 * shape.batch * (1 + sampleWords(shape));
/** Bytes of the window's sums of one run, read and written. */
export const sumsBytes = ({ batch }: KernelShape) => 2 * 4 * SUMS.length * batch;
/** Bytes of one run's weights and moments, read and written. */
export const stateBytes = (shape: KernelShape) => 2 * 3 * 4 * parametersOf(shape);

/** Multiplies all costs by a factor. */
function scaled(costs: Record<string, { bytes: number; flops: number }>, factor: number): Costs {
  return Object.fromEntries(
    Object.entries(costs).map(([label, { bytes, flops }]) => [
      label,
      { bytes: bytes * factor, flops: flops * factor },
    ]),
  );
}

export function portableCosts(shape: KernelShape, { steps, runSteps }: ChunkSize): Costs {
  const { features: N, hidden: H, batch: B } = shape;
  const P = parametersOf(shape);
  const samples = B * sampleWords(shape);
  const aStep = {
    'portable-gather': { bytes: gatherBytes(shape) + 4 * samples, flops: 0 },
    'portable-hidden': { bytes: 4 * (H * N + H + (samples - B) + B * H), flops: B * H * N },
    // relu, product and sum for each unit
    'portable-loss': {
      bytes: 4 * (B * H + H + 1 + 4 + B + B) + sumsBytes(shape),
      flops: B * (3 * H + SAMPLE_FLOPS),
    },
    // A comparison and a sum for each weight and bias of a hidden unit; relu, product and sum for each output weight;
    // a sum for the output bias; then the products by the output weights.
    'portable-gradients': {
      bytes: 4 * (samples - B + B * (H + 1) + H + P),
      flops: B * (2 * H * N + 2 * H + 3 * H + 1) + H * N + H,
    },
    'portable-adamw': { bytes: stateBytes(shape) + 4 * P, flops: ADAMW_FLOPS * P },
  };
  return { ...scaled(aStep, runSteps), 'portable-advance': { bytes: 8 * steps, flops: 0 } };
}

export function subgroupCosts(o: SubgroupOptions, { positions, runSteps }: ChunkSize): Costs {
  const { features: N, hidden: H, batch: B, lanes } = o;
  const { rowGroups, subgroups, log2Lanes, blocks, featureBlocks } = subgroupLayout(o);
  const groups = rowGroups.length;
  const sampleGroups = bitGroups(0, 32, log2Lanes).length;
  const batch = 4 * (B * sampleWords(o) + 4 * N);
  const partials = o.partials === 'storage' ? 2 * 4 * B * subgroups : 0;
  // The tables of subset sums, with the bias in the first; then for each unit and sample the sum of its look-ups,
  // relu, the sign, product and sum.
  const forward = H * lanes * (N - groups + 1) + B * H * (groups - 1 + 4);
  const loss = B * (subgroups + SAMPLE_FLOPS);
  // For each subgroup, the sum of dL/dz2 and the tables of its subset sums; then a look-up and a sum for each group
  // of samples.
  const tables = subgroups * lanes * (blocks - 1 + log2Lanes + 4 * (32 - sampleGroups));
  const lookUps = 4 * sampleGroups * (H * N + H);
  // w1 . G, summed over the lanes of a subgroup; the products by the output weights; two products and a sum for b1
  // and w2.
  const products = H * lanes * (2 * featureBlocks - 1 + log2Lanes) + H * N + 3 * H;
  const flops = forward + loss + tables + lookUps + products + ADAMW_FLOPS * parametersOf(o);
  return {
    'subgroup-gather': { bytes: runSteps * (gatherBytes(o) + batch), flops: 0 },
    'subgroup-train': {
      bytes: runSteps * (batch + partials + 16) + positions * (stateBytes(o) + sumsBytes(o)),
      flops: runSteps * flops,
    },
  };
}
