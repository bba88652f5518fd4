/**
 * Many training steps of many runs in one dispatch: a workgroup a run, weights and moments in registers from the
 * first step to the last. Sums over 0/1 inputs are looked up in tables that live across the lanes of a subgroup
 * (`subgroupShuffle` is a table look-up of as many entries as there are lanes), so there is no multiply-add a
 * weight. It is not the oracle: portable-*.wgsl.ts are, and say the same thing plainly.
 *
 * A subgroup owns `unitsPerSubgroup` hidden units; who sits in which lane when: shuffle-layout.ts.
 */

import { bce } from './bce.wgsl.js';
import { forwardBlocks, forwardTables, laneBits, loadRows } from './shuffle-forward.wgsl.js';
import { bitGroups, SHUFFLE_BATCH, type ShuffleOptions, shuffleLayout } from './shuffle-layout.js';
import { lines, sumOf, times } from './text.js';

/** Blocks of samples a turn of the forward loop: with few features a turn is short, and its overhead shows. */
function blocksPerTurn({ features }: ShuffleOptions): number {
  return features <= 16 ? 2 : 1;
}

/** The WGSL. Bindings: src/kernels/shuffle.ts. */
export function shuffleTrain(o: ShuffleOptions): string {
  const { hidden, lanes, unitsPerSubgroup } = o;
  const layout = shuffleLayout(o);
  const { featureBlocks, blocks, lanesPerWord, log2Lanes, subgroups, batch, state } = layout;
  const turn = blocksPerTurn(o);
  const units = times(unitsPerSubgroup, (h) => h);
  const featureBlock = times(featureBlocks, (i) => i);
  const vectorBlocks = times(unitsPerSubgroup / lanes, (b) => b);
  const matrix = units.flatMap((h) => featureBlock.map((i) => `${h}_${i}`));
  const laneMask = `${lanes - 1}u`;
  const sampleGroups = bitGroups(0, 32, log2Lanes);
  const butterfly = (name: string) =>
    times(log2Lanes, (j) => `${name} += subgroupShuffle(${name}, lane ^ ${1 << j}u);`).join(' ');
  const adamw = (w: string, m: string, v: string, g: string) =>
    `{ let g = ${g}; ${m} = ${m} * beta1 + g * oneMinusBeta1; ${v} = ${v} * beta2 + (g * g) * oneMinusBeta2; ` +
    `${w} = ${w} * decay - (${m} * stepSize) / (sqrt(${v}) * invRootCorrection2 + eps); }`;
  const vectorAt = (k: number, b: number) => `vectorsBase + ${k * hidden + b * lanes}u`;
  const shiftDown = (name: string, last: string) =>
    matrix
      .map((k, i) => `${name}${k} = ${i + 1 < matrix.length ? `${name}${matrix[i + 1]}` : last};`)
      .join(' ');

  return /* wgsl */ `
enable subgroups;
diagnostic(off, subgroup_uniformity);

struct Chunk { stride: u32, matrixBlocks: u32, blocks: u32, subgroups: u32 }
struct Slot { slot: u32, steps: u32, closes: u32, position: u32 }
struct Hyper { decay: f32, beta1: f32, oneMinusBeta1: f32, beta2: f32, oneMinusBeta2: f32, eps: f32 }
struct Step { stepSize: f32, invRootCorrection2: f32, invCount: f32, count: f32 }

@group(0) @binding(0) var<uniform> chunk: Chunk;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> hypers: array<Hyper>;
@group(0) @binding(3) var<storage, read> steps: array<Step>;
@group(0) @binding(4) var<storage, read> batches: array<u32>;
@group(0) @binding(5) var<storage, read> paused: array<u32>;
@group(0) @binding(6) var<storage, read_write> state: array<f32>;
@group(0) @binding(7) var<storage, read_write> sums: array<u32>;

var<workgroup> partial: array<f32, ${subgroups * SHUFFLE_BATCH}>;
var<workgroup> gradient: array<f32, ${SHUFFLE_BATCH}>;

${bce}

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
  let matrixBase = base + subgroup * ${unitsPerSubgroup * featureBlocks * lanes}u + lane;
  ${lines(matrix.map((k) => `var w${k} = 0.0; var m${k} = 0.0; var v${k} = 0.0;`))}
  for (var k = 0u; k < chunk.matrixBlocks; k++) {
    let at = matrixBase + k * ${lanes}u;
    let w = state[at]; let m = state[at + ${state.matrix}u]; let v = state[at + ${2 * state.matrix}u];
    ${shiftDown('w', 'w')}
    ${shiftDown('m', 'm')}
    ${shiftDown('v', 'v')}
  }
  let vectorsBase = base + ${state.vectorsAt}u + subgroup * ${unitsPerSubgroup}u + lane;
  ${lines(
    vectorBlocks.map((b) =>
      ['b', 'o', 'bm', 'om', 'bv', 'ov']
        .map((name, k) => `var ${name}${b} = state[${vectorAt(k, b)}];`)
        .join(' '),
    ),
  )}
  let outputAt = base + ${state.outputBiasAt}u;
  var bias = state[outputAt]; var biasM = state[outputAt + 1u]; var biasV = state[outputAt + 2u];

  let sumsAt = slot * ${4 * SHUFFLE_BATCH}u + (id & ${SHUFFLE_BATCH - 1}u);
  var lossSum = bitcast<f32>(sums[sumsAt]);
  var hits = sums[sumsAt + ${SHUFFLE_BATCH}u];
  var hitsOfPartial = sums[sumsAt + ${2 * SHUFFLE_BATCH}u];
  var nanSteps = sums[sumsAt + ${3 * SHUFFLE_BATCH}u];

  for (var s = 0u; s < count; s++) {
    let at = group.x * chunk.stride + s;
    let batchAt = at * ${batch.words}u;
    let step = steps[at];

    // Forward. Table T of unit h and feature group g: lane l holds the sum of the weights whose bit is set in l.
    ${forwardTables(o)}
    ${lines(units.map((h) => `var active${h} = 0u;`))}
    let blocks = chunk.blocks;
    for (var block = 0u; block < blocks; block += ${turn}u) {
      ${loadRows(o, turn, (word, j) => `batches[batchAt + ${word * SHUFFLE_BATCH + j * lanes}u + block * ${lanes}u + lane]`)}
      ${lines(times(turn, (j) => `let sample${j} = 1u << (block + ${j}u);`))}
      ${forwardBlocks(
        o,
        turn,
        (h) => `active${h} |= ${times(turn, (j) => `select(0u, sample${j}, z${j} > 0.0)`).join(' | ')};`,
      )}
      ${lines(times(turn, (j) => `partial[subgroup * ${SHUFFLE_BATCH}u + (block + ${j}u) * ${lanes}u + lane] = out${j};`))}
    }
    workgroupBarrier();

    if (id < ${SHUFFLE_BATCH}u) {
      var z = bias;
      for (var k = 0u; k < chunk.subgroups; k += 4u) {
        let q = k * ${SHUFFLE_BATCH}u + id;
        z += (partial[q] + partial[q + ${SHUFFLE_BATCH}u]) + (partial[q + ${2 * SHUFFLE_BATCH}u] + partial[q + ${3 * SHUFFLE_BATCH}u]);
      }
      let valid = f32(id) < step.count;
      let result = bce(z, f32(batches[batchAt + ${batch.labelsAt}u + id]));
      gradient[id] = select(0.0, result.gradient * step.invCount, valid);
      lossSum += select(0.0, result.loss * step.invCount, valid);
      let hit = select(0u, 1u, valid && result.correct);
      let whole = step.count == ${SHUFFLE_BATCH}.0;
      hits += select(0u, hit, whole);
      hitsOfPartial += select(hit, 0u, whole);
      nanSteps += select(0u, 1u, valid && isNan(z));
    }
    workgroupBarrier();

    // Backward. Table D of sample group g: lane l holds the sum of dL/dz2 over the samples whose bit is set in l.
    let stepSize = step.stepSize; let invRootCorrection2 = step.invRootCorrection2;
    ${lines(times(blocks, (v) => `let d${v} = gradient[${v * lanes}u + lane];`))}
    var biasGradient = ${times(blocks, (v) => `d${v}`).join(' + ')}; ${butterfly('biasGradient')}
    ${lines(
      units.map(
        (h) =>
          `var s${h} = ${sumOf(times(blocks, (v) => `select(0.0, d${v}, (active${h} & ${(1 << v) >>> 0}u) != 0u)`))}; ${butterfly(`s${h}`)} ` +
          `var q${h} = active${h}; ${times(Math.log2(lanesPerWord), (j) => `q${h} |= subgroupShuffle(q${h}, lane ^ ${1 << j}u) << ${blocks << j}u;`).join(' ')}`,
      ),
    )}
    ${lines(matrix.map((k) => `var g${k} = 0.0;`))}
    for (var p = 0u; p < 4u; p++) {
      let source = ${lanesPerWord}u * p;
      ${lines(times(32, (b) => `let e${b} = subgroupShuffle(d${b % blocks}, source + ${Math.floor(b / blocks)}u);`))}
      ${lines(
        sampleGroups.map(
          ({ shift, count }, g) =>
            `let D${g} = ${times(count, (j) => `bitcast<f32>(bitcast<u32>(e${shift + j}) & bit${j})`).join(' + ')};`,
        ),
      )}
      ${lines(
        featureBlock.map(
          (i) =>
            `let column${i} = batches[batchAt + ${batch.columnsAt + i * lanes}u + p * ${featureBlocks * lanes}u + lane]; ` +
            sampleGroups
              .map(({ shift }, g) => `let x${i}_${g} = (column${i} >> ${shift}u) & ${laneMask};`)
              .join(' '),
        ),
      )}
      ${lines(
        units.map((h) => {
          const masks = sampleGroups.map(({ shift }, g) => `let mask${g} = mask >> ${shift}u;`).join(' ');
          const sums = featureBlock.map((i) => {
            const terms = sampleGroups.map((_, g) => `subgroupShuffle(D${g}, x${i}_${g} & mask${g})`);
            return `g${h}_${i} += ${sumOf(terms)};`;
          });
          return `{ let mask = subgroupShuffle(q${h}, source); ${masks} ${sums.join(' ')} }`;
        }),
      )}
    }

    // dL/dw2 of unit h is sum over samples of dL/dz2 * relu(z1), which is w1 . G + b1 * S: no second pass.
    ${lines(vectorBlocks.map((b) => `var gb${b} = 0.0; var go${b} = 0.0;`))}
    ${lines(
      units.map((h) => {
        const b = Math.floor(h / lanes);
        const mine = `lane == ${h % lanes}u`;
        return (
          `{ var t = ${featureBlock.map((i) => `w${h}_${i} * g${h}_${i}`).join(' + ')}; ${butterfly('t')} t += hb${h} * s${h}; ` +
          `gb${b} = select(gb${b}, ow${h} * s${h}, ${mine}); go${b} = select(go${b}, t, ${mine}); } ` +
          featureBlock
            .map((i) => adamw(`w${h}_${i}`, `m${h}_${i}`, `v${h}_${i}`, `ow${h} * g${h}_${i}`))
            .join(' ')
        );
      }),
    )}
    ${lines(vectorBlocks.map((b) => `${adamw(`b${b}`, `bm${b}`, `bv${b}`, `gb${b}`)} ${adamw(`o${b}`, `om${b}`, `ov${b}`, `go${b}`)}`))}
    ${adamw('bias', 'biasM', 'biasV', 'biasGradient')}
  }

  for (var k = 0u; k < chunk.matrixBlocks; k++) {
    let at = matrixBase + k * ${lanes}u;
    state[at] = w0_0; state[at + ${state.matrix}u] = m0_0; state[at + ${2 * state.matrix}u] = v0_0;
    ${shiftDown('w', 'w0_0')}
    ${shiftDown('m', 'm0_0')}
    ${shiftDown('v', 'v0_0')}
  }
  ${lines(
    vectorBlocks.map((b) =>
      ['b', 'o', 'bm', 'om', 'bv', 'ov']
        .map((name, k) => `state[${vectorAt(k, b)}] = ${name}${b};`)
        .join(' '),
    ),
  )}
  if (id == 0u) { state[outputAt] = bias; state[outputAt + 1u] = biasM; state[outputAt + 2u] = biasV; }
  if (id < ${SHUFFLE_BATCH}u) {
    sums[sumsAt] = bitcast<u32>(lossSum);
    sums[sumsAt + ${SHUFFLE_BATCH}u] = hits;
    sums[sumsAt + ${2 * SHUFFLE_BATCH}u] = hitsOfPartial;
    sums[sumsAt + ${3 * SHUFFLE_BATCH}u] = nanSteps;
  }
}
`;
}
