/**
 * Test accuracy with the tables of the subgroup kernel: a workgroup takes one run (y) and a stretch of the test set (x), builds the
 * tables once and counts the examples it gets right. Forward only; nothing is trained here.
 */
import { bce } from '../../shared/bce.wgsl.js';
import { lines, times } from '../../shared/lists.js';
import { forwardBlocks, forwardTables, laneBits } from './forward.wgsl.js';
import { SUBGROUP_BATCH, type SubgroupOptions, subgroupLayout, TURN } from './layout.js';

/** The WGSL. Bindings: src/kernels/train/scoring.ts. */
export function subgroupScore(o: SubgroupOptions): string {
  const { hidden, lanes, unitsPerSubgroup } = o;
  const { featureBlocks, log2Lanes, rowWords, subgroups, weights, pitch, quads } = subgroupLayout(o);
  const inStorage = o.partials === 'storage';
  const matrix = times(unitsPerSubgroup, (h) => times(featureBlocks, (i) => `${h}_${i}`)).flat();
  const vectorBlocks = times(unitsPerSubgroup / lanes, (b) => b);
  return /* wgsl */ `
enable subgroups;
diagnostic(off, subgroup_uniformity);

/** batches: of ${SUBGROUP_BATCH} examples a workgroup; the loop bounds of the unrolled parts come from here too; zero: 0. */
struct Stretch { examples: u32, batches: u32, matrixBlocks: u32, turns: u32, subgroups: u32, zero: u32 }

@group(0) @binding(0) var<uniform> stretch: Stretch;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> hits: array<u32>;

${
  inStorage
    ? '/** [workgroup][subgroup][quad] */\n@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;'
    : `var<workgroup> partials: array<vec4f, ${subgroups * quads}>;`
}
var<workgroup> counts: array<u32, ${quads}>;

${bce}

@compute @workgroup_size(${subgroups * lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let id = subgroupShuffle(index, lane);
  let subgroup = id >> ${log2Lanes}u;
  let base = group.y * ${weights.floats}u;
  ${laneBits(log2Lanes)}
  ${lines(matrix.map((k) => `var w${k} = 0.0;`))}
  let matrixBase = base + subgroup * ${unitsPerSubgroup * pitch}u + lane;
  for (var k = 0u; k < stretch.matrixBlocks; k++) {
    let w = weights[matrixBase + k * ${lanes}u];
    ${matrix.map((k, i) => `w${k} = ${i + 1 < matrix.length ? `w${matrix[i + 1]}` : 'w'};`).join(' ')}
  }
  let vectorsBase = base + ${weights.vectorsAt}u + subgroup * ${unitsPerSubgroup}u + lane;
  ${lines(
    vectorBlocks.map(
      (b) =>
        `let b${b} = weights[vectorsBase + ${b * lanes}u]; let o${b} = weights[vectorsBase + ${hidden + b * lanes}u];`,
    ),
  )}
  let bias = weights[base + ${weights.outputBiasAt}u];
  // LLVM's coroutine pass, which lavapipe has for barriers, computes sums anew where they are used after a barrier, here
  // once a turn; what comes out of a shuffle it keeps. A lane ^ 0 that it cannot see through: half the time.
  ${forwardTables(o, (table) => `subgroupShuffle(${table}, lane ^ stretch.zero)`)}

  let partialsAt = ${inStorage ? `(group.y * groups.x + group.x) * ${subgroups * quads}u` : '0u'};
  var count = 0u;
  for (var batch = 0u; batch < stretch.batches; batch++) {
    let first = (group.x * stretch.batches + batch) * ${SUBGROUP_BATCH}u;
    let turns = stretch.turns;
    for (var turn = 0u; turn < turns; turn++) {
      let quad = turn * ${lanes}u + lane;
      let example = min(vec4u(first + quad * ${TURN}u) + vec4u(0u, 1u, 2u, 3u), vec4u(stretch.examples - 1u));
      ${lines(
        times(rowWords, (word) => {
          const parts = times(TURN, (j) => `rows[example.${'xyzw'[j]} * ${rowWords}u + ${word}u]`);
          return `let row${word} = vec4u(${parts.join(', ')});`;
        }),
      )}
      ${forwardBlocks(o, () => '', false)}
      partials[partialsAt + subgroup * ${quads}u + quad] = logits;
    }
    ${inStorage ? 'storageBarrier();' : ''}
    workgroupBarrier();
    if (id < ${quads}u) {
      var z = vec4f(bias);
      for (var k = 0u; k < stretch.subgroups; k++) { z += partials[partialsAt + k * ${quads}u + id]; }
      for (var j = 0u; j < ${TURN}u; j++) {
        let example = first + id * ${TURN}u + j;
        if (example < stretch.examples) {
          let positive = ((labels[example >> 5u] >> (example & 31u)) & 1u) == 1u;
          count += select(0u, 1u, answersOne(z.x) == positive);
        }
        z = z.yzwx;
      }
    }
    workgroupBarrier();
  }
  if (id < ${quads}u) { counts[id] = count; }
  workgroupBarrier();
  if (id == 0u) {
    var sum = 0u;
    for (var k = 0u; k < ${quads}u; k++) { sum += counts[k]; }
    hits[group.y * groups.x + group.x] = sum;
  }
}
`;
}
