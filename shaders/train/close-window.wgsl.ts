/**
 * Ends a chunk of steps: for each run whose window closes here, adds up the window's sums over the samples of the
 * batch, writes one record for the host, clears the sums and applies the stop rule. A run that met it is paused at
 * once, so that chunks already queued leave it alone. All in integers but the loss: the host decides in float64 how
 * many misses a window may have (src/lockstep/windows.ts), so both come to the same answer.
 */
import { times } from '../text.js';

/** Words of a record: loss sum (f32 bits), hits in whole batches, in smaller ones, steps with a NaN, stable windows. */
export const RECORD_WORDS = 5;

const INVOCATIONS = 64;

/** The WGSL; `batchPitch`: samples that a batch takes in `sums`. Bindings: src/lockstep/cohort.ts. */
export function closeWindow(batch: number, batchPitch: number): string {
  return /* wgsl */ `
/** closes: 0 while the window stays open. */
struct Slot { slot: u32, steps: u32, closes: u32 }
/**
 * Batches of the window and examples in one: whole ones, smaller ones. budget: most misses that pass, a miss in a
 * whole batch weighing \`smallBatch\` and one in a smaller batch \`batch\`; minus one where no result passes.
 */
struct Window { wholeBatches: u32, smallBatches: u32, smallBatch: u32, budget: i32 }

/** x: stable windows that end a run. */
@group(0) @binding(0) var<uniform> rule: vec4u;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> windows: array<Window>;
@group(0) @binding(3) var<storage, read_write> sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> stable: array<u32>;
@group(0) @binding(5) var<storage, read_write> paused: array<u32>;
@group(0) @binding(6) var<storage, read_write> records: array<u32>;

var<workgroup> losses: array<f32, ${INVOCATIONS}>;
var<workgroup> counts: array<vec3u, ${INVOCATIONS}>;

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let slot = slots[group.x];
  let at = slot.slot * ${4 * batchPitch}u;
  let runs = slot.closes != 0u && paused[slot.slot] == 0u;
  var loss = 0.0;
  var count = vec3u(0u);
  if (runs) {
    for (var b = id; b < ${batch}u; b += ${INVOCATIONS}u) {
      loss += bitcast<f32>(sums[at + b]);
      count += vec3u(sums[at + ${batchPitch}u + b], sums[at + ${2 * batchPitch}u + b], 0u);
      count.z = max(count.z, sums[at + ${3 * batchPitch}u + b]);
      ${times(4, (k) => `sums[at + ${k * batchPitch}u + b] = 0u;`).join(' ')}
    }
  }
  losses[id] = loss;
  counts[id] = count;
  workgroupBarrier();
  if (id != 0u || !runs) { return; }
  for (var k = 1u; k < ${INVOCATIONS}u; k++) {
    loss += losses[k];
    count += vec3u(counts[k].xy, 0u);
    count.z = max(count.z, counts[k].z);
  }
  let window = windows[group.x];
  let weight = max(1u, window.smallBatch);
  let missed = window.wholeBatches * ${batch}u - count.x;
  let missedInSmall = window.smallBatches * window.smallBatch - count.y;
  var passes = window.budget >= 0;
  if (passes) {
    // Each product is at most the budget, which is below 2^31: nothing wraps.
    let budget = u32(window.budget);
    passes = missed <= budget / weight && missedInSmall <= budget / ${batch}u
      && missed * weight + missedInSmall * ${batch}u <= budget;
  }
  let now = select(0u, stable[slot.slot] + 1u, passes);
  stable[slot.slot] = now;
  if (now >= rule.x || count.z != 0u) { paused[slot.slot] = 1u; }
  let record = group.x * ${RECORD_WORDS}u;
  records[record] = bitcast<u32>(loss);
  records[record + 1u] = count.x;
  records[record + 2u] = count.y;
  records[record + 3u] = count.z;
  records[record + 4u] = now;
}
`;
}
