/**
 * Computes how many runs train at once and how many steps a chunk may have, from the memory that a kernel variant needs and
 * the limits of the device. Nothing is allocated here.
 */
import { HYPER, STEP, SUMS } from '../../shaders/train/chunk.wgsl.js';
import type { Device } from '../gpu/device.js';
import type { KernelFootprint, KernelShape } from '../kernels/train/training-kernel.js';
import { LockstepError } from '../platform/errors.js';

/** The most bytes that the buffers of a chunk's batches take together. */
const CHUNK_BYTES = 256 * 2 ** 20;
const MOST_SLOTS = 4096;

export interface MemoryPlan {
  slots: number;
  /** Steps that one chunk holds, of all runs together. */
  capacity: number;
  /** Samples from one batch to the next in the shared buffers. */
  batchPitch: number;
  /** Set if fewer runs fit than were wanted: what limits them. */
  note?: string;
}

/** @throws LockstepError `unsupported` where not even one run fits. */
export function planMemory(
  device: Device,
  shape: KernelShape,
  footprint: KernelFootprint,
  wanted: number,
  stepsPerChunk: number,
): MemoryPlan {
  const binding = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const { batchPitch } = footprint;
  const sums = 4 * SUMS.length * batchPitch;
  const largest = Math.max(sums, 4 * HYPER.words, ...footprint.slotBuffers);
  const fitting = Math.min(MOST_SLOTS, Math.floor(binding / largest));
  if (fitting < 1) {
    throw new LockstepError(
      'unsupported',
      `One run of ${shape.features} features, ${shape.hidden} hidden units and batches of ${shape.batch} takes ` +
        `${largest} bytes in one buffer; this device binds at most ${binding}. Make the network or the batch smaller.`,
    );
  }
  const slots = Math.min(wanted, fitting);
  const bytesPerStep = Math.max(4 * batchPitch, 4 * STEP.words, footprint.bytesPerStep);
  const capacity = Math.max(
    slots,
    Math.min(slots * stepsPerChunk, Math.floor(Math.min(binding, CHUNK_BYTES) / bytesPerStep)),
  );
  const note =
    slots < wanted
      ? `${slots} of ${wanted} runs at a time: one takes ${largest} bytes, this device binds ${binding} at once`
      : undefined;
  return { slots, capacity, batchPitch, note };
}
