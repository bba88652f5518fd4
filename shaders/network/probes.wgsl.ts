/**
 * Sums over the numbers of networks in lockstep, for what a run tells of its network beside loss and accuracy. It reads the
 * runs' memory and writes nothing there: training does not depend on who looks.
 */
import { floatFunctionsIn } from '../shared/floats.wgsl.js';
import { Struct } from '../shared/struct.js';
import { wgsl } from '../wgsl.js';
import { NONE } from './chunk.wgsl.js';

/** Columns that one workgroup adds up, one an invocation. */
export const COLUMNS = 64;

/**
 * [workgroup]: up to {@link COLUMNS} columns of a matrix that lies at `at`, its rows at multiples of four numbers, from column
 * `first` on. `origin`: a matrix that its distance is taken from, or {@link NONE}. `to`: where the sums go. Places are in words.
 */
export const STRIP = new Struct('Strip', {
  at: 'u32',
  origin: 'u32',
  rows: 'u32',
  columns: 'u32',
  first: 'u32',
  to: 'u32',
});

/** [column]: the sum of squares; that of the distances from the origin, and the largest of them. */
export const COLUMN_SUMS = new Struct('ColumnSums', { squares: 'f32', moved: 'f32', farthest: 'f32' });

/** Rows whose sum is added to the whole at once: rounding grows with the length of a sum. */
const BLOCK = 16;

/** Bindings: src/kernels/network/probes.ts. */
export function columnSums(): string {
  const body = wgsl`
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
  for (var begin = 0u; begin < strip.rows; begin += block) {
    var part = vec2f();
    for (var row = begin; row < min(begin + block, strip.rows); row++) {
      let place = row * pitch + column;
      let x = memory[strip.at + place];
      var moved = 0.0;
      if (strip.origin != none) { moved = abs(x - memory[strip.origin + place]); }
      part += vec2f(x * x, moved * moved);
      total.farthest = larger(total.farthest, moved);
    }
    total.squares += part.x;
    total.moved += part.y;
  }
  sums[strip.to + id] = total;
}
`;
  return `${floatFunctionsIn(body)}\n${body}`;
}
