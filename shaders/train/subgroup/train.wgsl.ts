/**
 * Many training steps of many runs in one dispatch: a workgroup for each run, with weights and moments in registers
 * from the first step to the last. Sums over 0/1 inputs are looked up in tables that live across the lanes of a
 * subgroup (`subgroupShuffle` is a look-up in a table with an entry in each lane), so no weight costs a multiply-add.
 * The oracle is portable/*.wgsl.ts, which say the same plainly.
 *
 * A subgroup owns `unitsPerSubgroup` hidden units; layout.ts says what each lane holds when.
 */
import { bce } from '../../shared/bce.wgsl.js';
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { HYPER, POSITION, STEP, sumNames } from '../chunk.wgsl.js';
import { backwardSums } from './backward.wgsl.js';
import { forwardBlocks, forwardTables, laneBits } from './forward.wgsl.js';
import { CHUNK, type SubgroupOptions, subgroupLayout, TURN } from './layout.js';
import { subgroupSizes } from './sizes.wgsl.js';

/** Bindings: src/kernels/train/subgroup.ts. */
export function subgroupTrain(o: SubgroupOptions): string {
  const { state } = subgroupLayout(o);
  const inStorage = o.partials === 'storage';
  return wgsl`
enable subgroups;
diagnostic(off, subgroup_uniformity);

${subgroupSizes(o)}
const batchSize = ${o.batch}u;
/** Floats of a run's state; vec4s of a matrix in it; then where its other parts begin, in floats. */
const stateFloats = ${state.floats}u;
const matrixVec4s = ${state.matrix / 4}u;
const vectorsAt = ${state.vectorsAt}u;
const outputBiasAt = ${state.outputBiasAt}u;
const partialLogitsAt = ${state.partialsAt}u;
${sumNames}

${CHUNK.wgsl}

${POSITION.wgsl}

${HYPER.wgsl}

${STEP.wgsl}

@group(0) @binding(0) var<uniform> chunk: Chunk;
@group(0) @binding(1) var<storage, read> positions: array<Position>;
@group(0) @binding(2) var<storage, read> hypers: array<Hyper>;
@group(0) @binding(3) var<storage, read> steps: array<Step>;
@group(0) @binding(4) var<storage, read> batches: array<vec4u>;
@group(0) @binding(5) var<storage, read> paused: array<u32>;
@group(0) @binding(6) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> sums: array<vec4u>;

#if ${!inStorage}
/** The subgroups' parts of the logits: [subgroup][quad]. */
var<workgroup> partial: array<vec4f, subgroups * quads>;
#endif
/** dL/dz2: [quad]. */
var<workgroup> gradient: array<vec4f, quads>;

${bce}

fn loaded(at: u32) -> f32 { return state[at >> 2u][at & 3u]; }

/**
 * The number of each lane; one lane in four writes those of four. In WGSL a write of one component of a vector may be a write of
 * the whole.
 */
fn store(at: u32, x: f32, lane: u32) {
  let four = vec4f(
    x,
    subgroupShuffle(x, lane | 1u),
    subgroupShuffle(x, lane | 2u),
    subgroupShuffle(x, lane | 3u),
  );
  if ((lane & 3u) == 0u) { state[at >> 2u] = four; }
}

@compute @workgroup_size(subgroups * lanes)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // Equals index, in a form that LLVM does not take apart with divisions.
  let id = subgroupShuffle(index, lane);
  let subgroup = id >> log2Lanes;
  let slot = positions[group.x].slot;
  let count = select(positions[group.x].steps, 0u, paused[slot] != 0u);
  let hyper = hypers[slot];
  let decay = hyper.decay;
  let eps = hyper.eps;
  let beta1 = hyper.beta1;
  let oneMinusBeta1 = hyper.oneMinusBeta1;
  let beta2 = hyper.beta2;
  let oneMinusBeta2 = hyper.oneMinusBeta2;
  ${laneBits(o)}

  ${loadState(o)}

  let sumsAt = slot * sumsOfWindow * quads + (id & (quads - 1u));
  var losses = bitcast<vec4f>(sums[sumsAt + lossesSum * quads]);
  var hits = sums[sumsAt + hitsSum * quads];
  var smallHits = sums[sumsAt + smallHitsSum * quads];
  var nanSteps = sums[sumsAt + nanStepsSum * quads];

  for (var s = 0u; s < count; s++) {
    let at = group.x * chunk.stride + s;
    let batchAt = at * batchVec4s;
    let step = steps[at];

    ${forward(o)}

    ${lossOfSamples(o)}

    ${backward(o)}

    ${update(o)}
  }

  ${saveState(o)}
  if (id < quads) {
    sums[sumsAt + lossesSum * quads] = bitcast<vec4u>(losses);
    sums[sumsAt + hitsSum * quads] = hits;
    sums[sumsAt + smallHitsSum * quads] = smallHits;
    sums[sumsAt + nanStepsSum * quads] = nanSteps;
  }
}
`;
}

/** The variables of a run's state in a lane. */
function variablesOf({ unitsPerSubgroup, lanes, features }: SubgroupOptions) {
  /** `<unit>_<block of features>`, in the order in which a state has them. */
  const matrix = times(unitsPerSubgroup, (h) =>
    times(Math.ceil(features / lanes), (i) => `${h}_${i}`),
  ).flat();
  const last = matrix.length - TURN;
  return {
    matrix,
    /** A matrix moved by four variables: what goes where, and which components come in at the end. */
    moves: matrix.slice(0, last).map((to, k) => ({ to, from: matrix[k + TURN] })),
    coming: matrix.slice(last).map((to, k) => ({ to, component: 'xyzw'[k] })),
    first: [{ x: matrix[0], y: matrix[1], z: matrix[2], w: matrix[3] }],
    blocks: unitsPerSubgroup / lanes,
    /** b1 and w2, their first moments, their second moments. */
    vectors: ['b', 'o', 'bm', 'om', 'bv', 'ov'].map((name, k) => ({ name, k })),
  };
}

/** Moves a state's matrices by a vec4: the variables take each other's values, the last four those of w, m and v. */
function shifted(o: SubgroupOptions): string {
  const { moves, coming } = variablesOf(o);
  return wgsl`
#for x in ${['w', 'm', 'v']}
#for move in ${moves}
$x$move.to = $x$move.from;
#endfor
#for last in ${coming}
$x$last.to = $x.$last.component;
#endfor
#endfor
`;
}

/** A single load, in a loop that moves the variables past it: each load that stands in the code costs compile time. */
function loadState(o: SubgroupOptions): string {
  const { matrix, blocks, vectors } = variablesOf(o);
  return wgsl`
let base = slot * stateFloats;
let matrixBase = (base + subgroup * (unitsPerSubgroup * featureBlocks * lanes)) / 4u + lane;
#for k in ${matrix}
var w$k = 0.0;
var m$k = 0.0;
var v$k = 0.0;
#endfor
for (var k = 0u; k < chunk.matrixBlocks; k += 4u) {
  let at = matrixBase + k * (lanes / 4u);
  let w = state[at];
  let m = state[at + matrixVec4s];
  let v = state[at + 2u * matrixVec4s];
  ${shifted(o)}
}
let vectorsBase = base + vectorsAt + subgroup * unitsPerSubgroup + lane;
#for b in ${blocks}
#for x in ${vectors}
var $x.name$b = loaded(vectorsBase + ($x.k * hidden + $b * lanes));
#endfor
#endfor
let outputAt = (base + outputBiasAt) / 4u;
let partialsAt = (base + partialLogitsAt) / 4u;
let output = state[outputAt];
var bias = output.x;
var biasM = output.y;
var biasV = output.z;
`;
}

function saveState(o: SubgroupOptions): string {
  const { first, blocks, vectors } = variablesOf(o);
  return wgsl`
for (var k = 0u; k < chunk.matrixBlocks; k += 4u) {
  let at = matrixBase + k * (lanes / 4u);
  #for x in ${['w', 'm', 'v']}
  #for k in ${first}
  let $x = vec4f($x$k.x, $x$k.y, $x$k.z, $x$k.w);
  #endfor
  #endfor
  state[at] = w;
  state[at + matrixVec4s] = m;
  state[at + 2u * matrixVec4s] = v;
  ${shifted(o)}
}
#for b in ${blocks}
#for x in ${vectors}
store(vectorsBase + ($x.k * hidden + $b * lanes), $x.name$b, lane);
#endfor
#endfor
if (id == 0u) { state[outputAt] = vec4f(bias, biasM, biasV, 0.0); }
`;
}

/** The subgroups' parts of the logits. */
function forward(o: SubgroupOptions): string {
  return wgsl`
// Table T of unit h and feature group g: lane l holds the sum of the weights whose bit is set in l.
${forwardTables(o, { kept: false })}
#for h in ${o.unitsPerSubgroup}
var active$h = 0u;
#endfor
let turns = chunk.turns;
let components = blocks / turns;
for (var turn = 0u; turn < turns; turn++) {
  let quad = turn * lanes + lane;
  #for word in ${Math.ceil(o.features / 32)}
  let row$word = batches[batchAt + $word * quads + quad];
  #endfor
  ${forwardBlocks(o, { loop: true, active: true })}
  #if ${o.partials === 'storage'}
  state[partialsAt + subgroup * quads + quad] = logits;
  #else
  partial[subgroup * quads + quad] = logits;
  #endif
}
`;
}

/** Losses, and dL/dz2 in `gradient`: each of the first invocations takes four samples. */
function lossOfSamples({ partials }: SubgroupOptions): string {
  return wgsl`
#if ${partials === 'storage'}
storageBarrier();
#endif
workgroupBarrier();

if (id < quads) {
  var z = vec4f(bias);
  for (var k = 0u; k < chunk.subgroups; k++) {
    #if ${partials === 'storage'}
    z += state[partialsAt + k * quads + id];
    #else
    z += partial[k * quads + id];
    #endif
  }
  let labels = batches[batchAt + labelsAt + id];
  let whole = step.count == f32(batchSize);
  // Once a sample has met a NaN it counts every step, also those whose smaller batches leave it out.
  nanSteps += min(nanSteps, vec4u(1u));
  var dz = vec4f(0.0);
  #for sample in ${times(TURN, (j) => ({ j, c: 'xyzw'[j] }))}
  if (f32(id * quadSamples + $sample.j) < step.count) {
    let result = bce(z.$sample.c, f32(labels.$sample.c));
    dz.$sample.c = result.gradient * step.invCount;
    losses.$sample.c += result.loss * step.invCount;
    let hit = select(0u, 1u, result.correct);
    hits.$sample.c += select(0u, hit, whole);
    smallHits.$sample.c += select(hit, 0u, whole);
    nanSteps.$sample.c = max(nanSteps.$sample.c, select(0u, 1u, isNan(z.$sample.c)));
  }
  #endfor
  gradient[id] = dz;
}
workgroupBarrier();
`;
}

/** dL/dz2 by lane, then the sums of {@link backwardSums}. */
function backward(o: SubgroupOptions): string {
  const { featureBlocks, blocks, turns, lanesPerWord, log2Lanes } = subgroupLayout(o);
  const components = (q: number) => times(TURN, (j) => ({ block: q * TURN + j, c: 'xyzw'[j] }));
  return wgsl`
let stepSize = step.stepSize;
let invRootCorrection2 = step.invRootCorrection2;
#for turn in ${times(turns, (q) => ({ q, components: components(q) }))}
let quad$turn.q = gradient[$turn.q * lanes + lane];
#for of in $turn.components
let d$of.block = quad$turn.q.$of.c;
#endfor
#endfor
var biasGradient = #chain(v in ${blocks}: d$v);
#for j in ${log2Lanes}
biasGradient += subgroupShuffle(biasGradient, lane ^ (1u << $j));
#endfor
#for h in ${o.unitsPerSubgroup}
var q$h = active$h;
#for j in ${Math.log2(lanesPerWord)}
q$h |= subgroupShuffle(q$h, lane ^ (1u << $j)) << (blocks << $j);
#endfor
#endfor
#for i in ${featureBlocks}
var columns$i = batches[batchAt + (columnsAt + $i * lanes) + lane];
#endfor
${backwardSums(o)}
`;
}

/** AdamW (Loshchilov and Hutter 2019) on one parameter: `p` names the weight, its moments and its gradient. */
const adamw = wgsl`
{
  let g = $p.g;
  $p.m = $p.m * beta1 + g * oneMinusBeta1;
  $p.v = $p.v * beta2 + (g * g) * oneMinusBeta2;
  $p.w = $p.w * decay - ($p.m * stepSize) / (sqrt($p.v) * invRootCorrection2 + eps);
}
`;

/** dL/dw2 of unit h, the sum over samples of dL/dz2 * relu(z1), is w1 . G + b1 * S: no second pass over the samples. */
function update(o: SubgroupOptions): string {
  const { featureBlocks, log2Lanes } = subgroupLayout(o);
  const parameter = (k: string, g: string) => ({ w: `w${k}`, m: `m${k}`, v: `v${k}`, g });
  const vector = (name: string, b: number) => {
    return { w: `${name}${b}`, m: `${name}m${b}`, v: `${name}v${b}`, g: `g${name}${b}` };
  };
  const units = times(o.unitsPerSubgroup, (h) => ({
    h,
    block: Math.floor(h / o.lanes),
    parameters: times(featureBlocks, (i) => parameter(`${h}_${i}`, `ow${h} * g${h}_${i}`)),
  }));
  const vectors = times(o.unitsPerSubgroup / o.lanes, (b) => ({
    b,
    parameters: [vector('b', b), vector('o', b)],
  }));
  const outputBias = [{ w: 'bias', m: 'biasM', v: 'biasV', g: 'biasGradient' }];
  return wgsl`
#for of in ${vectors}
var dots$of.b = 0.0;
#endfor
#for u in ${units}
{
  var t = #chain(i in ${featureBlocks}: w$u.h_$i * g$u.h_$i);
  #for j in ${log2Lanes}
  t += subgroupShuffle(t, lane ^ (1u << $j));
  #endfor
  dots$u.block = select(dots$u.block, t, lane == $u.h % lanes);
}
#for p in $u.parameters
${adamw}
#endfor
#endfor
#for of in ${vectors}
let gb$of.b = o$of.b * s$of.b;
let go$of.b = dots$of.b + b$of.b * s$of.b;
#for p in $of.parameters
${adamw}
#endfor
#endfor
#for p in ${outputBias}
${adamw}
#endfor
`;
}
