/** Sizes that the shaders of the training tiles (*.wgsl.ts) and their launcher share; no WGSL. */

/** Invocations of a workgroup. */
export const TILE_INVOCATIONS = 256;
/** Hidden units of a block: their parts of an output are added up before those of other blocks. */
export const UNIT_BLOCK = 64;
/** Invocations along the units of a tile, and along the samples of a forward tile. */
export const ACROSS = 16;
/** Words at the start of the scratch buffer. Two of them count the steps done, as `stepNow` in train.wgsl.ts says. */
export const SCRATCH_HEAD = 4;

/**
 * How many rows and columns of a tile an invocation computes. 8 needs half the loads of 4, but there are a quarter of
 * the tiles.
 */
export type PerThread = 4 | 8;
