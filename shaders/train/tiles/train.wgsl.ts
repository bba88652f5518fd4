/**
 * The training step as two products of matrices cut into tiles, for GPUs: a workgroup of 256 holds a tile of the
 * result in registers and streams both factors through workgroup memory. One module serves two ways to launch it:
 * `train` does many steps of one run in one workgroup (tiles-persistent.ts); `forward`, `backward` and `vectors` each do
 * their part of one step of all runs in a dispatch (tiles-batched.ts). WebGPU's default limits, no subgroups, any shape:
 * the text knows only how tiles are cut.
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
import { backwardMatrixParts } from './backward-matrices.wgsl.js';
import { tilesForward } from './forward.wgsl.js';
import { forwardMatrixParts } from './forward-matrices.wgsl.js';
import { lossOfSample } from './loss.wgsl.js';
import { matrixOperations } from './matrices.wgsl.js';
import { productParts } from './products.wgsl.js';
import { ACROSS, SCRATCH_HEAD, TILE_INVOCATIONS, type TilesOptions, UNIT_BLOCK } from './size.js';
import { vectorsOfUnits } from './vectors.wgsl.js';

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
  // The backward pass: blocks of units and tiles of features; quads of units in a block; features of an invocation.
  unitBlocks: 'u32',
  featureTiles: 'u32',
  blockQuads: 'u32',
  perThread: 'u32',
  // Always 2: b1 and w2. It, `depth` and `perThread` are constants, but compilers unroll loops over constants.
  vectors: 'u32',
  // Steps of a position in the per-step buffers.
  stride: 'u32',
  // Words of a position in the scratch buffer, and where its parts begin.
  scratchWords: 'u32',
  partialsAt: 'u32',
  // From the parts of the outputs in one step to those in the next; 0 if they lie in the same place.
  partialWords: 'u32',
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

/** The training kernels. Bindings: src/kernels/train/tiles.ts. */
export function trainTiles(options: TilesOptions): string {
  const { perThread, backward, featureThreads, lanes } = options;
  const tileQuads = (featureThreads * backward) / 4;
  return wgsl`
${lanes === undefined ? '' : matrixOperations(lanes)}
const invocations = ${TILE_INVOCATIONS}u;
/** Invocations along the units of a tile, and along the samples of a forward tile. */
const across = ${ACROSS}u;
/** vec4s along each side of an invocation's part of a tile; vec4s along each side of a whole forward tile. */
const quads = ${perThread / 4}u;
const side = across * quads;
/** Features of one stage of the forward pass. */
const depth = invocations / side;
/** Of a backward tile: invocations along the features and the units, quads of features, samples of one of its stages. */
const featureThreads = ${featureThreads}u;
const unitThreads = invocations / featureThreads;
const tileQuads = ${tileQuads}u;
const staged = invocations / tileQuads;
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
/** [position]: the gradient of b2; parts of outputs [block][sample]; active units; w1 . G [quad of features][unit]; S. */
@group(0) @binding(8) var<storage, read_write> scratch: array<u32>;

/** Both factors of a stage of the forward pass, [factor][feature][quad]; then the outputs' parts. */
var<workgroup> tile: array<array<array<vec4f, side>, depth>, 2>;
/** The features of a stage of the backward pass, [sample, in fours][quad]. */
var<workgroup> rows: array<array<array<vec4f, tileQuads>, 4>, staged / 4u>;
/** dL/dz2 of some samples, in fours. */
var<workgroup> gradients: array<array<f32, 4>, invocations / 4u>;
var<workgroup> cursor: u32;

${lanes === undefined ? '' : productsByMatrices}

${bce}

/** One step of one run: its settings, and where its data begin: state and batch in vec4s, sums and scratch in words. */
struct Place {
  hyper: Hyper,
  step: Step,
  state: u32,
  batch: u32,
  sums: u32,
  scratch: u32,
  /** The outputs' parts. */
  partials: u32,
}

fn place(position: u32, step: u32) -> Place {
  let slot = positions[position].slot;
  let at = position * shape.stride + step;
  let first = scratchHead + position * shape.scratchWords;
  return Place(
    hypers[slot],
    steps[at],
    slot * 3u * moment(),
    at * (shape.rowWords + 1u) * shape.sampleQuads,
    slot * sumsOfWindow * 4u * shape.sampleQuads,
    first,
    first + shape.partialsAt + (step & 1u) * shape.partialWords,
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

/** One step of AdamW (Loshchilov and Hutter 2019) on four parameters w, whose moments were m0 and v0. */
fn adamw(at: u32, w: vec4f, m0: vec4f, v0: vec4f, g: vec4f, hyper: Hyper, step: Step) {
  let m = fma(g, vec4f(hyper.oneMinusBeta1), m0 * hyper.beta1);
  let v = fma(g * g, vec4f(hyper.oneMinusBeta2), v0 * hyper.beta2);
  let root = fma(sqrt(v), vec4f(step.invRootCorrection2), vec4f(hyper.eps));
  state[at] = fma(w, vec4f(hyper.decay), -((m * step.stepSize) / root));
  state[at + moment()] = m;
  state[at + 2u * moment()] = v;
}

${tilesForward(options)}

${lossOfSample(options)}

${tilesBackward(options)}

${vectorsOfUnits(options)}

${entryPoints}
`;
}

/** What the tiles' products need where matrices do them. */
const productsByMatrices = wgsl`
${productParts}

${forwardMatrixParts}

${backwardMatrixParts}
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
    for (var u = 0u; u < shape.unitBlocks; u++) {
      for (var f = 0u; f < shape.featureTiles; f++) { backwardTile(at, u, f, id, u + f == 0u, u + f == 0u); }
    }
    storageBarrier();
    for (var quad = id; quad <= shape.unitQuads; quad += invocations) { vectorsOf(at, quad); }
    storageBarrier();
  }
}

// One step of all runs (y). Scratch holds the number of steps done: in word 0 for \`forward\`, which copies it to word 1
// for the later kernels, the last of which raises word 0. So no kernel reads a word that it writes.
fn stepNow(word: u32, id: u32) -> u32 {
  if (id == 0u) { cursor = scratch[word]; }
  return workgroupUniformLoad(&cursor);
}

/** x: tile of units, then of samples. */
@compute @workgroup_size(invocations)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let step = stepNow(0u, id);
  if (group.x == 0u && group.y == 0u && id == 0u) { scratch[1] = step; }
  if (step >= stepsOf(group.y)) { return; }
  forwardTile(place(group.y, step), group.x % shape.unitTiles, group.x / shape.unitTiles, id);
}

/** \`vectorsOf\` for a block of units; for the first block also at b2, which its forward pass adds to the outputs. */
fn vectorsOfBlock(at: Place, block: u32, id: u32) {
  let first = block * shape.blockQuads;
  let ofUnits = min(shape.blockQuads, shape.unitQuads - first);
  for (var k = id; k < ofUnits + select(0u, 1u, block == 0u); k += invocations) {
    vectorsOf(at, select(first + k, shape.unitQuads, k == ofUnits));
  }
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
  backwardTile(at, block, group.x / shape.unitBlocks, id, true, group.x == 0u);
  if (!alone) { return; }
  storageBarrier();
  vectorsOfBlock(at, block, id);
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
