/**
 * The products of a forward tile (forward.wgsl.ts) by matrices of f16 (products.wgsl.ts): rows of bits are samples, columns of
 * numbers are the units' weights. A WGSL fragment, no kernel of its own.
 */
import { wgsl } from '../../wgsl.js';
import { keepSums, MATRIX, noSums, PRODUCT, stageSums } from './products.wgsl.js';
import { TILE_INVOCATIONS } from './size.js';

/** Invocations that have the same unit, and the same sample. */
const SHARING = TILE_INVOCATIONS / PRODUCT;

/** Declarations. */
export const forwardMatrixParts = wgsl`
/** The largest weight of a unit that an invocation has found. */
var<workgroup> largestOf: array<f32, ${TILE_INVOCATIONS}>;
/** What brings the sums of a unit back. */
var<workgroup> unscales: array<array<f32, 4>, ${PRODUCT / 4}>;

/** Weights of a unit and of the features from one on. */
fn weightsOf(at: Place, unit: u32, feature: u32) -> vec4f {
  return vec4f(
    weightOr0(at, unit, feature),
    weightOr0(at, unit, feature + 1u),
    weightOr0(at, unit, feature + 2u),
    weightOr0(at, unit, feature + 3u),
  );
}

fn weightOr0(at: Place, unit: u32, feature: u32) -> f32 {
  if (feature >= shape.features || unit >= 4u * shape.unitQuads) { return 0.0; }
  return state[at.state + feature * shape.unitQuads + (unit >> 2u)][unit & 3u];
}

/** The bits of a sample from a feature on, at least up to the next multiple of 16. */
fn bitsOr0(at: Place, sample: u32, feature: u32) -> u32 {
  if (feature >= shape.features || sample >= 4u * shape.sampleQuads) { return 0u; }
  let words = batches[at.batch + (feature >> 5u) * shape.sampleQuads + (sample >> 2u)];
  return words[sample & 3u] >> (feature & 31u);
}
`;

/** Statements: the sums \`z<sample>_0\` of an invocation. A unit's weights have a scale of their own. */
export function forwardMatrices(lanes: number): string {
  return wgsl`
// What this invocation stages: the same features of a unit and of a sample. It loads the next while these are used.
let place = id % ${PRODUCT}u;
let share = 4u * (id / ${PRODUCT}u);
let staged = 4u * place + id / ${PRODUCT}u;
let unit = unitTile * ${PRODUCT}u + place;
let sample = sampleTile * ${PRODUCT}u + place;
var largest = 0.0;
for (var feature = id / ${PRODUCT}u; feature < shape.features; feature += ${SHARING}u) {
  largest = max(largest, abs(weightOr0(at, unit, feature)));
}
largestOf[id] = largest;
var weights = weightsOf(at, unit, share);
var word = bitsOr0(at, sample, share);
workgroupBarrier();
#for k in ${SHARING}
largest = max(largest, largestOf[$k * ${PRODUCT}u + place]);
#endfor
let scale = scaleFor(largest);
if (id < ${PRODUCT}u) { unscales[id / 4u][id % 4u] = unscaleFor(largest); }
${noSums(lanes)}
for (var first = 0u; first < shape.features; first += ${MATRIX}u) {
  stageNumbers(staged, partsOf(scale * weights));
  stageBits(staged, (vec4u(word) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u));
  workgroupBarrier();
  let next = first + ${MATRIX}u + share;
  weights = weightsOf(at, unit, next);
  word = bitsOr0(at, sample, next);
  ${stageSums(lanes)}
  workgroupBarrier();
}
let unscale = vec4f(unscales[ut][0], unscales[ut][1], unscales[ut][2], unscales[ut][3]);
#for sample in ${4}
var z$sample_0 = vec4f();
#endfor
for (var turn = 0u; turn < ${PRODUCT / MATRIX}u; turn++) {
  ${keepSums(lanes, 'columns')}
  workgroupBarrier();
  if (turn == st / 4u) {
    #for sample in ${4}
    z$sample_0 = unscale * results[(4u * (st % 4u) + $sample) * across + ut];
    #endfor
  }
  workgroupBarrier();
}
`;
}
