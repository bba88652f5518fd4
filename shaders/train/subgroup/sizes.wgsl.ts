/** The header of the subgroup kernels: the sizes and places of layout.ts by name. Constants only. */
import { wgsl } from '../../wgsl.js';
import { SUBGROUP_BATCH, type SubgroupOptions, subgroupLayout, TURN } from './layout.js';

export function subgroupSizes(o: SubgroupOptions): string {
  const { featureBlocks, rowWords, batch } = subgroupLayout(o);
  return wgsl`
/** Lanes of a subgroup, bits of a lane's number, and the last lane. */
const lanes = ${o.lanes}u;
const log2Lanes = ${Math.log2(o.lanes)}u;
const lastLane = lanes - 1u;
const hidden = ${o.hidden}u;
const unitsPerSubgroup = ${o.unitsPerSubgroup}u;
const subgroups = hidden / unitsPerSubgroup;
/** Blocks of features, one in each lane; words of a row. */
const featureBlocks = ${featureBlocks}u;
const rowWords = ${rowWords}u;
/**
 * Samples of a batch; samples of a quad, which is loaded at once; quads of a batch; blocks of samples, one in each
 * lane.
 */
const batchSamples = ${SUBGROUP_BATCH}u;
const quadSamples = ${TURN}u;
const quads = batchSamples / quadSamples;
const blocks = batchSamples / lanes;
/** Lanes whose samples are packed in one word. */
const lanesPerWord = lanes / 4u;
/** A prepared batch has rows, then columns, then labels: where these begin, and its length, in vec4s. */
const columnsAt = ${batch.columnsAt}u;
const labelsAt = ${batch.labelsAt}u;
const batchVec4s = ${batch.vec4s}u;
`;
}
