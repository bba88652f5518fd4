/** Bind groups by position: the n-th buffer goes to `@binding(n)` of group 0; a hole stays unbound. */
import type { Device } from './device.js';

/** The bind group of a pipeline whose layout is `auto`; every binding that its shader uses must be there. */
export function bindGroup(
  device: Device,
  pipeline: GPUComputePipeline,
  buffers: readonly (GPUBuffer | undefined)[],
): GPUBindGroup {
  return device.gpu.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.flatMap((buffer, binding) => (buffer ? [{ binding, resource: { buffer } }] : [])),
  });
}
