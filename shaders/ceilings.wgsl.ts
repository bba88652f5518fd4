/**
 * Two kernels that measure a device's limits: one copies memory, the other computes in registers. Their speeds are the ceilings
 * that other kernels are compared with.
 */
import { wgsl } from './wgsl.js';

export const CEILING_WORKGROUP = 64;
/** Elements that an invocation copies. */
export const COPIES = 4;
/** vec4s that an invocation keeps in registers: independent chains hide the latency of one operation. */
const CHAINS = 3;
/** Multiply-adds on each component in the body of the loop, long enough that the loop itself costs nothing. */
const UNROLLED = 16;
/** Operations of an invocation in one round of the loop: a multiply-add is two. */
export const FLOPS_A_ROUND = 2 * 4 * CHAINS * UNROLLED;

interface CopyCeilingOptions {
  /** WGSL type of an element. GPUs like vec4f; CPU drivers may do better with f32. */
  type: 'f32' | 'vec4f';
}

/** Copies elements, each workgroup a stretch of neighbours. */
export const copyCeiling = ({ type }: CopyCeilingOptions): string => wgsl`
alias Element = ${type};
const invocations = ${CEILING_WORKGROUP}u;
const copies = ${COPIES}u;

@group(0) @binding(0) var<storage, read> source: array<Element>;
@group(0) @binding(1) var<storage, read_write> copied: array<Element>;

@compute @workgroup_size(invocations)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first = workgroup.x * (invocations * copies) + local;
  #for k in ${COPIES}
  copied[first + $k * invocations] = source[first + $k * invocations];
  #endfor
}
`;

/** Multiplies and adds in registers, `rounds` times {@link FLOPS_A_ROUND}; stores one number an invocation. */
export const multiplyAddCeiling = (): string => wgsl`
const invocations = ${CEILING_WORKGROUP}u;

@group(0) @binding(0) var<uniform> rounds: u32;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;

@compute @workgroup_size(invocations)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let start = f32(id.x & 7u);
  #for c in ${CHAINS}
  var x$c = vec4f(start, start + 1.0, start + 2.0, start + 3.0) + $c.0;
  #endfor
  // The values stay near 1, whatever the number of rounds.
  let m = vec4f(0.5 + start * 0.01);
  let a = vec4f(0.5);
  let end = rounds;
  for (var round = 0u; round < end; round++) {
    #for k in ${UNROLLED}
    #for c in ${CHAINS}
    x$c = fma(x$c, m, a);
    #endfor
    #endfor
  }
  let sum = x0 + x1 + x2;
  result[id.x] = sum.x + sum.y + sum.z + sum.w;
}
`;
