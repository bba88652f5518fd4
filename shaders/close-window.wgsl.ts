/**
 * Ends a chunk of steps: for each run whose window closes here, adds up the window's sums over the samples of the
 * batch, writes one record for the host, clears the sums and counts stable windows. A run that looks as if it had met
 * the stop rule is paused, so that chunks already queued leave it alone; the host, which has the exact numbers a
 * moment later, judges. Pausing too early costs time, pausing too late would cost the result: hence the margin.
 */
import { times } from './text.js';

/** Words of a record: loss sum (f32 bits), hits in whole batches, in smaller ones, steps with a NaN, stable windows. */
export const RECORD_WORDS = 5;

/** How far below the stop rule's accuracy a window already counts: float32 error of a mean is far below it. */
const MARGIN = 1e-4;

const INVOCATIONS = 64;

/** The WGSL. Bindings: src/lockstep/cohort.ts. */
export function closeWindow(batch: number): string {
  return /* wgsl */ `
struct Rule { accuracy: f32, windows: u32 }
/** closes: 0 while the window stays open, else 1, or 2 where the run is past its least number of steps. */
struct Slot { slot: u32, steps: u32, closes: u32, position: u32 }
/** windowSteps: steps in this window; lastBatch: examples in a smaller batch. */
struct Window { windowSteps: u32, lastBatch: u32 }

@group(0) @binding(0) var<uniform> rule: Rule;
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
  let at = slot.slot * ${4 * batch}u;
  let runs = slot.closes != 0u && paused[slot.slot] == 0u;
  var loss = 0.0;
  var count = vec3u(0u);
  if (runs) {
    for (var b = id; b < ${batch}u; b += ${INVOCATIONS}u) {
      loss += bitcast<f32>(sums[at + b]);
      count += vec3u(sums[at + ${batch}u + b], sums[at + ${2 * batch}u + b], 0u);
      count.z = max(count.z, sums[at + ${3 * batch}u + b]);
      ${times(4, (k) => `sums[at + ${k * batch}u + b] = 0u;`).join(' ')}
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
  let correct = f32(count.x) / ${batch}.0 + f32(count.y) / f32(max(1u, window.lastBatch));
  let passes = slot.closes == 2u && correct / f32(window.windowSteps) >= rule.accuracy - ${MARGIN};
  let now = select(0u, stable[slot.slot] + 1u, passes);
  stable[slot.slot] = now;
  if (now >= rule.windows || count.z != 0u) { paused[slot.slot] = 1u; }
  let record = group.x * ${RECORD_WORDS}u;
  records[record] = bitcast<u32>(loss);
  records[record + 1u] = count.x;
  records[record + 2u] = count.y;
  records[record + 3u] = count.z;
  records[record + 4u] = now;
}
`;
}
