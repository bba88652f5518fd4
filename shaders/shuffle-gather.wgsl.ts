/**
 * Prepares batches for shuffle-train.wgsl.ts: looks the rows and labels of each batch up by index, and writes them
 * in batch order, then once more with rows and columns exchanged. One subgroup a batch, all batches of a chunk in
 * one dispatch (x: step, y: run). No arithmetic on weights.
 */
import { SHUFFLE_BATCH, type ShuffleOptions, shuffleLayout } from './shuffle-layout.js';
import { lines, times } from './text.js';

/** An index that names no row: the rest of a batch that is smaller than the others. */
export const NO_ROW = 0xffffffff;

/** The WGSL. Bindings: src/kernels/shuffle.ts. */
export function shuffleGather(o: ShuffleOptions): string {
  const { lanes } = o;
  const { featureBlocks, blocks, rowWords, lanesPerWord, batch } = shuffleLayout(o);
  const words = times(rowWords, (w) => w);
  const kept = times(blocks, (v) => words.map((w) => `${v}_${w}`));
  /** Bit of this lane's feature in block i, out of the row words s0, s1, … of one sample. */
  const featureBit = (i: number) => {
    const first = (i * lanes) >> 5;
    if (lanes <= 32) return `(s${first} >> (${(i * lanes) & 31}u + lane)) & 1u`;
    const second = Math.min(first + 1, rowWords - 1);
    return `(select(s${first}, s${second}, lane >= 32u) >> (lane & 31u)) & 1u`;
  };
  return /* wgsl */ `
enable subgroups;
diagnostic(off, subgroup_uniformity);

struct Chunk { stride: u32, matrixBlocks: u32, blocks: u32, subgroups: u32 }
/** position: place of the run in the chunk's buffers; rows, labels: where its dataset begins, in words. */
struct Source { position: u32, steps: u32, rows: u32, labels: u32 }

@group(0) @binding(0) var<uniform> chunk: Chunk;
@group(0) @binding(1) var<storage, read> sources: array<Source>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> batches: array<u32>;

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let source = sources[group.y];
  if (group.x >= source.steps) { return; }
  let at = source.position * chunk.stride + group.x;
  let orderAt = at * ${SHUFFLE_BATCH}u + lane;
  let batchAt = at * ${batch.words}u;
  ${lines(kept.flat().map((k) => `var x${k} = 0u;`))}
  for (var v = 0u; v < chunk.blocks; v++) {
    let index = order[orderAt + v * ${lanes}u];
    let exists = index != ${NO_ROW}u;
    let row = select(0u, index, exists);
    let label = (labels[source.labels + (row >> 5u)] >> (row & 31u)) & 1u;
    batches[batchAt + ${batch.labelsAt}u + v * ${lanes}u + lane] = select(0u, label, exists);
    ${lines(words.map((w) => `let row${w} = select(0u, rows[source.rows + row * ${rowWords}u + ${w}u], exists);`))}
    ${lines(words.map((w) => `batches[batchAt + ${w * SHUFFLE_BATCH}u + v * ${lanes}u + lane] = row${w};`))}
    ${lines(kept.map((names, v) => names.map((k, w) => `x${k} = ${v + 1 < blocks ? `x${kept[v + 1][w]}` : `row${w}`};`).join(' ')))}
  }
  for (var p = 0u; p < 4u; p++) {
    ${lines(times(featureBlocks, (i) => `var column${i} = 0u;`))}
    ${lines(
      times(lanesPerWord, (q) =>
        lines([
          `{ let sample = p * ${lanesPerWord}u + ${q}u;`,
          ...kept.map(
            (names, v) =>
              `{ ${names.map((k, w) => `let s${w} = subgroupShuffle(x${k}, sample);`).join(' ')} ` +
              `${times(featureBlocks, (i) => `column${i} |= (${featureBit(i)}) << ${v + blocks * q}u;`).join(' ')} }`,
          ),
          '}',
        ]),
      ),
    )}
    ${lines(
      times(
        featureBlocks,
        (i) =>
          `batches[batchAt + ${batch.columnsAt + i * lanes}u + p * ${featureBlocks * lanes}u + lane] = column${i};`,
      ),
    )}
  }
}
`;
}
