/**
 * The training step as two products of matrices cut into tiles, for GPUs: a workgroup of 256 holds a tile of the
 * result in registers and streams both factors through workgroup memory. One module serves two ways to launch it:
 * `train` does many steps of one run in one workgroup (tiles-persistent.ts); `forward`, `loss`, `backward` and
 * `vectors` each do their part of one step of all runs in a dispatch (tiles-batched.ts). WebGPU's default limits, no
 * subgroups, any shape without recompiling.
 *
 * All of them add in the same order, whatever the size of the tiles: over features, samples and blocks of hidden
 * units in rising order, four neighbours first. So both ways to launch, and tiles of both sizes, give the same bits.
 *
 * Forward: z1[h, b] = b1[h] + sum over i of w1[h, i] x[b, i]. Two things are kept: a bit for each unit and sample
 * (was the unit active?), and the output's parts, summed over blocks of 64 units. Backward: G[h, i] = sum over b of
 * D[h, b] x[b, i], where D is dL/dz2 if the unit was active, else 0. The gradient of w1 is w2 G. That of b1 is w2 S,
 * where S is the sum over b of D. That of w2, the sum of D z1, is b1 S + sum over i of w1 G: no second pass over the
 * samples. x is 0 or 1, so every product with it is exact, and it does not matter whether a compiler fuses it with
 * the sum.
 */
import { bce } from '../../shared/bce.wgsl.js';
import { Struct } from '../../shared/struct.js';
import { wgsl } from '../../wgsl.js';
import { HYPER, noRow, POSITION, SOURCE, STEP, sumNames } from '../chunk.wgsl.js';
import { tilesBackward } from './backward.wgsl.js';
import { tilesForward } from './forward.wgsl.js';
import { ACROSS, type PerThread, SCRATCH_HEAD, TILE_INVOCATIONS, UNIT_BLOCK } from './size.js';

/** The uniform buffer. */
export const SHAPE = new Struct('Shape', {
  features: 'u32',
  featureQuads: 'u32',
  unitQuads: 'u32',
  batch: 'u32',
  sampleQuads: 'u32',
  rowWords: 'u32',
  // The forward pass: its tiles along units and samples; features of one of its stages.
  unitTiles: 'u32',
  sampleTiles: 'u32',
  depth: 'u32',
  // The backward pass: blocks of units and tiles of features; quads of each; invocations along the units; samples of
  // one of its stages; features of an invocation.
  unitBlocks: 'u32',
  featureTiles: 'u32',
  blockQuads: 'u32',
  tileQuads: 'u32',
  unitThreads: 'u32',
  staged: 'u32',
  perThread: 'u32',
  // Always 2: b1 and w2. It, `depth` and `perThread` could be constants, but compilers unroll loops over constants.
  vectors: 'u32',
  // Steps of a position in the per-step buffers.
  stride: 'u32',
  // Words of a position in the scratch buffer, and where its parts begin.
  scratchWords: 'u32',
  partialsAt: 'u32',
  activeAt: 'u32',
  dotsAt: 'u32',
  sumsAt: 'u32',
});

/** What all entry points share. */
const common = (): string => wgsl`
${SHAPE.wgsl}

${POSITION.wgsl}

${HYPER.wgsl}

${STEP.wgsl}

@group(0) @binding(0) var<uniform> shape: Shape;
`;

/**
 * Looks up rows and labels for all steps of a chunk (x: step, y: run): [position][step][rowWords + 1][sample]. The
 * labels are words of 0 or 1 after the rows.
 */
export const tilesGather = (): string => wgsl`
const invocations = 64u;
${noRow}

${common()}
${SOURCE.wgsl}

@group(0) @binding(1) var<storage, read> sources: array<Source>;
@group(0) @binding(2) var<storage, read> order: array<vec4u>;
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> batches: array<vec4u>;

@compute @workgroup_size(invocations)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let source = sources[group.y];
  if (group.x >= source.steps) { return; }
  let at = source.position * shape.stride + group.x;
  for (var quad = id; quad < shape.sampleQuads; quad += invocations) {
    let indices = order[at * shape.sampleQuads + quad];
    let exists = indices != vec4u(noRow);
    let row = select(vec4u(0u), indices, exists);
    var to = at * (shape.rowWords + 1u) * shape.sampleQuads + quad;
    let first = source.rows + row * shape.rowWords;
    for (var w = 0u; w < shape.rowWords; w++) {
      let words = vec4u(rows[first.x + w], rows[first.y + w], rows[first.z + w], rows[first.w + w]);
      batches[to] = select(vec4u(0u), words, exists);
      to += shape.sampleQuads;
    }
    let word = source.labels + (row >> vec4u(5u));
    let words = vec4u(labels[word.x], labels[word.y], labels[word.z], labels[word.w]);
    let bits = words >> (row & vec4u(31u));
    batches[to] = select(vec4u(0u), bits & vec4u(1u), exists);
  }
}
`;

interface TrainTilesOptions {
  perThread: PerThread;
}

/** The training kernels. Bindings: src/kernels/train/tiles.ts. */
export function trainTiles({ perThread }: TrainTilesOptions): string {
  return wgsl`
const invocations = ${TILE_INVOCATIONS}u;
/** Invocations along the units of a tile, and along the samples of a forward tile. */
const across = ${ACROSS}u;
/** vec4s along each side of an invocation's part of a tile; vec4s along each side of a whole forward tile. */
const quads = ${perThread / 4}u;
const side = across * quads;
/** Quads of units in a block: their parts of an output are added up before those of other blocks. */
const blockOfUnits = ${UNIT_BLOCK / 4}u;
/** Words before those of the first position in scratch. */
const scratchHead = ${SCRATCH_HEAD}u;
${sumNames}

${common()}
@group(0) @binding(1) var<storage, read> positions: array<Position>;
@group(0) @binding(2) var<storage, read> paused: array<u32>;
@group(0) @binding(3) var<storage, read> hypers: array<Hyper>;
@group(0) @binding(4) var<storage, read> steps: array<Step>;
@group(0) @binding(5) var<storage, read> batches: array<vec4u>;
/** [slot]: w1 as [feature][unit], b1, w2, a vec4 with b2; then the first moments of all these; then the second. */
@group(0) @binding(6) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> sums: array<u32>;
/** [position]: dL/dz2 [sample]; parts of outputs [block][sample]; active units; w1 . G [quad of features][unit]; S. */
@group(0) @binding(8) var<storage, read_write> scratch: array<u32>;

var<workgroup> tile: array<vec4f, 2u * invocations>;
var<workgroup> gradients: array<f32, invocations>;
var<workgroup> cursor: u32;

${bce}

/** One step of one run: its settings, and where its data begin: state and batch in vec4s, sums and scratch in words. */
struct Place {
  hyper: Hyper,
  step: Step,
  state: u32,
  batch: u32,
  sums: u32,
  scratch: u32,
}

fn place(position: u32, step: u32) -> Place {
  let slot = positions[position].slot;
  let at = position * shape.stride + step;
  return Place(
    hypers[slot],
    steps[at],
    slot * 3u * moment(),
    at * (shape.rowWords + 1u) * shape.sampleQuads,
    slot * sumsOfWindow * 4u * shape.sampleQuads,
    scratchHead + position * shape.scratchWords,
  );
}

/** vec4s of the weights, and of each moment. */
fn moment() -> u32 { return (4u * shape.featureQuads + 2u) * shape.unitQuads + 1u; }
fn b1At(at: Place) -> u32 { return at.state + 4u * shape.featureQuads * shape.unitQuads; }
fn w2At(at: Place) -> u32 { return b1At(at) + shape.unitQuads; }
fn b2At(at: Place) -> u32 { return w2At(at) + shape.unitQuads; }
fn number(at: u32) -> f32 { return bitcast<f32>(scratch[at]); }
fn numbers(at: u32) -> vec4f { return vec4f(number(at), number(at + 1u), number(at + 2u), number(at + 3u)); }

fn keep(at: u32, x: vec4f) {
  scratch[at] = bitcast<u32>(x.x);
  scratch[at + 1u] = bitcast<u32>(x.y);
  scratch[at + 2u] = bitcast<u32>(x.z);
  scratch[at + 3u] = bitcast<u32>(x.w);
}

/** Four weights of a row, 0 past its end. */
fn weightsOr0(row: u32, quad: u32) -> vec4f {
  if (quad < shape.unitQuads) { return state[row + quad]; }
  return vec4f();
}

/** One step of AdamW (Loshchilov and Hutter 2019) on four parameters, whose values w are loaded already. */
fn adamw(at: u32, w: vec4f, g: vec4f, hyper: Hyper, step: Step) {
  let m = fma(g, vec4f(hyper.oneMinusBeta1), state[at + moment()] * hyper.beta1);
  let v = fma(g * g, vec4f(hyper.oneMinusBeta2), state[at + 2u * moment()] * hyper.beta2);
  let root = fma(sqrt(v), vec4f(step.invRootCorrection2), vec4f(hyper.eps));
  state[at] = fma(w, vec4f(hyper.decay), -((m * step.stepSize) / root));
  state[at + moment()] = m;
  state[at + 2u * moment()] = v;
}

${tilesForward(perThread)}

${lossOfSamples}

${tilesBackward(perThread)}

${vectorsOfUnits}

${entryPoints}
`;
}

/** Outputs, losses, dL/dz2 (already divided by the batch) and the window's sums. */
const lossOfSamples = wgsl`
fn losses(at: Place, id: u32) {
  let step = at.step;
  let bias = state[b2At(at)].x;
  let pitch = 4u * shape.sampleQuads;
  let blocks = (shape.unitQuads + (blockOfUnits - 1u)) / blockOfUnits;
  for (var b = id; b < shape.batch; b += invocations) {
    var z = bias;
    for (var block = 0u; block < blocks; block++) { z += number(at.scratch + shape.partialsAt + block * pitch + b); }
    let sum = at.sums + b;
    // Once a sample has met a NaN it counts every step, also those whose smaller batches leave it out.
    var nanSteps = sums[sum + nanStepsSum * pitch];
    nanSteps += min(nanSteps, 1u);
    var gradient = 0.0;
    if (f32(b) < step.count) {
      let label = batches[at.batch + shape.rowWords * shape.sampleQuads + (b >> 2u)][b & 3u];
      let result = bce(z, f32(label));
      gradient = result.gradient * step.invCount;
      sums[sum + lossesSum * pitch] = bitcast<u32>(bitcast<f32>(sums[sum + lossesSum * pitch]) + result.loss * step.invCount);
      let hit = select(0u, 1u, result.correct);
      let kind = select(smallHitsSum, hitsSum, step.count == f32(shape.batch));
      sums[sum + kind * pitch] += hit;
      nanSteps = max(nanSteps, select(0u, 1u, isNan(z)));
    }
    sums[sum + nanStepsSum * pitch] = nanSteps;
    scratch[at.scratch + b] = bitcast<u32>(gradient);
  }
}
`;

/** AdamW on b1 and w2 of four units, once all of G is known; at the quad after the last unit, on b2. */
const vectorsOfUnits = wgsl`
fn vectorsOf(at: Place, quad: u32) {
  if (quad > shape.unitQuads) { return; }
  let isOutput = quad == shape.unitQuads;
  let row = select(b1At(at) + quad, b2At(at), isOutput);
  var w = state[row];
  var other = vec4f();
  var s = vec4f();
  var g = vec4f();
  var dot = vec4f();
  if (isOutput) {
    for (var b = 0u; b < shape.batch; b++) { g.x += number(at.scratch + b); }
  } else {
    other = state[row + shape.unitQuads];
    s = numbers(at.scratch + shape.sumsAt + 4u * quad);
    g = other * s;
    for (var f = 0u; f < shape.featureQuads; f++) {
      dot += numbers(at.scratch + shape.dotsAt + 4u * (f * shape.unitQuads + quad));
    }
  }
  // b1, then w2, in a loop: a compiler takes long over each load that stands in the code.
  for (var k = 0u; k < select(shape.vectors, 1u, isOutput); k++) {
    adamw(row + k * shape.unitQuads, w, g, at.hyper, at.step);
    g = fma(w, s, dot);
    w = other;
  }
}
`;

const entryPoints = wgsl`
fn stepsOf(position: u32) -> u32 {
  let it = positions[position];
  return select(it.steps, 0u, paused[it.slot] != 0u);
}

/** All steps of one run (x). */
@compute @workgroup_size(invocations)
fn train(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let count = stepsOf(group.x);
  for (var s = 0u; s < count; s++) {
    let at = place(group.x, s);
    for (var u = 0u; u < shape.unitTiles; u++) {
      for (var t = 0u; t < shape.sampleTiles; t++) { forwardTile(at, u, t, id); }
    }
    storageBarrier();
    losses(at, id);
    storageBarrier();
    for (var u = 0u; u < shape.unitBlocks; u++) {
      for (var f = 0u; f < shape.featureTiles; f++) { backwardTile(at, u, f, id); }
    }
    storageBarrier();
    for (var quad = id; quad <= shape.unitQuads; quad += invocations) { vectorsOf(at, quad); }
    storageBarrier();
  }
}

// One step of all runs (y). Scratch holds the number of steps done: in word 0 for the kernels up to \`loss\`, which
// copies it to word 1 for the later ones, the last of which raises word 0. So no kernel reads a word that it writes.
fn stepNow(word: u32, id: u32) -> u32 {
  if (id == 0u) { cursor = scratch[word]; }
  return workgroupUniformLoad(&cursor);
}

/** x: tile of units, then of samples. */
@compute @workgroup_size(invocations)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let step = stepNow(0u, id);
  if (step >= stepsOf(group.y)) { return; }
  forwardTile(place(group.y, step), group.x % shape.unitTiles, group.x / shape.unitTiles, id);
}

@compute @workgroup_size(invocations)
fn loss(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let step = stepNow(0u, id);
  if (group.y == 0u && id == 0u) { scratch[1] = step; }
  if (step >= stepsOf(group.y)) { return; }
  losses(place(group.y, step), id);
}

/**
 * x: block of units, then tile of features. Where one tile has all features, all of G is known then: no \`vectors\`.
 */
@compute @workgroup_size(invocations)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let step = stepNow(1u, id);
  let block = group.x % shape.unitBlocks;
  let alone = shape.featureTiles == 1u;
  if (alone && group.x == 0u && group.y == 0u && id == 0u) { scratch[0] = step + 1u; }
  if (step >= stepsOf(group.y)) { return; }
  let at = place(group.y, step);
  backwardTile(at, block, group.x / shape.unitBlocks, id);
  if (!alone) { return; }
  storageBarrier();
  // The last block of units also has the quad after the last unit.
  let end = select((block + 1u) * shape.blockQuads, shape.unitQuads + 1u, block + 1u == shape.unitBlocks);
  for (var quad = block * shape.blockQuads + id; quad < end; quad += invocations) { vectorsOf(at, quad); }
}

/** x: 256 quads of units, and one more quad for b2. */
@compute @workgroup_size(invocations)
fn vectors(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let step = stepNow(1u, id);
  if (group.x == 0u && group.y == 0u && id == 0u) { scratch[0] = step + 1u; }
  if (step >= stepsOf(group.y)) { return; }
  let at = place(group.y, step);
  vectorsOf(at, group.x * invocations + id);
}
`;
