/**
 * Measures the best that a device reaches: bytes a second in a kernel that only copies, operations a second in one
 * that only multiplies and adds. Other kernels are compared with these figures, not with a data sheet's.
 */
import {
  CEILING_WORKGROUP,
  COPIES,
  copyCeiling,
  FLOPS_A_ROUND,
  multiplyAddCeiling,
} from '../../shaders/ceilings.wgsl.js';
import { bindGroup } from '../gpu/bindings.js';
import { checkDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { BufferUsage } from '../gpu/usage.js';
import { takeProfile } from '../profiler/take-profile.js';

/** The best of several launches. */
export interface Ceilings {
  /** 10^9 bytes a second, those read and those written. */
  gbPerSecond: number;
  /** 10^9 operations a second; a multiply-add is two. */
  gflopPerSecond: number;
  /** Whose clock measured the time. */
  clock: 'device' | 'host';
}

/** Bytes that one launch copies: more than the caches hold. */
const COPIED_BYTES = { cpu: 32 * 2 ** 20, gpu: 256 * 2 ** 20 };
/** Many short launches: on a busy machine some of them run undisturbed. */
const LAUNCHES = 12;
/** Workgroups of the arithmetic kernel: enough to fill any device. */
const GROUPS = { cpu: 1024, gpu: 16384 };
/** The number of rounds grows until a launch takes this long; its begin and end no longer matter then. */
const LONG_MS = 3;
const FIRST_ROUNDS = 32;
const MOST_ROUNDS = 2 ** 16;

/**
 * Measures a device; takes about a second on two cores, less on a GPU.
 *
 * @example
 * const { gbPerSecond, gflopPerSecond } = await measureCeilings(device);
 */
export async function measureCeilings(device: Device): Promise<Ceilings> {
  checkDevice('measureCeilings', device);
  const kind = device.info.isCpu ? 'cpu' : 'gpu';
  const vectors = await measureCopy(device, 'vec4f', 16, COPIED_BYTES[kind]);
  const floats = await measureCopy(device, 'f32', 4, COPIED_BYTES[kind]);
  const arithmetic = await measureArithmetic(device, GROUPS[kind]);
  return {
    gbPerSecond: Math.max(vectors.best, floats.best),
    gflopPerSecond: arithmetic.best,
    clock: arithmetic.clock,
  };
}

async function measureCopy(device: Device, type: 'f32' | 'vec4f', elementBytes: number, bytes: number) {
  const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension } = device.limits;
  const groupBytes = elementBytes * COPIES * CEILING_WORKGROUP;
  const groups = Math.floor(Math.min(bytes, maxStorageBufferBindingSize) / groupBytes);
  const launched = Math.min(groups, maxComputeWorkgroupsPerDimension);
  const pipeline = await device.pipeline({
    label: 'ceiling: copy',
    code: copyCeiling({ type }),
    options: { type },
  });
  const buffers = ['source', 'copy'].map((label) =>
    device.allocate(label, launched * groupBytes, BufferUsage.STORAGE),
  );
  try {
    const group = bindGroup(device.gpu, pipeline, buffers);
    const cost = { bytes: 2 * launched * groupBytes, flops: 0 };
    return await rate(device, pipeline, group, launched, cost, 'bytes');
  } finally {
    for (const buffer of buffers) device.free(buffer);
  }
}

async function measureArithmetic(device: Device, groups: number) {
  const pipeline = await device.pipeline({ label: 'ceiling: multiply-add', code: multiplyAddCeiling() });
  const uniform = device.allocate('rounds', 16, BufferUsage.UNIFORM | BufferUsage.COPY_DST);
  const result = device.allocate('result', 4 * groups * CEILING_WORKGROUP, BufferUsage.STORAGE);
  try {
    const group = bindGroup(device.gpu, pipeline, [uniform, result]);
    let best = 0;
    for (let rounds = FIRST_ROUNDS; ; rounds *= 4) {
      device.commands.write(uniform, 0, new Uint32Array([rounds]));
      const flops = groups * CEILING_WORKGROUP * rounds * FLOPS_A_ROUND;
      const measured = await rate(device, pipeline, group, groups, { bytes: result.size, flops }, 'flops');
      best = Math.max(best, measured.best);
      if (measured.ms >= LONG_MS || rounds >= MOST_ROUNDS) return { ...measured, best };
    }
  } finally {
    for (const buffer of [uniform, result]) device.free(buffer);
  }
}

/** The best rate of several launches, in 10^9 a second, and how long that launch took. */
async function rate(
  device: Device,
  pipeline: GPUComputePipeline,
  group: GPUBindGroup,
  groups: number,
  cost: { bytes: number; flops: number },
  of: 'bytes' | 'flops',
) {
  const { kernels, timing } = await takeProfile(device, () => {
    for (let k = 0; k < LAUNCHES; k++) {
      const recorder = device.commands.record('ceiling');
      recorder.dispatch(pipeline, group, [groups], () => cost);
      recorder.submit();
    }
  });
  const ms = Math.min(...kernels.map(({ start, end }) => end - start));
  return { best: cost[of] / ms / 1e6, ms, clock: timing.clock };
}
