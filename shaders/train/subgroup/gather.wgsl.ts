/**
 * Prepares batches for train.wgsl.ts: looks the rows and labels of each batch up by index, and writes them
 * in batch order, then once more with rows and columns exchanged. One subgroup a batch, all batches of a chunk in
 * one dispatch (x: step, y: run). No arithmetic on weights.
 */

import { lines, times } from '../../shared/lists.js';
import { noRow, SOURCE } from '../chunk.wgsl.js';
import { type SubgroupOptions, subgroupLayout, TURN } from './layout.js';

/** The WGSL. Bindings: src/kernels/train/subgroup.ts. */
export function subgroupGather(o: SubgroupOptions): string {
  const { lanes } = o;
  const { featureBlocks, blocks, rowWords, lanesPerWord, quads, batch } = subgroupLayout(o);
  const words = times(rowWords, (w) => w);
  const components = times(TURN, (j) => 'xyzw'[j]);
  const kept = times(blocks, (v) => words.map((w) => `${v}_${w}`));
  /** Bit of this lane's feature in block i, out of the row words s0, s1, … of one sample. */
  const featureBit = (i: number) => `(s${(i * lanes) >> 5} >> (${(i * lanes) & 31}u + lane)) & 1u`;
  const keep = kept.map((names, v) =>
    names
      .map(
        (k, w) =>
          `x${k} = ${v + TURN < blocks ? `x${kept[v + TURN][w]}` : `row${w}.${components[v % TURN]}`};`,
      )
      .join(' '),
  );
  return /* wgsl */ `
enable subgroups;
diagnostic(off, subgroup_uniformity);

struct Chunk { stride: u32, matrixBlocks: u32, turns: u32, subgroups: u32 }
${SOURCE.wgsl}
${noRow}

@group(0) @binding(0) var<uniform> chunk: Chunk;
@group(0) @binding(1) var<storage, read> sources: array<Source>;
@group(0) @binding(2) var<storage, read> order: array<vec4u>;
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> batches: array<vec4u>;

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let source = sources[group.y];
  if (group.x >= source.steps) { return; }
  let at = source.position * chunk.stride + group.x;
  let batchAt = at * ${batch.vec4s}u;
  ${lines(kept.flat().map((k) => `var x${k} = 0u;`))}
  for (var turn = 0u; turn < chunk.turns; turn++) {
    let quad = turn * ${lanes}u + lane;
    let indices = order[at * ${quads}u + quad];
    let exists = indices != vec4u(noRow);
    let row = select(vec4u(0u), indices, exists);
    let word = source.labels + (row >> vec4u(5u));
    let bits = vec4u(${components.map((c) => `labels[word.${c}]`).join(', ')}) >> (row & vec4u(31u));
    batches[batchAt + ${batch.labelsAt}u + quad] = select(vec4u(0u), bits & vec4u(1u), exists);
    let first = source.rows + row * ${rowWords}u;
    ${lines(
      words.map(
        (w) =>
          `let row${w} = select(vec4u(0u), vec4u(${components.map((c) => `rows[first.${c} + ${w}u]`).join(', ')}), exists); ` +
          `batches[batchAt + ${w * quads}u + quad] = row${w};`,
      ),
    )}
    ${lines(keep)}
  }
  ${lines(times(featureBlocks, (i) => `var column${i} = vec4u(0u);`))}
  for (var p = 0u; p < 4u; p++) {
    ${lines(times(featureBlocks, (i) => `var bits${i} = 0u;`))}
    ${lines(
      times(lanesPerWord, (q) =>
        lines([
          `{ let sample = p * ${lanesPerWord}u + ${q}u;`,
          ...kept.map(
            (names, v) =>
              `{ ${names.map((k, w) => `let s${w} = subgroupShuffle(x${k}, sample);`).join(' ')} ` +
              `${times(featureBlocks, (i) => `bits${i} |= (${featureBit(i)}) << ${v + blocks * q}u;`).join(' ')} }`,
          ),
          '}',
        ]),
      ),
    )}
    ${lines(times(featureBlocks, (i) => `column${i} = vec4u(column${i}.yzw, bits${i});`))}
  }
  ${lines(times(featureBlocks, (i) => `batches[batchAt + ${batch.columnsAt + i * lanes}u + lane] = column${i};`))}
}
`;
}
