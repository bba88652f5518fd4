/**
 * Many training steps of many runs in one dispatch: a workgroup a run, weights and moments in registers from the
 * first step to the last. Sums over 0/1 inputs are looked up in tables that live across the lanes of a subgroup
 * (`subgroupShuffle` is a table look-up of as many entries as there are lanes), so there is no multiply-add a
 * weight. It is not the oracle: portable-*.wgsl.ts are, and say the same thing plainly.
 *
 * A subgroup owns `unitsPerSubgroup` hidden units; who sits in which lane when: layout.ts.
 */

import { bce } from '../../shared/bce.wgsl.js';
import { lines, times } from '../../shared/lists.js';
import { HYPER, SLOT, STEP, sumNames } from '../chunk.wgsl.js';
import { backwardSums } from './backward.wgsl.js';
import { forwardBlocks, forwardTables, laneBits } from './forward.wgsl.js';
import { type SubgroupOptions, subgroupLayout, TURN } from './layout.js';

/** The WGSL. Bindings: src/kernels/train/subgroup.ts. */
export function subgroupTrain(o: SubgroupOptions): string {
  const { hidden, lanes, unitsPerSubgroup } = o;
  const layout = subgroupLayout(o);
  const { featureBlocks, blocks, turns, quads, lanesPerWord, log2Lanes, subgroups, rowWords, batch, state } =
    layout;
  const inStorage = o.partials === 'storage';
  /** A quad of the parts of the logits: [subgroup][quad]. */
  const partial = (quad: string) => (inStorage ? `state[partialsAt + ${quad}]` : `partial[${quad}]`);
  const components = times(TURN, (j) => 'xyzw'[j]);
  const units = times(unitsPerSubgroup, (h) => h);
  const featureBlock = times(featureBlocks, (i) => i);
  const vectorBlocks = times(unitsPerSubgroup / lanes, (b) => b);
  const matrix = units.flatMap((h) => featureBlock.map((i) => `${h}_${i}`));
  const butterfly = (name: string) =>
    times(log2Lanes, (j) => `${name} += subgroupShuffle(${name}, lane ^ ${1 << j}u);`).join(' ');
  const adamw = (w: string, m: string, v: string, g: string) =>
    `{ let g = ${g}; ${m} = ${m} * beta1 + g * oneMinusBeta1; ${v} = ${v} * beta2 + (g * g) * oneMinusBeta2; ` +
    `${w} = ${w} * decay - (${m} * stepSize) / (sqrt(${v}) * invRootCorrection2 + eps); }`;
  /** A float of the state behind the matrices. */
  const scalar = (at: string) => `state[(${at}) >> 2u][(${at}) & 3u]`;
  const vector = (k: number, b: number) => scalar(`vectorsBase + ${k * hidden + b * lanes}u`);
  /** Moves the variables of a matrix by four, the components of `last` coming in at the end. */
  const shiftDown = (name: string, last: string[]) =>
    matrix
      .map(
        (k, i) =>
          `${name}${k} = ${i + 4 < matrix.length ? `${name}${matrix[i + 4]}` : last[i + 4 - matrix.length]};`,
      )
      .join(' ');
  const fourOf = (name: string) => components.map((c) => `${name}.${c}`);
  const firstOf = (name: string) => components.map((_, i) => `${name}${matrix[i]}`);

  return /* wgsl */ `
enable subgroups;
diagnostic(off, subgroup_uniformity);

struct Chunk { stride: u32, matrixBlocks: u32, turns: u32, subgroups: u32 }
${SLOT.wgsl}
${HYPER.wgsl}
${STEP.wgsl}

@group(0) @binding(0) var<uniform> chunk: Chunk;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> hypers: array<Hyper>;
@group(0) @binding(3) var<storage, read> steps: array<Step>;
@group(0) @binding(4) var<storage, read> batches: array<vec4u>;
@group(0) @binding(5) var<storage, read> paused: array<u32>;
@group(0) @binding(6) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> sums: array<vec4u>;

${inStorage ? '' : `var<workgroup> partial: array<vec4f, ${subgroups * quads}>;`}
var<workgroup> gradient: array<vec4f, ${quads}>;

${bce}
${sumNames}

@compute @workgroup_size(${subgroups * lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // The same number as index, in a form that LLVM does not take apart with divisions.
  let id = subgroupShuffle(index, lane);
  let subgroup = id >> ${log2Lanes}u;
  let slot = slots[group.x].slot;
  let count = select(slots[group.x].steps, 0u, paused[slot] != 0u);
  let hyper = hypers[slot];
  let decay = hyper.decay; let eps = hyper.eps;
  let beta1 = hyper.beta1; let oneMinusBeta1 = hyper.oneMinusBeta1;
  let beta2 = hyper.beta2; let oneMinusBeta2 = hyper.oneMinusBeta2;
  ${laneBits(log2Lanes)}

  // One load in a loop, the variables shifted past it: each load that stands in the code costs compile time.
  let base = slot * ${state.floats}u;
  let matrixBase = (base + subgroup * ${unitsPerSubgroup * featureBlocks * lanes}u) / 4u + lane;
  ${lines(matrix.map((k) => `var w${k} = 0.0; var m${k} = 0.0; var v${k} = 0.0;`))}
  for (var k = 0u; k < chunk.matrixBlocks; k += 4u) {
    let at = matrixBase + k * ${lanes / 4}u;
    let w = state[at]; let m = state[at + ${state.matrix / 4}u]; let v = state[at + ${state.matrix / 2}u];
    ${shiftDown('w', fourOf('w'))}
    ${shiftDown('m', fourOf('m'))}
    ${shiftDown('v', fourOf('v'))}
  }
  let vectorsBase = base + ${state.vectorsAt}u + subgroup * ${unitsPerSubgroup}u + lane;
  ${lines(
    vectorBlocks.map((b) =>
      ['b', 'o', 'bm', 'om', 'bv', 'ov'].map((name, k) => `var ${name}${b} = ${vector(k, b)};`).join(' '),
    ),
  )}
  let outputAt = (base + ${state.outputBiasAt}u) / 4u;
  let partialsAt = (base + ${state.partialsAt}u) / 4u;
  let output = state[outputAt];
  var bias = output.x; var biasM = output.y; var biasV = output.z;

  let sumsAt = slot * sumsOfWindow * ${quads}u + (id & ${quads - 1}u);
  var losses = bitcast<vec4f>(sums[sumsAt + lossesSum * ${quads}u]);
  var hits = sums[sumsAt + hitsSum * ${quads}u];
  var smallHits = sums[sumsAt + smallHitsSum * ${quads}u];
  var nanSteps = sums[sumsAt + nanStepsSum * ${quads}u];

  for (var s = 0u; s < count; s++) {
    let at = group.x * chunk.stride + s;
    let batchAt = at * ${batch.vec4s}u;
    let step = steps[at];

    // Forward. Table T of unit h and feature group g: lane l holds the sum of the weights whose bit is set in l.
    ${forwardTables(o)}
    ${lines(units.map((h) => `var active${h} = 0u;`))}
    let turns = chunk.turns;
    let components = ${blocks}u / turns;
    for (var turn = 0u; turn < turns; turn++) {
      let quad = turn * ${lanes}u + lane;
      ${lines(times(rowWords, (word) => `let row${word} = batches[batchAt + ${word * quads}u + quad];`))}
      ${forwardBlocks(
        o,
        (h, these) => `active${h} |= ${these.map((j) => `select(0u, sample${j}, z${j} > 0.0)`).join(' | ')};`,
        true,
      )}
      ${partial(`subgroup * ${quads}u + quad`)} = logits;
    }
    ${inStorage ? 'storageBarrier();' : ''}
    workgroupBarrier();

    if (id < ${quads}u) {
      var z = vec4f(bias);
      for (var k = 0u; k < chunk.subgroups; k++) { z += ${partial(`k * ${quads}u + id`)}; }
      let labels = batches[batchAt + ${batch.labelsAt}u + id];
      let whole = step.count == ${o.batch}.0;
      // A sample that met a NaN counts all steps from there on, those with smaller batches too.
      nanSteps += min(nanSteps, vec4u(1u));
      var dz = vec4f(0.0);
      ${lines(
        components.map((c, j) =>
          lines([
            `if (f32(id * ${TURN}u + ${j}u) < step.count) {`,
            `  let result = bce(z.${c}, f32(labels.${c}));`,
            `  dz.${c} = result.gradient * step.invCount;`,
            `  losses.${c} += result.loss * step.invCount;`,
            '  let hit = select(0u, 1u, result.correct);',
            `  hits.${c} += select(0u, hit, whole);`,
            `  smallHits.${c} += select(hit, 0u, whole);`,
            `  nanSteps.${c} = max(nanSteps.${c}, select(0u, 1u, isNan(z.${c})));`,
            '}',
          ]),
        ),
      )}
      gradient[id] = dz;
    }
    workgroupBarrier();

    // Backward.
    let stepSize = step.stepSize; let invRootCorrection2 = step.invRootCorrection2;
    ${lines(
      times(turns, (q) => {
        const parts = components.map((c, j) => `let d${q * TURN + j} = quad${q}.${c};`);
        return `let quad${q} = gradient[${q * lanes}u + lane]; ${parts.join(' ')}`;
      }),
    )}
    var biasGradient = ${times(blocks, (v) => `d${v}`).join(' + ')}; ${butterfly('biasGradient')}
    ${lines(
      units.map(
        (h) =>
          `var q${h} = active${h}; ${times(Math.log2(lanesPerWord), (j) => `q${h} |= subgroupShuffle(q${h}, lane ^ ${1 << j}u) << ${blocks << j}u;`).join(' ')}`,
      ),
    )}
    ${lines(featureBlock.map((i) => `var columns${i} = batches[batchAt + ${batch.columnsAt + i * lanes}u + lane];`))}
    ${backwardSums(o)}

    // dL/dw2 of unit h is the sum over samples of dL/dz2 * relu(z1), which is w1 . G + b1 * S: no second pass.
    ${lines(vectorBlocks.map((b) => `var dots${b} = 0.0;`))}
    ${lines(
      units.map((h) => {
        const b = Math.floor(h / lanes);
        return (
          `{ var t = ${featureBlock.map((i) => `w${h}_${i} * g${h}_${i}`).join(' + ')}; ${butterfly('t')} ` +
          `dots${b} = select(dots${b}, t, lane == ${h % lanes}u); } ` +
          featureBlock
            .map((i) => adamw(`w${h}_${i}`, `m${h}_${i}`, `v${h}_${i}`, `ow${h} * g${h}_${i}`))
            .join(' ')
        );
      }),
    )}
    ${lines(
      vectorBlocks.map((b) =>
        lines([
          `let gb${b} = o${b} * s${b}; let go${b} = dots${b} + b${b} * s${b};`,
          adamw(`b${b}`, `bm${b}`, `bv${b}`, `gb${b}`),
          adamw(`o${b}`, `om${b}`, `ov${b}`, `go${b}`),
        ]),
      ),
    )}
    ${adamw('bias', 'biasM', 'biasV', 'biasGradient')}
  }

  for (var k = 0u; k < chunk.matrixBlocks; k += 4u) {
    let at = matrixBase + k * ${lanes / 4}u;
    let w = vec4f(${firstOf('w').join(', ')});
    let m = vec4f(${firstOf('m').join(', ')});
    let v = vec4f(${firstOf('v').join(', ')});
    state[at] = w; state[at + ${state.matrix / 4}u] = m; state[at + ${state.matrix / 2}u] = v;
    ${shiftDown('w', fourOf('w'))}
    ${shiftDown('m', fourOf('m'))}
    ${shiftDown('v', fourOf('v'))}
  }
  ${lines(
    vectorBlocks.map((b) =>
      ['b', 'o', 'bm', 'om', 'bv', 'ov'].map((name, k) => `${vector(k, b)} = ${name}${b};`).join(' '),
    ),
  )}
  if (id == 0u) { state[outputAt] = vec4f(bias, biasM, biasV, 0.0); }
  if (id < ${quads}u) {
    sums[sumsAt + lossesSum * ${quads}u] = bitcast<vec4u>(losses);
    sums[sumsAt + hitsSum * ${quads}u] = hits;
    sums[sumsAt + smallHitsSum * ${quads}u] = smallHits;
    sums[sumsAt + nanStepsSum * ${quads}u] = nanSteps;
  }
}
`;
}
