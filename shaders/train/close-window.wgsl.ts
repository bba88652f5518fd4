/**
 * Ends a chunk of steps. For each run whose window closes here, it adds up the window's sums over the samples of the
 * batch, writes one record for the host, clears the sums and applies the stop rule. A run that meets the rule is
 * paused at once, so that chunks already queued leave it alone. All but the loss is in integers: the host computes in
 * float64 how many misses a window may have (src/lockstep/windows.ts), so device and host come to the same answer.
 */
import { wgsl } from '../wgsl.js';
import { POSITION, RECORD, sumNames, WINDOW } from './chunk.wgsl.js';

const INVOCATIONS = 64;

interface CloseWindowOptions {
  /** Examples of a whole batch. */
  batch: number;
  /** Samples from one sum's batch to the next in `sums`: the batch size or more. */
  batchPitch: number;
}

/** Bindings: src/kernels/train/close-window.ts. */
export function closeWindow({ batch, batchPitch }: CloseWindowOptions): string {
  return wgsl`
const batch = ${batch}u;
/** Samples from one sum's batch to the next. */
const pitch = ${batchPitch}u;
const invocations = ${INVOCATIONS}u;
${sumNames}

${POSITION.wgsl}

${WINDOW.wgsl}

${RECORD.wgsl}

/** x: stable windows that end a run. */
@group(0) @binding(0) var<uniform> rule: vec4u;
@group(0) @binding(1) var<storage, read> positions: array<Position>;
@group(0) @binding(2) var<storage, read> windows: array<Window>;
@group(0) @binding(3) var<storage, read_write> sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> stable: array<u32>;
@group(0) @binding(5) var<storage, read_write> paused: array<u32>;
@group(0) @binding(6) var<storage, read_write> records: array<Record>;

var<workgroup> losses: array<f32, invocations>;
var<workgroup> counts: array<vec3u, invocations>;

@compute @workgroup_size(invocations)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let position = positions[group.x];
  let slot = position.slot;
  let at = slot * sumsOfWindow * pitch;
  let runs = position.closes != 0u && paused[slot] == 0u;
  var loss = 0.0;
  var count = vec3u(0u);
  if (runs) {
    for (var b = id; b < batch; b += invocations) {
      loss += bitcast<f32>(sums[at + lossesSum * pitch + b]);
      count += vec3u(sums[at + hitsSum * pitch + b], sums[at + smallHitsSum * pitch + b], 0u);
      count.z = max(count.z, sums[at + nanStepsSum * pitch + b]);
      for (var sum = 0u; sum < sumsOfWindow; sum++) { sums[at + sum * pitch + b] = 0u; }
    }
  }
  losses[id] = loss;
  counts[id] = count;
  workgroupBarrier();
  if (id != 0u || !runs) { return; }
  for (var k = 1u; k < invocations; k++) {
    loss += losses[k];
    count += vec3u(counts[k].xy, 0u);
    count.z = max(count.z, counts[k].z);
  }
  let window = windows[group.x];
  let weight = max(1u, window.smallBatch);
  let missed = window.wholeBatches * batch - count.x;
  let missedInSmall = window.smallBatches * window.smallBatch - count.y;
  var passes = window.budget >= 0;
  if (passes) {
    // Each product is at most the budget, which is below 2^31: nothing wraps.
    let budget = u32(window.budget);
    passes = missed <= budget / weight && missedInSmall <= budget / batch
      && missed * weight + missedInSmall * batch <= budget;
  }
  let now = select(0u, stable[slot] + 1u, passes);
  stable[slot] = now;
  if (now >= rule.x || count.z != 0u) { paused[slot] = 1u; }
  records[group.x] = Record(loss, count.x, count.y, count.z, now);
}
`;
}
