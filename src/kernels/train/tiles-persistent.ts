/**
 * Launches the training tiles (shaders/train/tiles/train.wgsl.ts) with one workgroup for each run: it does all steps
 * of a chunk in one dispatch and waits only at its own barriers. For GPUs and many runs; with few runs most of a GPU
 * stands idle, and tiles-batched.ts is faster.
 */

import type { PerThread } from '../../../shaders/train/tiles/size.js';
import type { Device } from '../../gpu/device.js';
import type { Recorder } from '../../gpu/recorder.js';
import { hasFewRegisters } from '../few-registers.js';
import { TilesKernel, TrainTiles, tilesFootprint } from './tiles.js';
import { persistentCosts } from './tiles-cost.js';
import type { ChunkSize } from './training-cost.js';
import type { Chunk, KernelVariant } from './training-kernel.js';

/**
 * The most multiply-adds in one step of one run, forward, that a single workgroup takes on: 2 to 20 ms on a GPU core.
 * With more, a single step could last longer than a dispatch may.
 */
const MOST_PRODUCTS = 2 ** 27;

/**
 * Small tiles on a CPU driver: there more registers mean more memory traffic and seconds of compiling. The results
 * are the same bits.
 */
const perThread = (device: Device): PerThread => (device.info.isCpu || hasFewRegisters(device) ? 4 : 8);

export const persistentVariant: KernelVariant = {
  name: 'tiles-persistent',
  refusal(_, { features, hidden, batch }) {
    const products = features * hidden * batch;
    if (products <= MOST_PRODUCTS) return undefined;
    return (
      `a step of one run has ${features} x ${hidden} x ${batch} = ${products} products, too many for the one workgroup ` +
      `that it would run in (${MOST_PRODUCTS}).`
    );
  },
  footprint: (shape, device) => tilesFootprint(shape, perThread(device)),
  async create(device, shape, buffers) {
    return new PersistentKernel(
      await TrainTiles.create(device, shape, perThread(device), buffers, ['train']),
    );
  },
};

class PersistentKernel extends TilesKernel {
  readonly name = 'tiles-persistent';

  encode(recorder: Recorder, chunk: Chunk): void {
    this.tiles.begin(recorder, chunk);
    this.tiles.launch(recorder, 'train', chunk.positions);
  }

  costs(chunk: ChunkSize) {
    return persistentCosts(this.tiles.shape, this.tiles.perThread, chunk);
  }
}
