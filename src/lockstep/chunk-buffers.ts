/** Allocates and frees the buffers that a training kernel and its caller share. training-kernel.ts describes their content. */

import { HYPER, POSITION, STEP, SUMS } from '../../shaders/train/chunk.wgsl.js';
import type { Device } from '../gpu/device.js';
import { BufferUsage } from '../gpu/usage.js';
import type { ChunkBuffers } from '../kernels/train/training-kernel.js';
import type { MemoryPlan } from './memory-plan.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

export function allocateChunkBuffers(
  device: Device,
  { slots, capacity, batchPitch }: Pick<MemoryPlan, 'slots' | 'capacity' | 'batchPitch'>,
): ChunkBuffers {
  const words = (label: string, count: number) => device.allocate(label, 4 * count, STORAGE);
  return {
    slots,
    capacity,
    positions: words('positions', POSITION.words * slots),
    hypers: words('hyperparameters', HYPER.words * slots),
    steps: words('step sizes', STEP.words * capacity),
    order: words('epoch order', batchPitch * capacity),
    paused: words('paused', slots),
    sums: words('window sums', SUMS.length * batchPitch * slots),
  };
}

export function freeChunkBuffers(device: Device, buffers: ChunkBuffers): void {
  const { positions, hypers, steps, order, paused, sums } = buffers;
  for (const buffer of [positions, hypers, steps, order, paused, sums]) device.free(buffer);
}
