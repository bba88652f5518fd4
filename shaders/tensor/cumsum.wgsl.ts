/**
 * Running sums along one axis, an invocation a line, in order: the same bits each time. From the end for the way back.
 *
 * Params (32-bit words): lines, length of a line, elements inside of the axis, offset of the source. The source is dense.
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';

export const CUMSUM_WORKGROUP = 64;

export function cumsumShader({ type, backward }: { type: string; backward: boolean }): string {
  return wgsl`
@group(0) @binding(0) var<uniform> params: vec4u;
@group(0) @binding(1) var<storage, read> source: array<${type}>;
@group(0) @binding(2) var<storage, read_write> result: array<${type}>;

@compute @workgroup_size(${CUMSUM_WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let line = (workgroup.y * groups.x + workgroup.x) * ${CUMSUM_WORKGROUP}u + local;
  if (line >= params.x) { return; }
  let inner = params.z;
  let start = (line / inner) * params.y * inner + line % inner;
  var sum = ${type}(0);
  for (var i = 0u; i < params.y; i++) {
#if ${backward}
    let at = start + (params.y - 1u - i) * inner;
#else
    let at = start + i * inner;
#endif
    sum += source[params.w + at];
    result[at] = sum;
  }
}
`;
}
