/**
 * Times kernel variants on a device: a few steps of each on the real shape and number of runs, with weights and data of
 * zeros. For choosing between variants only; figures to publish come from benchmarks/.
 */

import { HYPER, POSITION, SOURCE, STEP } from '../../../shaders/train/chunk.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { BufferUsage } from '../../gpu/usage.js';
import type { DataBank, KernelShape, KernelVariant } from '../../kernels/train/training-kernel.js';
import { allocateChunkBuffers, freeChunkBuffers } from '../chunk-buffers.js';
import { planMemory } from '../memory-plan.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
/** A chunk this long is long enough: the host's own part is about a millisecond. */
const ENOUGH_MS = 20;
const MOST_STEPS = 64;
/** Chunks of the final length, of which the fastest counts. */
const REPEATS = 3;

/** Milliseconds for one step of all `runs` together. */
export async function timeKernel(
  device: Device,
  variant: KernelVariant,
  shape: KernelShape,
  runs: number,
): Promise<number> {
  const plan = planMemory(device, shape, variant.footprint(shape, device), runs, MOST_STEPS);
  const { slots, batchPitch } = plan;
  const most = Math.max(1, Math.min(MOST_STEPS, Math.floor(plan.capacity / slots)));
  const made: GPUBuffer[] = [];
  const words = (count: number) => {
    const buffer = device.allocate('kernel timing', 4 * count, STORAGE);
    made.push(buffer);
    return buffer;
  };
  const capacity = most * slots;
  const hyper = { decay: 1, beta1: 0.9, oneMinusBeta1: 0.1, beta2: 0.99, oneMinusBeta2: 0.01, eps: 1e-8 };
  const step = { stepSize: 1e-3, invRootCorrection2: 1, invCount: 1 / shape.batch, count: shape.batch };
  // All else is 0, so every sample is the first row.
  const buffers = allocateChunkBuffers(device, { slots, capacity, batchPitch });
  const { commands } = device;
  commands.write(buffers.hypers, 0, HYPER.array(Array(slots).fill(hyper)));
  commands.write(buffers.steps, 0, STEP.array(Array(capacity).fill(step)));
  const bank: DataBank = {
    rows: words(Math.ceil(shape.features / 32)),
    labels: words(1),
    sources: words(SOURCE.words * slots),
  };
  const kernel = await variant.create(device, shape, buffers);
  const chunk = async (steps: number): Promise<number> => {
    const entries = Array.from({ length: slots }, (_, k) => k);
    commands.write(buffers.positions, 0, POSITION.array(entries.map((slot) => ({ slot, steps, closes: 0 }))));
    commands.write(
      bank.sources,
      0,
      SOURCE.array(entries.map((position) => ({ position, steps, rows: 0, labels: 0 }))),
    );
    const recorder = device.commands.record('kernel timing');
    const banks = [{ bank, entries: slots }];
    kernel.encode(recorder, { positions: slots, steps, runSteps: steps * slots, banks });
    const start = performance.now();
    recorder.submit();
    await device.sync();
    return performance.now() - start;
  };
  try {
    await chunk(1); // the driver compiles during this one
    let steps = 1;
    let ms = await chunk(steps);
    while (ms < ENOUGH_MS && steps < most) {
      steps = Math.min(most, 4 * steps);
      ms = await chunk(steps);
    }
    for (let k = 1; k < REPEATS; k++) ms = Math.min(ms, await chunk(steps));
    return ms / steps;
  } finally {
    kernel.destroy();
    freeChunkBuffers(device, buffers);
    for (const buffer of made) device.free(buffer);
  }
}
