/**
 * Picks slices by index along one axis, or single elements, each by an index of its own. Backward, slices or elements
 * are added to where they came from: without atomics, each element of the result looks through the indices in order,
 * so that its sum is the same bits each time. Tensors are dense. An index outside of the axis picks 0 and raises the
 * error flag; backward, it adds nothing.
 */
import { flagAt } from '../shared/flag.wgsl.js';
import { wgsl } from '../wgsl.js';

interface IndexSelectShaderOptions {
  /** WGSL type of the elements. */
  type: string;
  /** WGSL type of the indices. */
  indexType: string;
  /** True: an index for each element of the result; false: one for each slice. */
  each: boolean;
  /** True: adds slices of the source to those that the indices name. */
  backward: boolean;
}

export const INDEX_WORKGROUP = 64;

export function indexSelectShader({ type, indexType, each, backward }: IndexSelectShaderOptions): string {
  return wgsl`
alias Element = ${type};
alias Index = ${indexType};
const invocations = ${INDEX_WORKGROUP}u;

struct Params {
  /** Elements of the result. */
  elements: u32,
  /** Length of the axis in the source; backward, in the result. */
  extent: u32,
  /** Indices. */
  count: u32,
  /** Elements from one place on the axis to the next. */
  inner: u32,
  sourceOffset: u32,
  indicesOffset: u32,
  /** The ticket of the check. */
  ticket: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Element>;
@group(0) @binding(2) var<storage, read> indices: array<Index>;
@group(0) @binding(3) var<storage, read_write> result: array<Element>;
#if ${!backward}

${flagAt(4)}
#endif

@compute @workgroup_size(invocations)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (workgroup.y * groups.x + workgroup.x) * invocations + local;
  if (at >= params.elements) { return; }
  let extent = params.extent;
  let count = params.count;
  let inner = params.inner;
  let column = at % inner;
  let place = at / inner;
  #if ${backward}
  let row = place % extent;
  let line = (place / extent) * count * inner + column;
  var sum = Element(0);
  for (var i = 0u; i < count; i++) {
    #if ${each}
    let index = indices[params.indicesOffset + line + i * inner];
    #else
    let index = indices[params.indicesOffset + i];
    #endif
    if (u32(index) == row) { sum += source[params.sourceOffset + line + i * inner]; }
  }
  result[at] = sum;
  #else
  #if ${each}
  let line = (place / count) * count * inner + column;
  let index = indices[params.indicesOffset + line + (place % count) * inner];
  #else
  let index = indices[params.indicesOffset + place % count];
  #endif
  let row = u32(index);
  var value = Element(0);
  if (row < extent) {
    value = source[params.sourceOffset + ((place / count) * extent + row) * inner + column];
  } else {
    raise(params.ticket, bitcast<u32>(index));
  }
  result[at] = value;
  #endif
}
`;
}
