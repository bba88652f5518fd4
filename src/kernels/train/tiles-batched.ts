/**
 * Launches the training tiles (shaders/train/tiles/train.wgsl.ts) over all runs at once: one to three dispatches a
 * step, a workgroup for each tile. For few runs and for wide networks: there one workgroup for each run would leave
 * most of a GPU idle.
 */

import type { PerThread } from '../../../shaders/train/tiles/size.js';
import type { Device } from '../../gpu/device.js';
import type { Recorder } from '../../gpu/recorder.js';
import { hasFewRegisters } from '../few-registers.js';
import { type Entry, MOST_ADVANCED, TilesKernel, TrainTiles, tilesFootprint, tilesLayout } from './tiles.js';
import { batchedCosts } from './tiles-cost.js';
import type { ChunkSize } from './training-cost.js';
import type { Chunk, KernelName, KernelShape, KernelVariant } from './training-kernel.js';

export const ENTRIES: readonly Entry[] = ['forward', 'backward', 'vectors'];
/**
 * Large tiles are taken if there are this many workgroups of them. They do more for each load, but it takes more work
 * to fill a GPU.
 */
const MANY_TILES = 256;
/** Quads of hidden units that a workgroup of `vectors` takes. */
const VECTOR_QUADS = 256;

/**
 * Depends on device, shape and slots, which stay the same while runs come and go. The results are the same bits with either
 * size.
 */
function perThread(device: Device, shape: KernelShape, slots: number): PerThread {
  if (hasFewRegisters(device)) return 4;
  const { unitTiles, sampleTiles } = tilesLayout(shape, 8);
  return unitTiles * sampleTiles * slots >= MANY_TILES ? 8 : 4;
}

/** One launch a step for small tiles of all features: the gaps between launches are most of a step where there are few runs. */
function entriesFor({ info }: Device, { features }: KernelShape, size: PerThread): readonly Entry[] {
  return !info.isCpu && size === 4 && features <= MOST_ADVANCED ? ['advance'] : ENTRIES;
}

export const batchedVariant: KernelVariant = {
  name: 'tiles-batched',
  refusal({ limits }, shape) {
    const { unitTiles, sampleTiles, unitBlocks, featureTiles } = tilesLayout(shape, 4);
    const tiles = Math.max(unitTiles * sampleTiles, unitBlocks * featureTiles);
    const most = limits.maxComputeWorkgroupsPerDimension;
    return tiles > most ? `a step of one run has ${tiles} tiles, this device takes ${most}.` : undefined;
  },
  footprint(shape) {
    // Which of them depends on the slots, and those on the footprint.
    const [first, ...others] = [
      tilesFootprint(shape, 4, true),
      ...([4, 8] as const).map((size) => tilesFootprint(shape, size)),
    ];
    const slotBuffers = first.slotBuffers.map((bytes, k) =>
      Math.max(bytes, ...others.map((other) => other.slotBuffers[k])),
    );
    return { ...first, slotBuffers };
  },
  async create(device, shape, buffers) {
    const size = perThread(device, shape, buffers.slots);
    const entries = entriesFor(device, shape, size);
    return new BatchedKernel(await TrainTiles.create(device, shape, size, buffers, entries));
  },
};

export class BatchedKernel extends TilesKernel {
  readonly name: KernelName;

  constructor(tiles: TrainTiles, name: KernelName = 'tiles-batched') {
    super(tiles);
    this.name = name;
  }

  encode(recorder: Recorder, chunk: Chunk): void {
    recorder.upload(this.tiles.scratch, 0, new Uint32Array(2));
    this.tiles.begin(recorder, chunk);
    const launch = (entry: Entry, groups: number) =>
      this.tiles.launch(recorder, entry, groups, chunk.positions);
    const { unitTiles, sampleTiles, unitBlocks, featureTiles, unitQuads } = this.tiles.layout;
    if (this.tiles.has('advance')) {
      // The first one has only a forward pass, the last one only a backward pass.
      for (let step = 0; step <= chunk.steps; step++) launch('advance', unitBlocks + (step % 2));
      return;
    }
    for (let step = 0; step < chunk.steps; step++) {
      launch('forward', unitTiles * sampleTiles);
      launch('backward', unitBlocks * featureTiles);
      // With a single tile of features, `backward` also does the work of `vectors`.
      if (featureTiles > 1) launch('vectors', Math.ceil((unitQuads + 1) / VECTOR_QUADS));
    }
  }

  costs(chunk: ChunkSize) {
    const { shape, perThread, lanes } = this.tiles;
    return batchedCosts(shape, perThread, chunk, this.tiles.has('advance'), lanes);
  }
}
