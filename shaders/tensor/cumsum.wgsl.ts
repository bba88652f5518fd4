/**
 * Running sums along one axis: an invocation for each line adds in order, so the result is the same bits each time.
 * Backward, it adds from the end. The source is dense.
 */
import { wgsl } from '../wgsl.js';

interface CumsumShaderOptions {
  /** WGSL type of the elements. */
  type: string;
  /** True: from the end of each line. */
  backward: boolean;
}

export const CUMSUM_WORKGROUP = 64;

export function cumsumShader({ type, backward }: CumsumShaderOptions): string {
  return wgsl`
alias Element = ${type};
const invocations = ${CUMSUM_WORKGROUP}u;

struct Params {
  lines: u32,
  /** Elements of a line. */
  length: u32,
  /** Elements from one place on the axis to the next. */
  inner: u32,
  sourceOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Element>;
@group(0) @binding(2) var<storage, read_write> result: array<Element>;

@compute @workgroup_size(invocations)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let line = (workgroup.y * groups.x + workgroup.x) * invocations + local;
  if (line >= params.lines) { return; }
  let inner = params.inner;
  let start = (line / inner) * params.length * inner + line % inner;
  var sum = Element(0);
  for (var i = 0u; i < params.length; i++) {
    #if ${backward}
    let at = start + (params.length - 1u - i) * inner;
    #else
    let at = start + i * inner;
    #endif
    sum += source[params.sourceOffset + at];
    result[at] = sum;
  }
}
`;
}
