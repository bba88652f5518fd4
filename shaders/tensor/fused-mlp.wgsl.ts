/**
 * `w2 relu(w1 x + b1) + b2` for a batch, in two kernels each way. The hidden activations are never in memory; only a
 * bit for each hidden unit and sample is kept, whether it was active. The inputs are floats, or bits, 32 to a word.
 *
 * Forward. `hidden` sums up a tile of 32 samples and 32 hidden units (shared/tile.wgsl.ts), and applies bias, relu
 * and output weights at once; what remains is one partial output for each sample and tile, and a word of active
 * units. `outputs` adds up the partial outputs and, where asked, makes the loss and its gradient of them.
 *
 * Backward. `gradients`: let m[s, h] be dz[s] if h was active in s, else 0. Then G = m^T [x, 1] gives all: the
 * gradient of w1[h, i] is w2[h] G[h, i]; that of b1[h] is w2[h] G[h, N]; that of w2[h], the sum over s of m[s, h] (w1
 * x + b1), is the sum over i of [w1, b1][h, i] G[h, i]: no second pass over the samples. `finish` adds up the tiles'
 * parts.
 */
import { floatFunctions } from '../shared/floats.wgsl.js';
import { type TileOptions, tileMemory, tilePlace, tileSize, tileSums } from '../shared/tile.wgsl.js';
import { wgsl } from '../wgsl.js';

const PER_THREAD = 4;
/** Samples, hidden units or features of a tile: as many as a word has bits. */
export const FUSED_TILE = tileSize(PER_THREAD);
export const FUSED_WORKGROUP = 64;

interface FusedInput {
  /** Whether an input element is a bit of a word, or a float. */
  packed: boolean;
}

interface FusedTiles {
  /** How the tiles are launched: see `tileGrid` in src/kernels/grid.ts. */
  counted: boolean;
}

const params = (): string => wgsl`
struct Params {
  batch: u32,
  features: u32,
  hidden: u32,
  /** Words of a sample in the inputs, where they are bits. */
  words: u32,
  /** Tiles of hidden units, and so the words of a sample in the list of active units. */
  hiddenTiles: u32,
  /** Tiles of features. */
  featureTiles: u32,
  /** Tiles of samples. */
  sampleTiles: u32,
}

@group(0) @binding(0) var<uniform> u: Params;
`;

/** Reads a feature of the inputs `x`. */
const inputFeature = ({ packed }: FusedInput): string => wgsl`
fn feature(sample: u32, i: u32) -> f32 {
  #if ${packed}
  return f32((x[sample * u.words + i / 32u] >> (i % 32u)) & 1u);
  #else
  return x[sample * u.features + i];
  #endif
}
`;

/** Whether hidden unit h was active in a sample. */
const unitActivity = (): string => wgsl`
fn wasActive(sample: u32, h: u32) -> bool {
  return ((activeUnits[sample * u.hiddenTiles + h / 32u] >> (h % 32u)) & 1u) == 1u;
}
`;

/**
 * The entry point of a kernel that computes tiles, `across` of them side by side and `down` of these rows. The body reads the
 * first row and column of the tile, `row` and `col`, its place in its row of tiles, `tileColumn`, and the first row and
 * column of the invocation, `ownRow` and `ownCol`.
 */
const tileEntry = (across: string, down: string, counted: boolean, body: string): string => wgsl`
@compute @workgroup_size(tileThreads, tileThreads)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  ${tilePlace({ across, down, batches: '1u', counted })}
  let ownRow = row + local.y * perThread;
  let ownCol = col + local.x * perThread;
  ${body}
}
`;

/** Rows are samples, columns hidden units, sums run over features. */
export function fusedHiddenShader({ counted, ...input }: FusedInput & FusedTiles): string {
  const product: TileOptions = {
    perThread: PER_THREAD,
    loadA: 'feature(r, d)',
    loadB: 'w1[c * u.features + d]',
  };
  const body = wgsl`
let m = u.batch;
let n = u.hidden;
let k = u.features;
${tileSums(product)}
#for i in ${PER_THREAD}
var sum$i = 0.0;
var bits$i = 0u;
#endfor
#for j in ${PER_THREAD}
if (ownCol + $j < n) {
  let bias = b1[ownCol + $j];
  let weight = w2[ownCol + $j];
  #for i in ${PER_THREAD}
  let z$i = s$i_$j + bias;
  sum$i += relu(z$i) * weight;
  bits$i |= select(0u, 1u << (local.x * perThread + $j), z$i > 0.0 || isNan(z$i));
  #endfor
}
#endfor
#for i in ${PER_THREAD}
sums[(local.y * perThread + $i) * tileThreads + local.x] = sum$i;
bits[(local.y * perThread + $i) * tileThreads + local.x] = bits$i;
#endfor
workgroupBarrier();
if (index < tileSide && row + index < m) {
  var sum = 0.0;
  var word = 0u;
  for (var i = 0u; i < tileThreads; i++) {
    sum += sums[index * tileThreads + i];
    word |= bits[index * tileThreads + i];
  }
  partials[(row + index) * u.hiddenTiles + tileColumn] = sum;
  activeUnits[(row + index) * u.hiddenTiles + tileColumn] = word;
}
`;
  return wgsl`
alias Input = ${input.packed ? 'u32' : 'f32'};
${tileMemory(product)}

${params()}
@group(0) @binding(1) var<storage, read> x: array<Input>;
@group(0) @binding(2) var<storage, read> w1: array<f32>;
@group(0) @binding(3) var<storage, read> b1: array<f32>;
@group(0) @binding(4) var<storage, read> w2: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;
@group(0) @binding(6) var<storage, read_write> activeUnits: array<u32>;

var<workgroup> sums: array<f32, tileSide * tileThreads>;
var<workgroup> bits: array<u32, tileSide * tileThreads>;

${floatFunctions('relu')}

${inputFeature(input)}

${tileEntry('u.hiddenTiles', 'u.sampleTiles', counted, body)}
`;
}

/**
 * An invocation for each sample. With `bce`: the loss of each sample, and the gradient of the mean loss by its logit.
 */
export function fusedOutputsShader({ bce }: { bce: boolean }): string {
  return wgsl`
const invocations = ${FUSED_WORKGROUP}u;

${params()}
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

@compute @workgroup_size(invocations)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let s = (workgroup.y * groups.x + workgroup.x) * invocations + local;
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
export function fusedGradientsShader({ counted, ...input }: FusedInput & FusedTiles): string {
  const product: TileOptions = {
    perThread: PER_THREAD,
    loadA: 'select(0.0, dz[d], wasActive(d, r))',
    loadB: 'feature(d, c)',
    rowSums: true,
  };
  const body = wgsl`
let m = u.hidden;
let n = u.features;
let k = u.batch;
${tileSums(product)}
#for i in ${PER_THREAD}
var sum$i = 0.0;
if (ownRow + $i < m) {
  let h = ownRow + $i;
  let out = w2[h];
  #for j in ${PER_THREAD}
  if (ownCol + $j < n) {
    sum$i += w1[h * n + ownCol + $j] * s$i_$j;
    dw1[h * n + ownCol + $j] = out * s$i_$j;
  }
  #endfor
  if (ownCol == 0u) {
    sum$i += b1[h] * t$i;
    parts[m * u.featureTiles + h] = out * t$i;
  }
}
sums[(local.y * perThread + $i) * tileThreads + local.x] = sum$i;
#endfor
workgroupBarrier();
if (index < tileSide && row + index < m) {
  var sum = 0.0;
  for (var i = 0u; i < tileThreads; i++) { sum += sums[index * tileThreads + i]; }
  parts[(row + index) * u.featureTiles + tileColumn] = sum;
}
`;
  return wgsl`
alias Input = ${input.packed ? 'u32' : 'f32'};
${tileMemory(product)}

${params()}
@group(0) @binding(1) var<storage, read> x: array<Input>;
@group(0) @binding(2) var<storage, read> w1: array<f32>;
@group(0) @binding(3) var<storage, read> b1: array<f32>;
@group(0) @binding(4) var<storage, read> w2: array<f32>;
@group(0) @binding(5) var<storage, read> dz: array<f32>;
@group(0) @binding(6) var<storage, read> activeUnits: array<u32>;
@group(0) @binding(7) var<storage, read_write> dw1: array<f32>;
/** [hidden, featureTiles] parts of dw2, then [hidden] db1. */
@group(0) @binding(8) var<storage, read_write> parts: array<f32>;

var<workgroup> sums: array<f32, tileSide * tileThreads>;

${inputFeature(input)}

${unitActivity()}

${tileEntry('u.featureTiles', 'u.hiddenTiles', counted, body)}
`;
}

/**
 * An invocation for each hidden unit, and one for the output's bias. A NaN in dz makes every gradient of w2 NaN, also
 * for units that were never active: PyTorch multiplies it by their 0.
 */
export function fusedFinishShader(): string {
  return wgsl`
const invocations = ${FUSED_WORKGROUP}u;

${params()}
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read> dz: array<f32>;
@group(0) @binding(3) var<storage, read_write> db1: array<f32>;
@group(0) @binding(4) var<storage, read_write> dw2: array<f32>;
@group(0) @binding(5) var<storage, read_write> db2: array<f32>;

var<workgroup> nans: atomic<u32>;

${floatFunctions('isNan', 'nan')}

@compute @workgroup_size(invocations)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  for (var s = local; s < u.batch; s += invocations) {
    if (isNan(dz[s])) { atomicOr(&nans, 1u); }
  }
  workgroupBarrier();
  let h = (workgroup.y * groups.x + workgroup.x) * invocations + local;
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
export function fusedInputGradientShader({ counted }: FusedTiles): string {
  const product: TileOptions = {
    perThread: PER_THREAD,
    loadA: 'select(0.0, dz[r] * w2[d], wasActive(r, d))',
    loadB: 'w1[d * u.features + c]',
  };
  const body = wgsl`
let m = u.batch;
let n = u.features;
let k = u.hidden;
${tileSums(product)}
#for i in ${PER_THREAD}
#for j in ${PER_THREAD}
if (ownRow + $i < m && ownCol + $j < n) { dx[(ownRow + $i) * n + ownCol + $j] = s$i_$j; }
#endfor
#endfor
`;
  return wgsl`
${tileMemory(product)}

${params()}
@group(0) @binding(1) var<storage, read> w1: array<f32>;
@group(0) @binding(2) var<storage, read> w2: array<f32>;
@group(0) @binding(3) var<storage, read> dz: array<f32>;
@group(0) @binding(4) var<storage, read> activeUnits: array<u32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

${unitActivity()}

${tileEntry('u.featureTiles', 'u.sampleTiles', counted, body)}
`;
}
