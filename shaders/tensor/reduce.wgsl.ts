/**
 * Sums and extremes over some axes of a strided tensor. Every sum is added in a fixed order, so that the result is
 * the same bits each time. A NaN among the elements is their extreme. Products of matrices are in matmul.wgsl.ts.
 * Chunk c of output o goes to `o * chunks + c`.
 */
import { floatFunctions } from '../shared/floats.wgsl.js';
import { wgsl } from '../wgsl.js';

export type ReduceKind = 'sum' | 'max' | 'min' | 'argmax';

export interface ReduceShaderOptions {
  kind: ReduceKind;
  /** WGSL type of the elements. */
  type: string;
  keptRank: number;
  reducedRank: number;
  /**
   * True: a workgroup for each output, for long reductions; false: an invocation for each output, for many short
   * ones.
   */
  group: boolean;
}

export const REDUCE_WORKGROUP = 64;

/**
 * The WGSL of a reduction's start, by the type of its elements. For argmax the place says that there is no element
 * yet.
 */
const START: Readonly<Record<ReduceKind, Readonly<Record<string, string>>>> = {
  sum: { f32: '0.0', i32: '0i', u32: '0u' },
  max: { f32: '-infinity()', i32: 'i32(-2147483648)', u32: '0u' },
  min: { f32: 'infinity()', i32: '2147483647i', u32: '4294967295u' },
  argmax: { f32: '0.0', i32: '0i', u32: '0u' },
};

export function reduceShader({ kind, type, keptRank, reducedRank, group }: ReduceShaderOptions): string {
  const output = kind === 'argmax' ? 'i32' : type;
  const sums = kind === 'sum';
  const floats = type === 'f32';
  const start = START[kind][type];
  /** WGSL's own max and min may drop a NaN. */
  const extreme = floats ? { max: 'larger', min: 'smaller' }[kind as 'max' | 'min'] : kind;
  return wgsl`
alias Element = ${type};
alias Output = ${output};
const invocations = ${REDUCE_WORKGROUP}u;

struct Params {
  outputs: u32,
  /** Elements that are reduced to one output. */
  length: u32,
  /** Elements of a chunk. */
  chunk: u32,
  offset: u32,
  scale: f32,
  #for axis in ${keptRank}
  keptExtent$axis: u32,
  #endfor
  #for axis in ${keptRank}
  keptStride$axis: u32,
  #endfor
  #for axis in ${reducedRank}
  reducedExtent$axis: u32,
  #endfor
  #for axis in ${reducedRank}
  reducedStride$axis: u32,
  #endfor
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Element>;
@group(0) @binding(2) var<storage, read_write> result: array<Output>;
#if ${group}

var<workgroup> values: array<Element, invocations>;
var<workgroup> places: array<u32, invocations>;
#endif

fn keptOffset(output: u32) -> u32 {
  var at = params.offset;
  var rest = output;
  #for axis in ${fromLast(keptRank)}
  at += (rest % params.keptExtent$axis) * params.keptStride$axis;
  rest /= params.keptExtent$axis;
  #endfor
  #if ${keptRank > 0}
  at += rest * params.keptStride0;
  #endif
  return at;
}

fn reducedOffset(i: u32) -> u32 {
  var at = 0u;
  var rest = i;
  #for axis in ${fromLast(reducedRank)}
  at += (rest % params.reducedExtent$axis) * params.reducedStride$axis;
  rest /= params.reducedExtent$axis;
  #endfor
  #if ${reducedRank > 0}
  at += rest * params.reducedStride0;
  #endif
  return at;
}
#if ${floats && !sums}

${floatFunctions('infinity', 'larger', 'smaller')}
#endif

/** A value and, for argmax, its place, which is the length while there is none. */
struct Best {
  value: Element,
  place: u32,
}

fn combine(left: Best, right: Best) -> Best {
  #if ${sums}
  return Best(left.value + right.value, 0u);
  #elif ${kind !== 'argmax'}
  return Best(${extreme}(left.value, right.value), 0u);
  #else
  let none = params.length;
  #if ${floats}
  let leftIsNan = isNan(left.value);
  let rightIsNan = isNan(right.value);
  let better = !leftIsNan && (rightIsNan || right.value > left.value);
  let same = right.value == left.value || (leftIsNan && rightIsNan);
  #else
  let better = right.value > left.value;
  let same = right.value == left.value;
  #endif
  // Of equal values, and of several NaN, the first one counts.
  let takesRight = right.place != none && (left.place == none || better || (same && right.place < left.place));
  return Best(select(left.value, right.value, takesRight), select(left.place, right.place, takesRight));
  #endif
}

fn store(at: u32, best: Best) {
  #if ${kind === 'argmax'}
  result[at] = i32(best.place);
  #elif ${sums && floats}
  result[at] = best.value * params.scale;
  #else
  result[at] = best.value;
  #endif
}

@compute @workgroup_size(invocations)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let outputs = params.outputs;
  let length = params.length;
  #if ${group}
  let output = workgroup.y * groups.x + workgroup.x;
  if (output >= outputs) { return; }
  let first = workgroup.z * params.chunk + local;
  let end = min(length, (workgroup.z + 1u) * params.chunk);
  let step = invocations;
  #else
  let output = (workgroup.y * groups.x + workgroup.x) * invocations + local;
  if (output >= outputs) { return; }
  let first = 0u;
  let end = length;
  let step = 1u;
  #endif
  let base = keptOffset(output);
  var best = Best(${start}, length);
  for (var i = first; i < end; i += step) {
    best = combine(best, Best(input[base + reducedOffset(i)], i));
  }
  #if ${group}
  values[local] = best.value;
  places[local] = best.place;
  for (var half = invocations / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (local < half) {
      let joined = combine(Best(values[local], places[local]), Best(values[local + half], places[local + half]));
      values[local] = joined.value;
      places[local] = joined.place;
    }
  }
  if (local == 0u) { store(output * groups.z + workgroup.z, Best(values[0], places[0])); }
  #else
  store(output, best);
  #endif
}
`;
}

/** Axes from the last to the second. */
const fromLast = (rank: number) => Array.from({ length: Math.max(0, rank - 1) }, (_, k) => rank - 1 - k);
