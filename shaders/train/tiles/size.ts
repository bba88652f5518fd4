/** Sizes that the shaders of the training tiles (*.wgsl.ts) and their launcher share; no WGSL. */

/** Invocations of a workgroup. */
export const TILE_INVOCATIONS = 256;
/** Hidden units of a block: their parts of an output are added up before those of other blocks. */
export const UNIT_BLOCK = 64;
/** Invocations along the units of a tile, and along the samples of a forward tile. */
export const ACROSS = 16;
/** Words at the start of a position's scratch: the gradient of b2, and three that are not used. */
export const OUTPUT_WORDS = 4;
/** Words at the start of the scratch buffer. Two of them count the steps done, as `stepNow` in train.wgsl.ts says. */
export const SCRATCH_HEAD = 4;

/**
 * How many rows and columns of a tile an invocation computes. 8 needs half the loads of 4, but there are a quarter of
 * the tiles.
 */
export type PerThread = 4 | 8;

/** What the shaders' text depends on. */
export interface TilesOptions {
  /** Of a forward tile. */
  perThread: PerThread;
  /** Of a backward tile: as many, or 4 where 8 would leave invocations without work. */
  backward: PerThread;
  /** Invocations along the features of a backward tile: no more than the features need. */
  featureThreads: 1 | 2 | 4 | 8 | 16;
  /**
   * Loops whose length the text knows are written out, and loads stand ahead of their use. For GPUs: their compilers
   * leave such loops as they are. A CPU driver compiles each load that stands in the text for milliseconds.
   */
  unrolled: boolean;
  /**
   * Products by matrices of f16: the most lanes of a subgroup, a power of two from 16 to 256. Then `perThread` and `backward` are 4 and
   * `featureThreads` 16: both tiles have sides of 64. Undefined: by multiply-adds.
   */
  lanes?: number;
}
