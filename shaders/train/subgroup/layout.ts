/**
 * How the subgroup kernels lay out hidden units, features and samples over subgroups, lanes and words. Numbers
 * shared by the shaders and their launcher; no WGSL.
 *
 * Lane = feature while weights are updated, lane = sample while logits are summed. Four samples in a row, one load of
 * a vec4, sit in one lane: sample b in component `b % 4` of quad `floor(b / 4)`, which is lane `quad % lanes` of turn
 * `floor(quad / lanes)`; a turn and a component make a block. Where bits of 32 samples are packed in a word (p, 0 to
 * 3), bit k is the sample in block `k % blocks` of lane `p * lanesPerWord + floor(k / blocks)`.
 */
import { times } from '../../shared/lists.js';
import { Struct } from '../../shared/struct.js';

/** Samples that one training step holds at most; a smaller batch leaves the rest idle. */
export const SUBGROUP_BATCH = 128;
/** Blocks of samples that are loaded and stored together. */
export const TURN = 4;

/**
 * The uniform of a chunk: steps of a position in the per-step buffers, then loop bounds that a compiler must not see, of
 * matrices a subgroup's variables, turns of a batch, subgroups. With constants, LLVM unrolls bodies of thousands of
 * instructions.
 */
export const CHUNK = new Struct('Chunk', {
  stride: 'u32',
  matrixBlocks: 'u32',
  turns: 'u32',
  subgroups: 'u32',
});

export interface SubgroupOptions {
  /** Input features, columns of the packed rows. */
  features: number;
  /** Hidden width; four times `unitsPerSubgroup` or a multiple of that. */
  hidden: number;
  /** Examples of a batch that is not the last of an epoch, up to {@link SUBGROUP_BATCH}. */
  batch: number;
  /** Subgroup size, a power of two from 4 to 32. */
  lanes: number;
  /** Hidden units a subgroup keeps; a multiple of `lanes`. */
  unitsPerSubgroup: number;
  /** Where subgroups leave their parts of the logits: in workgroup memory, or where that is too small in a buffer. */
  partials: 'workgroup' | 'storage';
}

/** Some bits of a word, as many as a lane's number has at most: what one table look-up takes in. */
interface BitGroup {
  word: number;
  shift: number;
  count: number;
}

/** Cuts the low `bits` bits of word `word` in groups. */
export function bitGroups(word: number, bits: number, width: number): BitGroup[] {
  return times(Math.ceil(bits / width), (g) => ({
    word,
    shift: g * width,
    count: Math.min(width, bits - g * width),
  }));
}

export function subgroupLayout(o: SubgroupOptions) {
  const featureBlocks = Math.ceil(o.features / o.lanes);
  const log2Lanes = Math.log2(o.lanes);
  const rowWords = Math.ceil(o.features / 32);
  const quads = SUBGROUP_BATCH / TURN;
  const columnsAt = quads * rowWords;
  const labelsAt = columnsAt + featureBlocks * o.lanes;
  /** Floats between two hidden units' weights. */
  const pitch = featureBlocks * o.lanes;
  const matrix = o.hidden * pitch;
  const subgroups = o.hidden / o.unitsPerSubgroup;
  const partialsAt = 3 * matrix + 6 * o.hidden + 4;
  return {
    featureBlocks,
    log2Lanes,
    rowWords,
    rowGroups: times(rowWords, (word) =>
      bitGroups(word, Math.min(32, o.features - 32 * word), log2Lanes),
    ).flat(),
    blocks: SUBGROUP_BATCH / o.lanes,
    lanesPerWord: o.lanes / 4,
    subgroups,
    pitch,
    turns: SUBGROUP_BATCH / o.lanes / TURN,
    quads,
    /** One prepared batch in vec4s: rows [word][quad], columns [feature] with the four words of samples, labels [quad]. */
    batch: { columnsAt, labelsAt, vec4s: labelsAt + quads },
    /** Floats of one run's weights: w1, then b1 and w2, then b2. */
    weights: {
      matrix,
      vectorsAt: matrix,
      outputBiasAt: matrix + 2 * o.hidden,
      floats: matrix + 2 * o.hidden + 4,
    },
    /**
     * Floats of one run's state: w1 and its moments (see stateIndices); b1, w2 and their moments; b2 and its moments; the
     * subgroups' parts of the logits where they are in storage.
     */
    state: {
      matrix,
      vectorsAt: 3 * matrix,
      outputBiasAt: 3 * matrix + 6 * o.hidden,
      partialsAt,
      floats: partialsAt + (o.partials === 'storage' ? subgroups * SUBGROUP_BATCH : 0),
    },
  };
}

export type SubgroupLayout = ReturnType<typeof subgroupLayout>;

/**
 * Where each w1[h][feature] stands in a run's state: four of a lane's variables lie side by side, for one load of a vec4;
 * then the other lanes' four, then the next four.
 */
export function stateIndices(o: SubgroupOptions): Uint32Array {
  const { featureBlocks, pitch } = subgroupLayout(o);
  return Uint32Array.from({ length: o.hidden * o.features }, (_, k) => {
    const [h, feature] = [Math.floor(k / o.features), k % o.features];
    const subgroup = Math.floor(h / o.unitsPerSubgroup);
    const variable = (h % o.unitsPerSubgroup) * featureBlocks + Math.floor(feature / o.lanes);
    const quad = Math.floor(variable / TURN) * o.lanes + (feature % o.lanes);
    return subgroup * o.unitsPerSubgroup * pitch + quad * TURN + (variable % TURN);
  });
}
