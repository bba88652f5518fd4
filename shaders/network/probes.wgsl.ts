/**
 * Sums over the numbers of networks in lockstep, for measurements other than loss and accuracy: over the columns of a matrix; over
 * outputs, each times the parity of some inputs of its example; and over examples, of a function that the caller wrote. The kernels
 * only read the runs' memory, so training has the same bits with and without them.
 */
import { floatFunctionsIn } from '../shared/floats.wgsl.js';
import { Struct } from '../shared/struct.js';
import { wgsl } from '../wgsl.js';
import { NONE } from './chunk.wgsl.js';

/** How many columns a workgroup adds up: one for each invocation. */
export const COLUMNS = 64;

/**
 * [workgroup]: up to {@link COLUMNS} columns, from column `first` on, of the matrix at `at`, whose rows begin at multiples of four
 * numbers. `origin`: the matrix from which distances are taken, or {@link NONE}. The sums are written to `to`; if `adds` is 1, they
 * are added to what is there. Places are in words.
 */
export const STRIP = new Struct('Strip', {
  at: 'u32',
  origin: 'u32',
  rows: 'u32',
  columns: 'u32',
  first: 'u32',
  to: 'u32',
  adds: 'u32',
});

/**
 * [column]: the sum of the squares; the sum of the squared distances from the origin; the largest distance; how many numbers are
 * above 0.
 */
export const COLUMN_SUMS = new Struct('ColumnSums', {
  squares: 'f32',
  moved: 'f32',
  farthest: 'f32',
  above: 'f32',
});

/**
 * [workgroup]: adds up one number of each row of a matrix, times the parity of some inputs. The numbers begin at `at` and are
 * `pitch` words apart. The parity is that of `count` inputs, whose indices are in `members` from `first` on. The rows' inputs begin
 * at `inputs` and are `inputsPitch` words apart.
 */
export const PARITY = new Struct('Parity', {
  at: 'u32',
  pitch: 'u32',
  inputs: 'u32',
  inputsPitch: 'u32',
  rows: 'u32',
  first: 'u32',
  count: 'u32',
  to: 'u32',
  adds: 'u32',
});

/**
 * [workgroup]: the examples of a batch, over which a function is added up. Their inputs begin at `inputs` and their targets at
 * `targets`, each row a pitch after the one before. From `outputs` on, `places` has two words for each layer: where its outputs
 * begin, and their pitch. The sum is written to `to`; with `adds` = 1 it is added to what is there.
 */
export const BATCH = new Struct('Batch', {
  inputs: 'u32',
  inputsPitch: 'u32',
  targets: 'u32',
  targetsPitch: 'u32',
  outputs: 'u32',
  layers: 'u32',
  rows: 'u32',
  to: 'u32',
  adds: 'u32',
});

/** Rows are added up in blocks of so many, and then the blocks: rounding errors grow with the length of a sum. */
const BLOCK = 16;

const withFunctions = (body: string) => `${floatFunctionsIn(body)}\n${body}`;

/** Bindings: src/kernels/network/probes.ts. */
export function columnSums(): string {
  return withFunctions(wgsl`
${STRIP.wgsl}
${COLUMN_SUMS.wgsl}
const columnsAtOnce = ${COLUMNS}u;
const block = ${BLOCK}u;
const none = ${NONE}u;

/** x: the first strip of the dispatch. */
@group(0) @binding(0) var<uniform> dispatch: vec4u;
@group(0) @binding(1) var<storage, read> strips: array<Strip>;
@group(0) @binding(2) var<storage, read> memory: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<ColumnSums>;

@compute @workgroup_size(columnsAtOnce)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let strip = strips[dispatch.x + group.x];
  let column = strip.first + id;
  if (column >= strip.columns) { return; }
  let pitch = (strip.columns + 3u) & ~3u;
  var total = ColumnSums();
  if (strip.adds == 1u) { total = sums[strip.to + id]; }
  for (var begin = 0u; begin < strip.rows; begin += block) {
    var part = vec3f();
    for (var row = begin; row < min(begin + block, strip.rows); row++) {
      let place = row * pitch + column;
      let x = memory[strip.at + place];
      var moved = 0.0;
      if (strip.origin != none) { moved = abs(x - memory[strip.origin + place]); }
      part += vec3f(x * x, moved * moved, select(0.0, 1.0, x > 0.0));
      total.farthest = larger(total.farthest, moved);
    }
    total.squares += part.x;
    total.moved += part.y;
    total.above += part.z;
  }
  sums[strip.to + id] = total;
}
`);
}

/** The sum over a workgroup, in one order. */
const reduction = wgsl`
var<workgroup> parts: array<f32, invocations>;

fn addUp(part: f32, id: u32, to: u32, adds: bool) {
  parts[id] = part;
  workgroupBarrier();
  if (id != 0u) { return; }
  var sum = part;
  for (var k = 1u; k < invocations; k++) { sum += parts[k]; }
  if (adds) { sum += sums[to]; }
  sums[to] = sum;
}
`;

/** Bindings: src/kernels/network/probes.ts. */
export function paritySums(): string {
  return wgsl`
${PARITY.wgsl}
const invocations = 64u;

/** x: the first parity of the dispatch. */
@group(0) @binding(0) var<uniform> dispatch: vec4u;
@group(0) @binding(1) var<storage, read> parities: array<Parity>;
@group(0) @binding(2) var<storage, read> memory: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
@group(0) @binding(4) var<storage, read> members: array<u32>;

${reduction}
@compute @workgroup_size(invocations)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  let p = parities[dispatch.x + group.x];
  var part = 0.0;
  for (var row = id; row < p.rows; row += invocations) {
    var x = memory[p.at + row * p.pitch];
    for (var k = p.first; k < p.first + p.count; k++) {
      if (memory[p.inputs + row * p.inputsPitch + members[k]] <= 0.0) { x = -x; }
    }
    part += x;
  }
  addUp(part, id, p.to, p.adds == 1u);
}
`;
}

/**
 * Bindings: src/kernels/network/probes.ts.
 *
 * @param own The caller's `fn probe(e: Example) -> f32`.
 */
export function functionSums(own: string): string {
  return wgsl`
${BATCH.wgsl}
const invocations = 64u;

/** x: the first batch of the dispatch. */
@group(0) @binding(0) var<uniform> dispatch: vec4u;
@group(0) @binding(1) var<storage, read> batches: array<Batch>;
@group(0) @binding(2) var<storage, read> memory: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
@group(0) @binding(4) var<storage, read> places: array<u32>;

/** An example of a batch, and where its numbers lie. */
struct Example { row: u32, inputs: u32, targets: u32, outputs: u32, layers: u32 }

fn inputOf(e: Example, k: u32) -> f32 { return memory[e.inputs + k]; }
fn targetOf(e: Example, k: u32) -> f32 { return memory[e.targets + k]; }
fn unitOf(e: Example, layer: u32, k: u32) -> f32 {
  let at = e.outputs + 2u * layer;
  return memory[places[at] + e.row * places[at + 1u] + k];
}
fn outputOf(e: Example, k: u32) -> f32 { return unitOf(e, e.layers - 1u, k); }

${reduction}
${own}

@compute @workgroup_size(invocations)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
  // So that they are bound whatever the function reads.
  _ = &memory;
  _ = &places;
  let b = batches[dispatch.x + group.x];
  var part = 0.0;
  for (var row = id; row < b.rows; row += invocations) {
    part += probe(Example(row, b.inputs + row * b.inputsPitch, b.targets + row * b.targetsPitch, b.outputs, b.layers));
  }
  addUp(part, id, b.to, b.adds == 1u);
}
`;
}
