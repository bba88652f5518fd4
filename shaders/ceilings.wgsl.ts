/**
 * Two kernels that do nothing but what a device is limited by: moving memory, and arithmetic in registers. What they
 * reach is the ceiling that other kernels are compared with.
 */
import { lines, times } from './shared/text.js';

export const CEILING_WORKGROUP = 64;
/** Elements that an invocation copies. */
export const COPIES = 4;
/** vec4s that an invocation keeps in registers: independent chains hide the latency of one operation. */
const CHAINS = 3;
/** Multiply-adds on each component in the body of the loop, long enough that the loop itself costs nothing. */
const UNROLLED = 16;
/** Operations of an invocation in one round of the loop: a multiply-add is two. */
export const FLOPS_A_ROUND = 2 * 4 * CHAINS * UNROLLED;

/** Copies elements, each workgroup a stretch of neighbours. GPUs like vec4f; CPU drivers may do better with f32. */
export const copyCeiling = (type: 'f32' | 'vec4f'): string => /* wgsl */ `
@group(0) @binding(0) var<storage, read> source: array<${type}>;
@group(0) @binding(1) var<storage, read_write> copied: array<${type}>;

@compute @workgroup_size(${CEILING_WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first = workgroup.x * ${CEILING_WORKGROUP * COPIES}u + local;
  ${lines(times(COPIES, (k) => `copied[first + ${k * CEILING_WORKGROUP}u] = source[first + ${k * CEILING_WORKGROUP}u];`))}
}
`;

/** Multiplies and adds in registers, `rounds` times {@link FLOPS_A_ROUND}; stores one number an invocation. */
export const multiplyAddCeiling = /* wgsl */ `
@group(0) @binding(0) var<uniform> rounds: u32;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;

@compute @workgroup_size(${CEILING_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let start = f32(id.x & 7u);
  ${lines(times(CHAINS, (c) => `var x${c} = vec4f(start, start + 1.0, start + 2.0, start + 3.0) + ${c}.0;`))}
  // The values stay near 1, whatever the number of rounds.
  let m = vec4f(0.5 + start * 0.01);
  let a = vec4f(0.5);
  let end = rounds;
  for (var round = 0u; round < end; round++) {
    ${lines(times(UNROLLED, () => times(CHAINS, (c) => `x${c} = fma(x${c}, m, a);`).join(' ')))}
  }
  let sum = ${times(CHAINS, (c) => `x${c}`).join(' + ')};
  result[id.x] = sum.x + sum.y + sum.z + sum.w;
}
`;
