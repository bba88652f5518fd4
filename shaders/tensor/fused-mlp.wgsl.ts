/**
 * `w2 relu(w1 x + b1) + b2` for a batch, in two kernels each way, without the hidden activations ever being in
 * memory: which hidden units were active is kept, a bit each. The inputs are floats or bits, 32 to a word.
 *
 * Forward, `hidden`: a tile of 32 samples and 32 hidden units is summed up (shared/tile.wgsl.ts), and goes through bias, relu and
 * output weights at once; what remains is one partial output a sample and tile, and a word of active units.
 * `outputs` adds the partial outputs, and makes loss and its gradient of them where asked.
 * Backward, `gradients`: with m[s, h] = dz[s] where h was active in s, G = m^T [x, 1] gives all: the gradient of
 * w1[h, i] is w2[h] G[h, i], that of b1[h] is w2[h] G[h, N], and that of w2[h], sum over s of m[s, h] (w1 x + b1),
 * is the sum over i of [w1, b1][h, i] G[h, i]: no second pass over the samples. `finish` adds up the tiles' parts.
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { floatFunctions } from '../shared/floats.wgsl.js';
import {
  repeat,
  TILE_THREADS,
  type TileOptions,
  tileMemory,
  tileSize,
  tileSums,
} from '../shared/tile.wgsl.js';

const PER_THREAD = 4;
/** Samples, hidden units or features of a tile: as many as a word has bits. */
export const FUSED_TILE = tileSize(PER_THREAD);
export const FUSED_WORKGROUP = 64;

/** What an input element is: a float, or a bit of a word. */
interface FusedInput {
  packed: boolean;
}

const params = /* wgsl */ `
struct Params {
  batch: u32,
  features: u32,
  hidden: u32,
  // words a sample in the inputs, where they are bits
  words: u32,
  // tiles of hidden units; words a sample in the list of active units
  hiddenTiles: u32,
  // tiles of features
  featureTiles: u32,
}
@group(0) @binding(0) var<uniform> u: Params;`;

const inputType = ({ packed }: FusedInput): string => (packed ? 'u32' : 'f32');
/** WGSL for feature `i` of sample `s`. */
const feature = ({ packed }: FusedInput, s: string, i: string): string =>
  packed ? `f32((x[${s} * u.words + ${i} / 32u] >> (${i} % 32u)) & 1u)` : `x[${s} * u.features + ${i}]`;
/** WGSL for the gradient dz, times `weight` if given, where the hidden unit was active, else 0. */
const activeGradient = (s: string, h: string, weight = ''): string =>
  `select(0.0, dz[${s}]${weight}, ((activeUnits[${s} * u.hiddenTiles + ${h} / 32u] >> (${h} % 32u)) & 1u) == 1u)`;

const entry = `
@compute @workgroup_size(${TILE_THREADS}, ${TILE_THREADS})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = workgroup.y * ${FUSED_TILE}u;
  let col = workgroup.x * ${FUSED_TILE}u;
  let ownRow = row + local.y * ${PER_THREAD}u;
  let ownCol = col + local.x * ${PER_THREAD}u;`;

/** Rows are samples, columns hidden units, sums run over features. */
export function fusedHiddenShader(input: FusedInput): string {
  const product: TileOptions = {
    perThread: PER_THREAD,
    loadA: feature(input, 'r', 'd'),
    loadB: 'w1[c * u.features + d]',
  };
  return wgsl`
${params}
@group(0) @binding(1) var<storage, read> x: array<${inputType(input)}>;
@group(0) @binding(2) var<storage, read> w1: array<f32>;
@group(0) @binding(3) var<storage, read> b1: array<f32>;
@group(0) @binding(4) var<storage, read> w2: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;
@group(0) @binding(6) var<storage, read_write> activeUnits: array<u32>;
${tileMemory(product)}
${floatFunctions('relu')}
var<workgroup> sums: array<f32, ${FUSED_TILE * TILE_THREADS}>;
var<workgroup> bits: array<u32, ${FUSED_TILE * TILE_THREADS}>;
${entry}
  let m = u.batch;
  let n = u.hidden;
  let k = u.features;
  ${tileSums(product)}
  ${repeat(PER_THREAD, (i) => `var sum${i} = 0.0; var bits${i} = 0u;`)}
  ${repeat(
    PER_THREAD,
    (j) => `if (ownCol + ${j}u < n) {
      let bias = b1[ownCol + ${j}u];
      let weight = w2[ownCol + ${j}u];
      ${repeat(
        PER_THREAD,
        (i) => `let z${i} = s${i}_${j} + bias;
      sum${i} += relu(z${i}) * weight;
      bits${i} |= select(0u, 1u << (local.x * ${PER_THREAD}u + ${j}u), z${i} > 0.0 || isNan(z${i}));`,
      )}
    }`,
  )}
  ${repeat(
    PER_THREAD,
    (i) => `sums[(local.y * ${PER_THREAD}u + ${i}u) * ${TILE_THREADS}u + local.x] = sum${i};
    bits[(local.y * ${PER_THREAD}u + ${i}u) * ${TILE_THREADS}u + local.x] = bits${i};`,
  )}
  workgroupBarrier();
  if (index < ${FUSED_TILE}u && row + index < m) {
    var sum = 0.0;
    var word = 0u;
    for (var i = 0u; i < ${TILE_THREADS}u; i++) {
      sum += sums[index * ${TILE_THREADS}u + i];
      word |= bits[index * ${TILE_THREADS}u + i];
    }
    partials[(row + index) * u.hiddenTiles + workgroup.x] = sum;
    activeUnits[(row + index) * u.hiddenTiles + workgroup.x] = word;
  }
}
`;
}

/** One invocation a sample. With `bce`: the loss of each sample, and the gradient of the mean loss by its logit. */
export function fusedOutputsShader({ bce }: { bce: boolean }): string {
  return wgsl`
${params}
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read> b2: array<f32>;
#if ${bce}
@group(0) @binding(3) var<storage, read> targets: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<f32>;
${floatFunctions('expOf', 'boundedLog')}
#else
@group(0) @binding(3) var<storage, read_write> outputs: array<f32>;
#endif

@compute @workgroup_size(${FUSED_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let s = id.x;
  if (s >= u.batch) { return; }
  var z = b2[0];
  for (var t = 0u; t < u.hiddenTiles; t++) { z += partials[s * u.hiddenTiles + t]; }
#if ${bce}
  // Probability, and its distance from 1, each without cancellation.
  let e = expOf(-abs(z));
  let larger = 1.0 / (1.0 + e);
  let smaller = e / (1.0 + e);
  let p = select(smaller, larger, z >= 0.0);
  let q = 1.0 - p;
  // PyTorch's BCELoss: logarithms at least -100, the gradient's denominator at least 1e-12.
  let y = targets[s];
  losses[s] = -(y * boundedLog(p) + (1.0 - y) * boundedLog(q));
  dz[s] = (p - y) / max(p * q, 1e-12) * (p * q) / f32(u.batch);
#else
  outputs[s] = z;
#endif
}
`;
}

/** Rows are hidden units, columns features (and the bias), sums run over samples. */
export function fusedGradientsShader(input: FusedInput): string {
  const product: TileOptions = {
    perThread: PER_THREAD,
    loadA: activeGradient('d', 'r'),
    loadB: feature(input, 'd', 'c'),
    rowSums: true,
  };
  return wgsl`
${params}
@group(0) @binding(1) var<storage, read> x: array<${inputType(input)}>;
@group(0) @binding(2) var<storage, read> w1: array<f32>;
@group(0) @binding(3) var<storage, read> b1: array<f32>;
@group(0) @binding(4) var<storage, read> w2: array<f32>;
@group(0) @binding(5) var<storage, read> dz: array<f32>;
@group(0) @binding(6) var<storage, read> activeUnits: array<u32>;
@group(0) @binding(7) var<storage, read_write> dw1: array<f32>;
// [hidden, featureTiles] parts of dw2, then [hidden] db1.
@group(0) @binding(8) var<storage, read_write> parts: array<f32>;
${tileMemory(product)}
var<workgroup> sums: array<f32, ${FUSED_TILE * TILE_THREADS}>;

${entry}
  let m = u.hidden;
  let n = u.features;
  let k = u.batch;
  ${tileSums(product)}
  ${repeat(
    PER_THREAD,
    (i) => `var sum${i} = 0.0;
    if (ownRow + ${i}u < m) {
      let h = ownRow + ${i}u;
      let out = w2[h];
      ${repeat(
        PER_THREAD,
        (j) => `if (ownCol + ${j}u < u.features) {
        sum${i} += w1[h * u.features + ownCol + ${j}u] * s${i}_${j};
        dw1[h * u.features + ownCol + ${j}u] = out * s${i}_${j};
      }`,
      )}
      if (ownCol == 0u) {
        sum${i} += b1[h] * t${i};
        parts[u.hidden * u.featureTiles + h] = out * t${i};
      }
    }
    sums[(local.y * ${PER_THREAD}u + ${i}u) * ${TILE_THREADS}u + local.x] = sum${i};`,
  )}
  workgroupBarrier();
  if (index < ${FUSED_TILE}u && row + index < m) {
    var sum = 0.0;
    for (var i = 0u; i < ${TILE_THREADS}u; i++) { sum += sums[index * ${TILE_THREADS}u + i]; }
    parts[(row + index) * u.featureTiles + workgroup.x] = sum;
  }
}
`;
}

/**
 * One invocation a hidden unit, and one for the output's bias. A NaN in dz is in every gradient of w2, of units that were
 * never active too: PyTorch multiplies it by their 0.
 */
export function fusedFinishShader(): string {
  return wgsl`
${params}
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read> dz: array<f32>;
@group(0) @binding(3) var<storage, read_write> db1: array<f32>;
@group(0) @binding(4) var<storage, read_write> dw2: array<f32>;
@group(0) @binding(5) var<storage, read_write> db2: array<f32>;
${floatFunctions('isNan', 'nan')}
var<workgroup> nans: atomic<u32>;

@compute @workgroup_size(${FUSED_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) local: u32) {
  for (var s = local; s < u.batch; s += ${FUSED_WORKGROUP}u) {
    if (isNan(dz[s])) { atomicOr(&nans, 1u); }
  }
  workgroupBarrier();
  let h = id.x;
  if (h < u.hidden) {
    var sum = 0.0;
    for (var t = 0u; t < u.featureTiles; t++) { sum += parts[h * u.featureTiles + t]; }
    dw2[h] = select(sum, nan(), atomicLoad(&nans) > 0u);
    db1[h] = parts[u.hidden * u.featureTiles + h];
  } else if (h == u.hidden) {
    var sum = 0.0;
    for (var s = 0u; s < u.batch; s++) { sum += dz[s]; }
    db2[0] = sum;
  }
}
`;
}

/** The gradient by float inputs: rows are samples, columns features, sums run over hidden units. */
export function fusedInputGradientShader(): string {
  const product: TileOptions = {
    perThread: PER_THREAD,
    loadA: activeGradient('r', 'd', ' * w2[d]'),
    loadB: 'w1[d * u.features + c]',
  };
  return wgsl`
${params}
@group(0) @binding(1) var<storage, read> w1: array<f32>;
@group(0) @binding(2) var<storage, read> w2: array<f32>;
@group(0) @binding(3) var<storage, read> dz: array<f32>;
@group(0) @binding(4) var<storage, read> activeUnits: array<u32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
${tileMemory(product)}
${entry}
  let m = u.batch;
  let n = u.features;
  let k = u.hidden;
  ${tileSums(product)}
  ${repeat(PER_THREAD, (i) =>
    repeat(
      PER_THREAD,
      (j) =>
        `if (ownRow + ${i}u < m && ownCol + ${j}u < n) { dx[(ownRow + ${i}u) * n + ownCol + ${j}u] = s${i}_${j}; }`,
    ),
  )}
}
`;
}
