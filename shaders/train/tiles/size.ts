/**
 * Sizes that the training tiles' shaders (*.wgsl.ts) and their launcher share; no WGSL.
 */

/** Invocations of a workgroup. */
export const TILE_INVOCATIONS = 256;
/** Hidden units whose part of an output is summed up before the parts of others are added. */
export const UNIT_BLOCK = 64;
/** Invocations along the units of a tile, and along the samples of a forward tile. */
export const ACROSS = 16;
/** Words at the start of the scratch buffer: the steps that are done, for the kernels that read them and those that add. */
export const SCRATCH_HEAD = 4;

/** Rows and columns of a tile that one invocation computes. 8 needs half the loads of 4, but has a quarter of the tiles. */
export type PerThread = 4 | 8;
