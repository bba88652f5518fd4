/**
 * The training step in its plainest form: each of its parts is a kernel and a dispatch. The oracle that faster
 * variants are tested against, and the fallback that runs anywhere (WebGPU's default limits, no subgroups, any batch,
 * width and number of features). Every sum runs over one index in rising order.
 */
import { bce } from '../../shared/bce.wgsl.js';
import { wgsl } from '../../wgsl.js';
import { HYPER, noRow, POSITION, SOURCE, STEP, sumNames } from '../chunk.wgsl.js';
import { portableSizes } from './sizes.wgsl.js';

export interface PortableOptions {
  features: number;
  hidden: number;
  batch: number;
}

export const PORTABLE_INVOCATIONS = 128;

/** Parameters of one run, in the order w1, b1, w2, b2. */
export function portableParameters({ features, hidden }: PortableOptions): number {
  return hidden * features + 2 * hidden + 1;
}

/** What all of the kernels share: sizes, relu, and the structs of a position and a step. */
function common({ features, hidden, batch }: PortableOptions): string {
  return wgsl`
const invocations = ${PORTABLE_INVOCATIONS}u;
const batchSize = ${batch}u;
${portableSizes({ features, hidden })}
/** Words of a sample in the batch buffer: its row, then its label. */
const sampleWords = rowWords + 1u;
/** Floats of a sample in the activations buffer: z1 of every hidden unit, then dL/dz2. */
const activationsPitch = hidden + 1u;

/** Keeps a NaN, as PyTorch's relu does; max() may not. */
fn relu(z: f32) -> f32 { return select(z, 0.0, z < 0.0); }

${POSITION.wgsl}

${STEP.wgsl}
`;
}

/** Bindings of the kernels that work on a run's weights. */
const whoTrains = wgsl`
@group(0) @binding(1) var<storage, read> cursor: array<u32>;
@group(0) @binding(2) var<storage, read> positions: array<Position>;
@group(0) @binding(3) var<storage, read> paused: array<u32>;
`;

/** Returns where the run of this position does not take this step, is paused, or has no item of this number. */
const onlyWhereItTrains = (position: 'y' | 'z', items: string): string => wgsl`
let position = positions[at.${position}];
let slot = position.slot;
if (cursor[0] >= position.steps || paused[slot] != 0u || at.x >= ${items}) { return; }
`;

/** Rows and labels of the step's batch: [position][batch][rowWords + 1]. */
export function portableGather(o: PortableOptions): string {
  return wgsl`
${common(o)}
${noRow}

${SOURCE.wgsl}

@group(0) @binding(0) var<uniform> stride: u32;
@group(0) @binding(1) var<storage, read> cursor: array<u32>;
@group(0) @binding(2) var<storage, read> sources: array<Source>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read> rows: array<u32>;
@group(0) @binding(5) var<storage, read> labels: array<u32>;
@group(0) @binding(6) var<storage, read_write> batch: array<u32>;

@compute @workgroup_size(invocations)
fn main(@builtin(global_invocation_id) at: vec3u) {
  let source = sources[at.y];
  if (cursor[0] >= source.steps || at.x >= batchSize) { return; }
  let row = order[(source.position * stride + cursor[0]) * batchSize + at.x];
  let sample = (source.position * batchSize + at.x) * sampleWords;
  for (var w = 0u; w < rowWords; w++) {
    batch[sample + w] = select(0u, rows[source.rows + row * rowWords + w], row != noRow);
  }
  batch[sample + rowWords] = select(0u, (labels[source.labels + (row >> 5u)] >> (row & 31u)) & 1u, row != noRow);
}
`;
}

/** z1 = w1 x + b1 in activations [position][batch][hidden + 1]; an invocation for each hidden unit and sample. */
export function portableHidden(o: PortableOptions): string {
  return wgsl`
${common(o)}

${whoTrains}
@group(0) @binding(4) var<storage, read> state: array<f32>;
@group(0) @binding(5) var<storage, read> batch: array<u32>;
@group(0) @binding(6) var<storage, read_write> activations: array<f32>;

@compute @workgroup_size(invocations)
fn main(@builtin(global_invocation_id) at: vec3u) {
  ${onlyWhereItTrains('z', 'hidden')}
  let base = slot * 3u * parameters;
  let sample = at.z * batchSize + at.y;
  var z = state[base + b1At + at.x];
  for (var i = 0u; i < features; i++) {
    let bit = (batch[sample * sampleWords + (i >> 5u)] >> (i & 31u)) & 1u;
    z += select(0.0, state[base + at.x * features + i], bit == 1u);
  }
  activations[sample * activationsPitch + at.x] = z;
}
`;
}

/**
 * Writes dL/dz2, already divided by the batch size, at the end of each sample's activations, and adds to the window's
 * sums. An invocation for each sample.
 */
export function portableLoss(o: PortableOptions): string {
  return wgsl`
${common(o)}

${whoTrains}
@group(0) @binding(0) var<uniform> stride: u32;
@group(0) @binding(4) var<storage, read> state: array<f32>;
@group(0) @binding(5) var<storage, read> steps: array<Step>;
@group(0) @binding(6) var<storage, read> batch: array<u32>;
@group(0) @binding(7) var<storage, read_write> activations: array<f32>;
@group(0) @binding(8) var<storage, read_write> sums: array<u32>;

${sumNames}

${bce}

@compute @workgroup_size(invocations)
fn main(@builtin(global_invocation_id) at: vec3u) {
  ${onlyWhereItTrains('y', 'batchSize')}
  let base = slot * 3u * parameters;
  let sample = at.y * batchSize + at.x;
  var z = state[base + b2At];
  for (var h = 0u; h < hidden; h++) {
    z += relu(activations[sample * activationsPitch + h]) * state[base + w2At + h];
  }
  let step = steps[at.y * stride + cursor[0]];
  let sum = slot * sumsOfWindow * batchSize + at.x;
  // Once a sample has met a NaN it counts every step, also those whose smaller batches leave it out.
  let nanSteps = sums[sum + nanStepsSum * batchSize];
  sums[sum + nanStepsSum * batchSize] = nanSteps + min(nanSteps, 1u);
  if (f32(at.x) >= step.count) {
    activations[sample * activationsPitch + hidden] = 0.0;
    return;
  }
  let result = bce(z, f32(batch[sample * sampleWords + rowWords]));
  activations[sample * activationsPitch + hidden] = result.gradient * step.invCount;
  sums[sum + lossesSum * batchSize] = bitcast<u32>(bitcast<f32>(sums[sum + lossesSum * batchSize]) + result.loss * step.invCount);
  let hit = select(0u, 1u, result.correct);
  if (step.count == f32(batchSize)) { sums[sum + hitsSum * batchSize] += hit; } else { sums[sum + smallHitsSum * batchSize] += hit; }
  if (isNan(z)) { sums[sum + nanStepsSum * batchSize] = max(nanSteps + min(nanSteps, 1u), 1u); }
}
`;
}

/** dL/dparameter [position][parameters]; an invocation for each parameter. */
export function portableGradients(o: PortableOptions): string {
  return wgsl`
${common(o)}

${whoTrains}
@group(0) @binding(4) var<storage, read> state: array<f32>;
@group(0) @binding(5) var<storage, read> batch: array<u32>;
@group(0) @binding(6) var<storage, read> activations: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(invocations)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = vec2u(id.z * groups.x * invocations + id.x, id.y);
  ${onlyWhereItTrains('y', 'parameters')}
  let weights = slot * 3u * parameters;
  var sum = 0.0;
  for (var b = 0u; b < batchSize; b++) {
    let sample = at.y * batchSize + b;
    let a = sample * activationsPitch;
    let d = activations[a + hidden];
    if (at.x < b1At) {
      let i = at.x % features;
      let bit = (batch[sample * sampleWords + (i >> 5u)] >> (i & 31u)) & 1u;
      sum += select(0.0, d, bit == 1u && activations[a + at.x / features] > 0.0);
    } else if (at.x < w2At) {
      sum += select(0.0, d, activations[a + at.x - b1At] > 0.0);
    } else if (at.x < b2At) {
      sum += d * relu(activations[a + at.x - w2At]);
    } else {
      sum += d;
    }
  }
  if (at.x < b1At) {
    sum *= state[weights + w2At + at.x / features];
  } else if (at.x < w2At) {
    sum *= state[weights + w2At + at.x - b1At];
  }
  gradients[at.y * parameters + at.x] = sum;
}
`;
}

/**
 * AdamW with decoupled decay (Loshchilov and Hutter 2019), in torch.optim.AdamW's order of operations; an invocation
 * for each parameter.
 */
export function portableAdamW(o: PortableOptions): string {
  return wgsl`
${common(o)}

${HYPER.wgsl}

${whoTrains}
@group(0) @binding(0) var<uniform> stride: u32;
@group(0) @binding(4) var<storage, read> hypers: array<Hyper>;
@group(0) @binding(5) var<storage, read> steps: array<Step>;
@group(0) @binding(6) var<storage, read> gradients: array<f32>;
@group(0) @binding(7) var<storage, read_write> state: array<f32>;

@compute @workgroup_size(invocations)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = vec2u(id.z * groups.x * invocations + id.x, id.y);
  ${onlyWhereItTrains('y', 'parameters')}
  let hyper = hypers[slot];
  let step = steps[at.y * stride + cursor[0]];
  let w = slot * 3u * parameters + at.x;
  let g = gradients[at.y * parameters + at.x];
  let m = state[w + parameters] * hyper.beta1 + g * hyper.oneMinusBeta1;
  let v = state[w + 2u * parameters] * hyper.beta2 + g * g * hyper.oneMinusBeta2;
  state[w + parameters] = m;
  state[w + 2u * parameters] = v;
  state[w] = state[w] * hyper.decay - step.stepSize * m / (sqrt(v) * step.invRootCorrection2 + hyper.eps);
}
`;
}

/** Moves on to the next step of the chunk. */
export const portableAdvance = (): string => wgsl`
@group(0) @binding(1) var<storage, read_write> cursor: array<u32>;

@compute @workgroup_size(1)
fn main() {
  cursor[0] += 1u;
}
`;
