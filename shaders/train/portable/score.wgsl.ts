/**
 * Test accuracy in its plainest form: an invocation for each example (x) and network (y). The oracle and fallback of
 * subgroup/score.wgsl.ts, for any shape.
 */
import { bce } from '../../shared/bce.wgsl.js';
import { wgsl } from '../../wgsl.js';
import { portableSizes } from './sizes.wgsl.js';

export const SCORE_INVOCATIONS = 64;

interface PortableScoreOptions {
  features: number;
  hidden: number;
}

/** Bindings: src/kernels/train/scoring.ts; weights in the order w1, b1, w2, b2. */
export function portableScore({ features, hidden }: PortableScoreOptions): string {
  return wgsl`
${portableSizes({ features, hidden })}
const invocations = ${SCORE_INVOCATIONS}u;

/** The first example of this launch, and the first one behind it; parts of a network's count. */
struct Stretch {
  first: u32,
  examples: u32,
  parts: u32,
}

@group(0) @binding(0) var<uniform> stretch: Stretch;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> hits: array<u32>;

var<workgroup> correct: array<u32, invocations>;

${bce}

@compute @workgroup_size(invocations)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) id: u32,
) {
  let example = stretch.first + group.x * invocations + id;
  let base = group.y * parameters;
  correct[id] = 0u;
  if (example < stretch.examples) {
    var z = weights[base + b2At];
    for (var h = 0u; h < hidden; h++) {
      var z1 = weights[base + b1At + h];
      for (var i = 0u; i < features; i++) {
        let bit = (rows[example * rowWords + (i >> 5u)] >> (i & 31u)) & 1u;
        z1 += select(0.0, weights[base + h * features + i], bit == 1u);
      }
      z += select(z1, 0.0, z1 < 0.0) * weights[base + w2At + h];
    }
    let positive = ((labels[example >> 5u] >> (example & 31u)) & 1u) == 1u;
    correct[id] = select(0u, 1u, answersOne(z) == positive);
  }
  workgroupBarrier();
  if (id == 0u) {
    var sum = 0u;
    for (var k = 0u; k < invocations; k++) { sum += correct[k]; }
    hits[group.y * stretch.parts + group.x] += sum;
  }
}
`;
}
