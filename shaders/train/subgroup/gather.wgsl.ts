/**
 * Prepares batches for train.wgsl.ts. It looks up the rows and labels of each batch by index and writes them in batch
 * order, then writes the rows once more with rows and columns exchanged. A subgroup takes one batch; one dispatch
 * takes all batches of a chunk (x: step, y: run). Weights are not touched.
 */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { noRow, SOURCE } from '../chunk.wgsl.js';
import { CHUNK, type SubgroupOptions, subgroupLayout, TURN } from './layout.js';
import { subgroupSizes } from './sizes.wgsl.js';

/** Bindings: src/kernels/train/subgroup.ts. */
export function subgroupGather(o: SubgroupOptions): string {
  const { featureBlocks, blocks, rowWords, lanesPerWord } = subgroupLayout(o);
  /** Row words of this lane's sample in block v: `x<v>_<word>`. */
  const kept = times(blocks, (v) => times(rowWords, (word) => ({ v, word }))).flat();
  /** In each turn four blocks come in at the end and the others move up. */
  const moves = kept.map(({ v, word }) => ({
    to: `x${v}_${word}`,
    from: v + TURN < blocks ? `x${v + TURN}_${word}` : `row${word}.${'xyzw'[v % TURN]}`,
  }));
  /** Where in a row a lane's feature of block i is: the word, and the bit of the first lane. */
  const features = times(featureBlocks, (i) => ({ i, word: (i * o.lanes) >> 5, bit: (i * o.lanes) & 31 }));
  return wgsl`
enable subgroups;
diagnostic(off, subgroup_uniformity);

${subgroupSizes(o)}
${noRow}

${CHUNK.wgsl}

${SOURCE.wgsl}

@group(0) @binding(0) var<uniform> chunk: Chunk;
@group(0) @binding(1) var<storage, read> sources: array<Source>;
@group(0) @binding(2) var<storage, read> order: array<vec4u>;
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> batches: array<vec4u>;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let source = sources[group.y];
  if (group.x >= source.steps) { return; }
  let at = source.position * chunk.stride + group.x;
  let batchAt = at * batchVec4s;
  #for move in ${moves}
  var $move.to = 0u;
  #endfor
  for (var turn = 0u; turn < chunk.turns; turn++) {
    let quad = turn * lanes + lane;
    let indices = order[at * quads + quad];
    let exists = indices != vec4u(noRow);
    let row = select(vec4u(0u), indices, exists);
    let word = source.labels + (row >> vec4u(5u));
    let words = vec4u(labels[word.x], labels[word.y], labels[word.z], labels[word.w]);
    let bits = words >> (row & vec4u(31u));
    batches[batchAt + labelsAt + quad] = select(vec4u(0u), bits & vec4u(1u), exists);
    let first = source.rows + row * rowWords;
    #for word in ${rowWords}
    let words$word = vec4u(rows[first.x + $word], rows[first.y + $word], rows[first.z + $word], rows[first.w + $word]);
    let row$word = select(vec4u(0u), words$word, exists);
    batches[batchAt + $word * quads + quad] = row$word;
    #endfor
    #for move in ${moves}
    $move.to = $move.from;
    #endfor
  }
  #for i in ${featureBlocks}
  var column$i = vec4u(0u);
  #endfor
  for (var p = 0u; p < 4u; p++) {
    #for i in ${featureBlocks}
    var bits$i = 0u;
    #endfor
    #for q in ${lanesPerWord}
    {
      let sample = p * lanesPerWord + $q;
      #for v in ${blocks}
      {
        #for word in ${rowWords}
        let s$word = subgroupShuffle(x$v_$word, sample);
        #endfor
        #for feature in ${features}
        bits$feature.i |= ((s$feature.word >> ($feature.bit + lane)) & 1u) << ($v + blocks * $q);
        #endfor
      }
      #endfor
    }
    #endfor
    #for i in ${featureBlocks}
    column$i = vec4u(column$i.yzw, bits$i);
    #endfor
  }
  #for i in ${featureBlocks}
  batches[batchAt + (columnsAt + $i * lanes) + lane] = column$i;
  #endfor
}
`;
}
