/**
 * Rows picked by index along one axis, and the way back: rows added to where they came from; or single elements, each by
 * an index of its own. No atomics: on the way back each element looks through the indices in order, so that the sum is the
 * same bits each time.
 *
 * Params (32-bit words): elements of the result, extent of the axis in the source, number of indices, elements inside
 * of the axis, offset of the source, offset of the indices, ticket of the check. Tensors are dense. An index outside of the axis
 * picks 0 and raises the error flag; on the way back it adds nothing.
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { flagAt } from '../shared/flag.wgsl.js';

interface IndexSelectShaderOptions {
  type: string;
  indexType: string;
  /** True: an index for each element of the result; else one for each of its rows. */
  each: boolean;
  /** True: adds rows of the source to the rows that the indices name. */
  backward: boolean;
}

export const INDEX_WORKGROUP = 64;

export function indexSelectShader({ type, indexType, each, backward }: IndexSelectShaderOptions): string {
  /** WGSL of the place of index `i`, where `line` is the place of the first one for the column. */
  const indexAt = (i: string, line: string) =>
    each ? `params[1].y + ${line} + ${i} * inner` : `params[1].y + ${i}`;
  return wgsl`
@group(0) @binding(0) var<uniform> params: array<vec4u, 2>;
@group(0) @binding(1) var<storage, read> source: array<${type}>;
@group(0) @binding(2) var<storage, read> indices: array<${indexType}>;
@group(0) @binding(3) var<storage, read_write> result: array<${type}>;
#if ${!backward}
${flagAt(4)}
#endif

@compute @workgroup_size(${INDEX_WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (workgroup.y * groups.x + workgroup.x) * ${INDEX_WORKGROUP}u + local;
  if (at >= params[0].x) { return; }
  let extent = params[0].y;
  let count = params[0].z;
  let inner = params[0].w;
  let column = at % inner;
  let place = at / inner;
#if ${backward}
  let row = place % extent;
  let line = (place / extent) * count * inner + column;
  var sum = ${type}(0);
  for (var i = 0u; i < count; i++) {
    if (u32(indices[${indexAt('i', 'line')}]) == row) { sum += source[params[1].x + line + i * inner]; }
  }
  result[at] = sum;
#else
  let index = indices[${indexAt('place % count', '(place / count) * count * inner + column')}];
  let row = u32(index);
  var value = ${type}(0);
  if (row < extent) { value = source[params[1].x + ((place / count) * extent + row) * inner + column]; }
  else { raise(params[1].z, bitcast<u32>(index)); }
  result[at] = value;
#endif
}
`;
}
