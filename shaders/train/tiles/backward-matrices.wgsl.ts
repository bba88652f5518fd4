/**
 * The products of a backward tile (backward.wgsl.ts) by matrices of f16 (products.wgsl.ts): rows of bits are the units that were
 * active, columns of numbers are the features, with dL/dz2 of the samples that have them. A WGSL fragment, no kernel of its own.
 */
import { wgsl } from '../../wgsl.js';
import { keepSums, MATRIX, noSums, PRODUCT, stageSums } from './products.wgsl.js';
import { TILE_INVOCATIONS } from './size.js';

/** Declarations. */
export const backwardMatrixParts = wgsl`
/** dL/dz2 of some samples in three parts, and the largest of them, as a word. */
var<workgroup> gradientParts: array<Parts, ${TILE_INVOCATIONS / 4}>;
var<workgroup> largestGradient: atomic<u32>;

/** A word of active units, of four samples; 0 after the last. */
fn activeOr0(at: u32, quad: u32, quads: u32) -> u32 {
  if (quad >= quads) { return 0u; }
  return scratch[at + quad];
}

/** The bits of a feature and those after it, of four samples. */
fn rowsOr0(at: u32, feature: u32, quad: u32, quads: u32) -> vec4u {
  if (feature >= shape.features || quad >= quads) { return vec4u(); }
  return batches[at + quad] >> vec4u(feature & 31u);
}
`;

/**
 * Statements: the sums \`g<feature>_0\` and \`s\` of an invocation, and \`outputSum\`. As many samples at a time as there are
 * invocations, with a scale of their own; \`s\` and \`outputSum\` are sums in f32, in the order of the samples.
 */
export function backwardMatrices(lanes: number): string {
  return wgsl`
// What this invocation stages: the same four samples of a unit and of a feature. It loads the next while these are used.
let place = id % ${PRODUCT}u;
let share = id / ${PRODUCT}u;
let staged = 4u * place + share;
let unitGroup = min(unitBlock * unitThreads + place / 4u, shape.unitTiles * across - 1u);
let unitAt = at.scratch + shape.activeAt + unitGroup * shape.sampleQuads;
let feature = featureTile * ${PRODUCT}u + place;
let featureAt = at.batch + (feature >> 5u) * shape.sampleQuads;
#for feature in ${4}
var g$feature_0 = vec4f();
#endfor
var s = 0.0;
var outputSum = 0.0;
for (var chunk = 0u; chunk < shape.batch; chunk += invocations) {
  let firstQuad = chunk / 4u;
  let quads = min(invocations / 4u, shape.sampleQuads - firstQuad);
  if (computes || invocations < shape.batch) {
    if (id == 0u) { atomicStore(&largestGradient, 0u); }
    lossOf(at, chunk + id, id, counts);
    workgroupBarrier();
    atomicMax(&largestGradient, bitcast<u32>(abs(gradients[id / 4u][id % 4u])));
    workgroupBarrier();
    if (id < invocations / 4u) {
      let four = vec4f(gradients[id][0], gradients[id][1], gradients[id][2], gradients[id][3]);
      gradientParts[id] = partsOf(four * scaleFor(bitcast<f32>(atomicLoad(&largestGradient))));
    }
    workgroupBarrier();
  }
  let unscale = unscaleFor(bitcast<f32>(atomicLoad(&largestGradient)));
  for (var q = 0u; q < quads; q++) {
    let ownBits = bitcast<i32>(scratch[activeAt + firstQuad + q] >> ft);
    #for j in 4
    {
      let d = gradients[q][$j];
      outputSum += d;
      s += bitcast<f32>(bitcast<i32>(d) & extractBits(ownBits, 8u * $j, 1u));
    }
    #endfor
  }
  var word = activeOr0(unitAt + firstQuad, share, quads) >> (place % 4u);
  var row = rowsOr0(featureAt + firstQuad, feature, share, quads);
  ${noSums(lanes)}
  for (var first = 0u; first < quads; first += ${MATRIX / 4}u) {
    let some = gradientParts[first + share];
    let mask = ((row.xz & vec2u(1u)) * 0xffffu) | ((row.yw & vec2u(1u)) * 0xffff0000u);
    stageNumbers(staged, Parts(some.a & mask, some.b & mask, some.c & mask));
    stageBits(staged, (vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(1u));
    workgroupBarrier();
    word = activeOr0(unitAt + firstQuad, first + ${MATRIX / 4}u + share, quads) >> (place % 4u);
    row = rowsOr0(featureAt + firstQuad, feature, first + ${MATRIX / 4}u + share, quads);
    ${stageSums(lanes)}
    workgroupBarrier();
  }
  for (var turn = 0u; turn < ${PRODUCT / MATRIX}u; turn++) {
    ${keepSums(lanes, 'rows')}
    workgroupBarrier();
    if (turn == ft / 4u) {
      #for feature in ${4}
      g$feature_0 += unscale * results[(4u * (ft % 4u) + $feature) * unitThreads + id % unitThreads];
      #endfor
    }
    workgroupBarrier();
  }
}
`;
}
