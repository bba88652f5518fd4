/**
 * Sums and extremes over some axes of a strided tensor. Every sum is added in a fixed order, so that a result is the
 * same bits each time. A NaN is the extreme of what it is in. Not for products of matrices: matmul.wgsl.ts.
 *
 * Params (32-bit words): outputs, length of the reduced part, length of a chunk, offset, scale, then the extents and
 * the strides of the kept axes, then those of the reduced axes. Output o of chunk c goes to `o * chunks + c`.
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { floatFunctions } from '../shared/floats.wgsl.js';

export type ReduceKind = 'sum' | 'max' | 'min' | 'argmax';

export interface ReduceShaderOptions {
  kind: ReduceKind;
  /** WGSL type of the elements. */
  type: string;
  keptRank: number;
  reducedRank: number;
  /** True: a workgroup an output, for long reductions; false: an invocation an output, for many short ones. */
  group: boolean;
}

export const REDUCE_WORKGROUP = 64;

/** WGSL of what a reduction starts from, by the type of its elements; argmax tells by the place. */
const START: Readonly<Record<ReduceKind, Readonly<Record<string, string>>>> = {
  sum: { f32: '0.0', i32: '0i', u32: '0u' },
  max: { f32: '-infinity()', i32: 'i32(-2147483648)', u32: '0u' },
  min: { f32: 'infinity()', i32: '2147483647i', u32: '4294967295u' },
  argmax: { f32: '0.0', i32: '0i', u32: '0u' },
};

export function reduceShader({ kind, type, keptRank, reducedRank, group }: ReduceShaderOptions): string {
  const fixed = 5;
  const words = fixed + 2 * (keptRank + reducedRank);
  const word = (at: number) => `params[${at >> 2}][${at & 3}]`;
  /** WGSL that adds to `at` the place of element `i` of a part with this rank. */
  const walk = (rank: number, first: number) =>
    Array.from({ length: rank }, (_, k) => rank - 1 - k)
      .map((axis) =>
        axis === 0
          ? `at += rest * ${word(first + rank)};`
          : `at += (rest % ${word(first + axis)}) * ${word(first + rank + axis)}; rest /= ${word(first + axis)};`,
      )
      .join(' ');
  const output = kind === 'argmax' ? 'i32' : type;
  const sums = kind === 'sum';
  const floats = type === 'f32';
  const joined = (a: string, b: string) => {
    if (sums) return `${a} + ${b}`;
    if (floats) return `${kind === 'min' ? 'smaller' : 'larger'}(${a}, ${b})`;
    return `${kind}(${a}, ${b})`;
  };
  return wgsl`
@group(0) @binding(0) var<uniform> params: array<vec4u, ${Math.ceil(words / 4)}>;
@group(0) @binding(1) var<storage, read> input: array<${type}>;
@group(0) @binding(2) var<storage, read_write> result: array<${output}>;
#if ${group}
var<workgroup> values: array<${type}, ${REDUCE_WORKGROUP}>;
var<workgroup> places: array<u32, ${REDUCE_WORKGROUP}>;
#endif

fn keptOffset(output: u32) -> u32 {
  var at = ${word(3)};
  var rest = output;
  ${walk(keptRank, fixed)}
  return at;
}

fn reducedOffset(i: u32) -> u32 {
  var at = 0u;
  var rest = i;
  ${walk(reducedRank, fixed + 2 * keptRank)}
  return at;
}

${floats && !sums ? floatFunctions('infinity', 'larger', 'smaller') : ''}

// A value and, for argmax, the place it was at: the length where there is none yet.
struct Best { value: ${type}, place: u32 }

fn combine(left: Best, right: Best) -> Best {
#if ${kind !== 'argmax'}
  return Best(${joined('left.value', 'right.value')}, 0u);
#else
  let none = ${word(1)};
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
#elif ${sums && type === 'f32'}
  result[at] = best.value * bitcast<f32>(${word(4)});
#else
  result[at] = best.value;
#endif
}

@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let outputs = ${word(0)};
  let length = ${word(1)};
#if ${group}
  let output = workgroup.y * groups.x + workgroup.x;
  if (output >= outputs) { return; }
  let first = workgroup.z * ${word(2)} + local;
  let end = min(length, (workgroup.z + 1u) * ${word(2)});
  let step = ${REDUCE_WORKGROUP}u;
#else
  let output = (workgroup.y * groups.x + workgroup.x) * ${REDUCE_WORKGROUP}u + local;
  if (output >= outputs) { return; }
  let first = 0u;
  let end = length;
  let step = 1u;
#endif
  let base = keptOffset(output);
  var best = Best(${START[kind][type]}, length);
  for (var i = first; i < end; i += step) {
    best = combine(best, Best(input[base + reducedOffset(i)], i));
  }
#if ${group}
  values[local] = best.value;
  places[local] = best.place;
  for (var half = ${REDUCE_WORKGROUP / 2}u; half > 0u; half >>= 1u) {
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
