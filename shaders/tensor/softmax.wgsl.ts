/**
 * Softmax and log-softmax along dense rows, and their gradients: a workgroup for each row, sums in a fixed order. The
 * row's maximum is subtracted first, so that no exponential overflows. A row with a NaN or an infinite maximum
 * becomes NaN.
 */
import { floatFunctions } from '../shared/floats.wgsl.js';
import { wgsl } from '../wgsl.js';

interface SoftmaxShaderOptions {
  log: boolean;
  backward: boolean;
}

const WORKGROUP = 64;

export function softmaxShader({ log, backward }: SoftmaxShaderOptions): string {
  return wgsl`
const invocations = ${WORKGROUP}u;

struct Params {
  rows: u32,
  columns: u32,
  firstOffset: u32,
  gradientOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
/** x; backward, the result y. */
@group(0) @binding(1) var<storage, read> first: array<f32>;
#if ${backward}
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;
#else
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
#endif

var<workgroup> values: array<f32, invocations>;

${floatFunctions('expOf', 'logOf')}

fn sumOfAll(own: f32, local: u32) -> f32 {
  values[local] = own;
  for (var half = invocations / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (local < half) { values[local] += values[local + half]; }
  }
  workgroupBarrier();
  let sum = values[0];
  workgroupBarrier();
  return sum;
}

fn maxOfAll(own: f32, local: u32) -> f32 {
  values[local] = own;
  for (var half = invocations / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (local < half) { values[local] = max(values[local], values[local + half]); }
  }
  workgroupBarrier();
  let largest = values[0];
  workgroupBarrier();
  return largest;
}

@compute @workgroup_size(invocations)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = workgroup.y * groups.x + workgroup.x;
  let columns = params.columns;
  if (row >= params.rows) { return; }
  let base = row * columns;
  let start = params.firstOffset + base;
  #if ${backward}
  let startGradient = params.gradientOffset + base;
  var own = 0.0;
  for (var c = local; c < columns; c += invocations) {
  #if ${log}
    own += gradient[startGradient + c];
  #else
    own += gradient[startGradient + c] * first[start + c];
  #endif
  }
  let total = sumOfAll(own, local);
  for (var c = local; c < columns; c += invocations) {
  #if ${log}
    result[base + c] = gradient[startGradient + c] - expOf(first[start + c]) * total;
  #else
    result[base + c] = first[start + c] * (gradient[startGradient + c] - total);
  #endif
  }
  #else
  var largest = first[start + min(local, columns - 1u)];
  for (var c = local; c < columns; c += invocations) { largest = max(largest, first[start + c]); }
  largest = maxOfAll(largest, local);
  var own = 0.0;
  for (var c = local; c < columns; c += invocations) { own += expOf(first[start + c] - largest); }
  let total = sumOfAll(own, local);
  for (var c = local; c < columns; c += invocations) {
  #if ${log}
    result[base + c] = first[start + c] - largest - logOf(total);
  #else
    result[base + c] = expOf(first[start + c] - largest) / total;
  #endif
  }
  #endif
}
`;
}
