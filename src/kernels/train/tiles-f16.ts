/**
 * The training tiles (shaders/train/tiles/train.wgsl.ts) with the products of bits by numbers done by the GPU's matrix units: each
 * number in three f16 parts, which lose nothing of it (shaders/train/tiles/products.wgsl.ts). Launched as tiles-batched.ts does. Only
 * by name: no GPU has run it yet, and what it needs is an experiment of Dawn's.
 */

import { TrainTiles, tilesFootprint } from './tiles.js';
import { BatchedKernel, batchedVariant, ENTRIES } from './tiles-batched.js';
import type { KernelVariant } from './training-kernel.js';

const PER_THREAD = 4;
const MATRICES = '16 x 16 x 16, f16 to f32';
/** The fewest lanes of the largest subgroups: with fewer there would be more subgroups than matrices. */
const LEAST_LANES = 16;
const FEATURES = ['shader-f16', 'chromium-experimental-subgroup-matrix'] as readonly GPUFeatureName[];

export const f16Variant: KernelVariant = {
  name: 'tiles-f16',
  note: 'no GPU has run this kernel yet: compare its results with those of tiles-batched',
  refusal(adapter, shape) {
    const { features, info } = adapter;
    const missing = FEATURES.filter((name) => !features.has(name));
    if (missing.length > 0) {
      return (
        `the device has no ${missing.join(' and no ')}. Some GPUs have them, where openDevice is given ` +
        'subgroupMatrices, as `bench --kernel tiles-f16` does.'
      );
    }
    const { subgroupMatrices = [], subgroupMaxSize: lanes } = info;
    if (!subgroupMatrices.includes(MATRICES))
      return `it needs subgroup matrices of ${MATRICES}; this device has ${subgroupMatrices.join('; ') || 'none'}.`;
    if (lanes < LEAST_LANES)
      return `it needs subgroups of ${LEAST_LANES} lanes or more; this device has ${lanes}.`;
    return batchedVariant.refusal(adapter, shape);
  },
  footprint: (shape) => tilesFootprint(shape, PER_THREAD),
  async create(device, shape, buffers) {
    const lanes = device.info.subgroupMaxSize;
    const tiles = await TrainTiles.create(device, shape, PER_THREAD, buffers, ENTRIES, lanes);
    return new BatchedKernel(tiles, 'tiles-f16');
  },
};
