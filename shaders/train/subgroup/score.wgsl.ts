/**
 * Test accuracy with the tables of the subgroup kernel. A workgroup takes one network (y) and a stretch of the test
 * set (x), builds the tables once and counts the examples that the network gets right. Forward only; nothing is
 * trained here.
 */
import { bce } from '../../shared/bce.wgsl.js';
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { forwardBlocks, forwardTables, laneBits } from './forward.wgsl.js';
import { type SubgroupOptions, subgroupLayout } from './layout.js';
import { subgroupSizes } from './sizes.wgsl.js';

/** Bindings: src/kernels/train/scoring.ts. */
export function subgroupScore(o: SubgroupOptions): string {
  const { featureBlocks, weights } = subgroupLayout(o);
  const inStorage = o.partials === 'storage';
  const matrix = times(o.unitsPerSubgroup, (h) => times(featureBlocks, (i) => `${h}_${i}`)).flat();
  const moves = matrix.map((to, k) => ({ to, from: k + 1 < matrix.length ? `w${matrix[k + 1]}` : 'w' }));
  return wgsl`
enable subgroups;
diagnostic(off, subgroup_uniformity);

${subgroupSizes(o)}
/** Floats of a network's weights, and where its vectors and its output bias begin. */
const networkFloats = ${weights.floats}u;
const vectorsAt = ${weights.vectorsAt}u;
const outputBiasAt = ${weights.outputBiasAt}u;

/**
 * first: the first example of this launch; examples: the first one behind it. parts: of a network's count. batches: of
 * batchSamples examples, for each workgroup. The next three are bounds of loops over unrolled parts. zero: 0.
 */
struct Stretch {
  first: u32,
  examples: u32,
  parts: u32,
  batches: u32,
  matrixBlocks: u32,
  turns: u32,
  subgroups: u32,
  zero: u32,
}

@group(0) @binding(0) var<uniform> stretch: Stretch;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> hits: array<u32>;

#if ${inStorage}
/** [workgroup][subgroup][quad] */
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;
#else
var<workgroup> partials: array<vec4f, subgroups * quads>;
#endif
var<workgroup> counts: array<u32, quads>;

${bce}

@compute @workgroup_size(subgroups * lanes)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let id = subgroupShuffle(index, lane);
  let subgroup = id >> log2Lanes;
  let base = group.y * networkFloats;
  ${laneBits(o)}
  #for k in ${matrix}
  var w$k = 0.0;
  #endfor
  let matrixBase = base + subgroup * (unitsPerSubgroup * featureBlocks * lanes) + lane;
  for (var k = 0u; k < stretch.matrixBlocks; k++) {
    let w = weights[matrixBase + k * lanes];
    #for move in ${moves}
    w$move.to = $move.from;
    #endfor
  }
  let vectorsBase = base + vectorsAt + subgroup * unitsPerSubgroup + lane;
  #for b in ${o.unitsPerSubgroup / o.lanes}
  let b$b = weights[vectorsBase + $b * lanes];
  let o$b = weights[vectorsBase + (hidden + $b * lanes)];
  #endfor
  let bias = weights[base + outputBiasAt];
  ${forwardTables(o, { kept: true })}

  #if ${inStorage}
  let partialsAt = (group.y * stretch.parts + group.x) * (subgroups * quads);
  #else
  let partialsAt = 0u;
  #endif
  var count = 0u;
  for (var batch = 0u; batch < stretch.batches; batch++) {
    let first = stretch.first + (group.x * stretch.batches + batch) * batchSamples;
    let turns = stretch.turns;
    for (var turn = 0u; turn < turns; turn++) {
      let quad = turn * lanes + lane;
      let example = min(
        vec4u(first + quad * quadSamples) + vec4u(0u, 1u, 2u, 3u),
        vec4u(stretch.examples - 1u),
      );
      #for word in ${Math.ceil(o.features / 32)}
      let row$word = vec4u(
        rows[example.x * rowWords + $word],
        rows[example.y * rowWords + $word],
        rows[example.z * rowWords + $word],
        rows[example.w * rowWords + $word],
      );
      #endfor
      ${forwardBlocks(o, { loop: false, active: false })}
      partials[partialsAt + subgroup * quads + quad] = logits;
    }
    #if ${inStorage}
    storageBarrier();
    #endif
    workgroupBarrier();
    if (id < quads) {
      var z = vec4f(bias);
      for (var k = 0u; k < stretch.subgroups; k++) { z += partials[partialsAt + k * quads + id]; }
      for (var j = 0u; j < quadSamples; j++) {
        let example = first + id * quadSamples + j;
        if (example < stretch.examples) {
          let positive = ((labels[example >> 5u] >> (example & 31u)) & 1u) == 1u;
          count += select(0u, 1u, answersOne(z.x) == positive);
        }
        z = z.yzwx;
      }
    }
    workgroupBarrier();
  }
  if (id < quads) { counts[id] = count; }
  workgroupBarrier();
  if (id == 0u) {
    var sum = 0u;
    for (var k = 0u; k < quads; k++) { sum += counts[k]; }
    hits[group.y * stretch.parts + group.x] += sum;
  }
}
`;
}
