/** How many workgroups a stage of a step has work for, where it has a dispatch of its own. Numbers only. */
import { BATCH_ROWS, STAGE_KINDS, type Stage } from '../../../shaders/network/chunk.wgsl.js';
import { BLOCK } from '../../../shaders/network/product-blocks.wgsl.js';
import { laneTile } from '../../../shaders/network/product-lanes.wgsl.js';
import type { StepVariant } from '../../../shaders/network/step.wgsl.js';

/** Invocations that gather an example together. */
const GATHERING = 8;

/** The stages that some runs go through. */
export interface Walk {
  readonly stages: readonly Stage[];
  /** The most examples that go through them at once. */
  readonly examples: number;
}

/** The most workgroups for which this stage of one run has work. */
export function stageGroups(
  { kind, rows, columns, batchExtents }: Stage,
  examples: number,
  { lanes, invocations }: Pick<StepVariant, 'lanes' | 'invocations'>,
): number {
  const groupsOf = (items: number) => Math.ceil(items / invocations);
  switch (kind) {
    case STAGE_KINDS.forward:
    case STAGE_KINDS.inputGradient:
    case STAGE_KINDS.weightGradient: {
      const [tileRows, tileColumns] = lanes ? laneTile(lanes, columns) : [BLOCK, BLOCK];
      const down = (batchExtents & BATCH_ROWS) === 0 ? rows : examples;
      const tiles = Math.ceil(down / tileRows) * Math.ceil(columns / tileColumns);
      return lanes ? tiles : groupsOf(tiles);
    }
    case STAGE_KINDS.gather:
      return groupsOf(GATHERING * examples);
    case STAGE_KINDS.transpose:
      return groupsOf(columns);
    case STAGE_KINDS.biasGradient:
      return groupsOf(Math.ceil(columns / 4));
    case STAGE_KINDS.tally:
      return 1;
    default:
      return groupsOf(examples);
  }
}
