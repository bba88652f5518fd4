/**
 * Bytes and operations of the training tiles, counted as src/gpu/cost.ts says. H: hidden units, N: features, B:
 * samples of a batch.
 */

import { type PerThread, type TilesOptions, UNIT_BLOCK } from '../../../shaders/train/tiles/size.js';
import type { Cost, Costs } from '../../gpu/cost.js';
import { tilesLayout } from './tiles.js';
import {
  ADAMW_FLOPS,
  type ChunkSize,
  gatherBytes,
  SAMPLE_FLOPS,
  stateBytes,
  sumsBytes,
} from './training-cost.js';
import type { KernelShape } from './training-kernel.js';

type Whole = Required<Cost>;

const plus = (...costs: Whole[]): Whole => ({
  bytes: costs.reduce((sum, { bytes }) => sum + bytes, 0),
  flops: costs.reduce((sum, { flops }) => sum + flops, 0),
});
const times = ({ bytes, flops }: Whole, factor: number): Whole => ({
  bytes: factor * bytes,
  flops: factor * flops,
});

/** The parts of one step of one run. */
function partsOf(shape: KernelShape, perThread: PerThread) {
  const { features: N, hidden: H, batch: B } = shape;
  const { rowWords, featureQuads, sampleQuads } = tilesLayout(shape, perThread);
  const rows = 4 * B * rowWords;
  const blocks = Math.ceil(H / UNIT_BLOCK);
  const active = 4 * Math.ceil(H / perThread) * sampleQuads;
  const dots = 4 * H * featureQuads;
  return {
    gather: { bytes: gatherBytes(shape) + rows + 4 * B, flops: 0 },
    // A product and a sum for each weight and sample. For each unit and sample: bias, sign, relu, the product by the
    // output weight, and the sum of those products, which takes one addition less in each block; b2.
    forward: {
      bytes: 4 * (H * N + 2 * H + 1) + rows + active + 4 * B * blocks,
      flops: B * (2 * H * N + 5 * H - blocks + 1),
    },
    // The outputs' parts and the losses. Each tile computes them for itself; counted once.
    loss: {
      bytes: 4 * B * blocks + 4 * (B + 4) + sumsBytes(shape),
      flops: B * (blocks - 1 + SAMPLE_FLOPS),
    },
    // A product and a sum for each weight and sample; a sum for each bias and for b2; w1 . G over each four features;
    // the product by w2; AdamW.
    backward: {
      bytes: rows + active + 2 * 3 * 4 * H * N + 4 * H + dots + 4 * H + 4,
      flops: B * (2 * H * N + H + 1) + H * (2 * N - featureQuads) + H * N + ADAMW_FLOPS * H * N,
    },
    // The sums of those parts of w1 . G; the gradients of b1 (a product) and w2 (a product and a sum); AdamW.
    vectors: {
      bytes: dots + 4 * H + 4 + 2 * 3 * 4 * (2 * H + 1),
      flops: H * featureQuads + 3 * H + ADAMW_FLOPS * (2 * H + 1),
    },
  };
}

/** All parts in one launch. Batches are read each step; weights, moments and sums are read and written once a chunk. */
export function persistentCosts(
  shape: KernelShape,
  perThread: PerThread,
  { positions, runSteps }: ChunkSize,
): Costs {
  const { gather, ...parts } = partsOf(shape, perThread);
  const { rowWords } = tilesLayout(shape, perThread);
  return {
    'tiles-gather': times(gather, runSteps),
    'tiles-train': {
      bytes:
        runSteps * (4 * shape.batch * (rowWords + 1) + 16) +
        positions * (stateBytes(shape) + sumsBytes(shape)),
      flops: runSteps * plus(...Object.values(parts)).flops,
    },
  };
}

/**
 * Loss and backward pass in one launch; with a single tile of features also the vectors.
 *
 * @param isOne Whether all of a step is one launch.
 * @param lanes Where matrices do the products: what they multiply three times over counts once.
 */
export function batchedCosts(
  shape: KernelShape,
  perThread: PerThread,
  { runSteps }: ChunkSize,
  isOne = false,
  lanes?: TilesOptions['lanes'],
): Costs {
  const { gather, forward, loss, backward, vectors } = partsOf(shape, perThread);
  const apart: Record<string, Whole> =
    tilesLayout(shape, perThread, false, lanes).featureTiles > 1
      ? { 'tiles-backward': plus(loss, backward), 'tiles-vectors': vectors }
      : { 'tiles-backward': plus(loss, backward, vectors) };
  const step: Record<string, Whole> = isOne
    ? { 'tiles-advance': plus(forward, loss, backward, vectors) }
    : { 'tiles-forward': forward, ...apart };
  const all = { 'tiles-gather': gather, ...step };
  return Object.fromEntries(Object.entries(all).map(([label, cost]) => [label, times(cost, runSteps)]));
}
