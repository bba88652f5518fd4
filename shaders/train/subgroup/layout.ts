/**
 * How the subgroup kernels lay out hidden units, features and samples over subgroups, lanes and words. Numbers that
 * the shaders and their launcher share; no WGSL.
 *
 * While weights are updated, a lane holds a feature; while logits are summed, it holds samples. Four samples in a
 * row, one load of a vec4, sit in one lane: sample b is component `b % 4` of quad `floor(b / 4)`, and that quad is in
 * lane `quad % lanes` in turn `floor(quad / lanes)`. The samples of one turn and one component make a block. Where
 * the bits of 32 samples are packed in a word p (0 to 3), bit k is the sample in block `k % blocks` of lane
 * `p * lanesPerWord + floor(k / blocks)`.
 */
import { times } from '../../shared/lists.js';
import { Struct } from '../../shared/struct.js';

/** The most samples of a training step; a smaller batch leaves the rest idle. */
export const SUBGROUP_BATCH = 128;
/** Blocks of samples that are loaded and stored together. */
export const TURN = 4;

/**
 * The uniform of a chunk. stride: steps of a position in the per-step buffers. The others are bounds of loops: over a
 * subgroup's variables in a matrix, the turns of a batch, the subgroups. A compiler must not see them: with
 * constants, LLVM unrolls bodies of thousands of instructions.
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
  /** Hidden width, a multiple of `unitsPerSubgroup`. */
  hidden: number;
  /** Examples of a whole batch, up to {@link SUBGROUP_BATCH}. */
  batch: number;
  /** Subgroup size, a power of two from 4 to 32. */
  lanes: number;
  /** Hidden units that a subgroup keeps; a multiple of `lanes`. */
  unitsPerSubgroup: number;
  /** Where subgroups leave their parts of the logits: in workgroup memory or, if that is too small, in a buffer. */
  partials: 'workgroup' | 'storage';
}

/** Some bits of a word, at most as many as a lane's number has: what one table look-up takes. */
interface BitGroup {
  word: number;
  shift: number;
  count: number;
}

/** Cuts the low `bits` bits of a word into groups of `width`. */
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
  /** Floats from one hidden unit's weights to the next one's. */
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
    /**
     * A prepared batch, in vec4s: rows [word][quad]; columns [feature], the four words of its samples; labels [quad].
     */
    batch: { columnsAt, labelsAt, vec4s: labelsAt + quads },
    /** Floats of one run's weights: w1, then b1 and w2, then b2. */
    weights: {
      matrix,
      vectorsAt: matrix,
      outputBiasAt: matrix + 2 * o.hidden,
      floats: matrix + 2 * o.hidden + 4,
    },
    /**
     * Floats of one run's state: w1 and its moments (see stateIndices); b1, w2 and their moments; b2 and its moments;
     * and the subgroups' parts of the logits if they are in storage.
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
 * The index of each w1[h][feature] in a run's state. Four of a lane's variables lie side by side, for one load of a
 * vec4; after them come the same four of the other lanes, then the next four.
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
