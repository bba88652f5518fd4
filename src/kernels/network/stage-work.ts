/**
 * How much work a stage of a step is, where it has a dispatch of its own: workgroups, operations, bytes, and what a profile calls it.
 * Numbers only.
 */
import { BATCH_DEPTH, BATCH_ROWS, STAGE_KINDS, type Stage } from '../../../shaders/network/chunk.wgsl.js';
import { BLOCK } from '../../../shaders/network/product-blocks.wgsl.js';
import { laneTile } from '../../../shaders/network/product-lanes.wgsl.js';
import type { StepVariant } from '../../../shaders/network/step.wgsl.js';
import type { Cost } from '../../gpu/cost.js';

/** Invocations that gather an example together. */
const GATHERING = 8;

/** The stages that some runs go through. */
export interface Walk {
  readonly stages: readonly Stage[];
  /** The most examples that go through them at once. */
  readonly examples: number;
  /** How many runs those are. */
  readonly runs: number;
}

const NAMES = Object.fromEntries(Object.entries(STAGE_KINDS).map(([name, kind]) => [kind, name]));
const PRODUCTS: readonly number[] = [
  STAGE_KINDS.forward,
  STAGE_KINDS.inputGradient,
  STAGE_KINDS.weightGradient,
];

/** Rows, columns and depth of a stage whose batch has this many examples. */
function extentsOf({ rows, columns, depth, batchExtents }: Stage, examples: number) {
  return {
    rows: (batchExtents & BATCH_ROWS) === 0 ? rows : examples,
    columns,
    depth: (batchExtents & BATCH_DEPTH) === 0 ? depth : examples,
  };
}

/** The most workgroups for which this stage of one run has work. */
export function stageGroups(
  stage: Stage,
  examples: number,
  { lanes, invocations }: Pick<StepVariant, 'lanes' | 'invocations'>,
): number {
  const groupsOf = (items: number) => Math.ceil(items / invocations);
  const { rows, columns } = extentsOf(stage, examples);
  if (PRODUCTS.includes(stage.kind)) {
    const [tileRows, tileColumns] = lanes ? laneTile(lanes, columns) : [BLOCK, BLOCK];
    const tiles = Math.ceil(rows / tileRows) * Math.ceil(columns / tileColumns);
    return lanes ? tiles : groupsOf(tiles);
  }
  switch (stage.kind) {
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

/** What a profile calls a stage: `forward 32 x 100 x 50` has rows, columns and depth. */
export function stageName(stage: Stage, examples: number): string {
  const { rows, columns, depth } = extentsOf(stage, examples);
  const name = NAMES[stage.kind];
  return PRODUCTS.includes(stage.kind) ? `${name} ${rows} x ${columns} x ${depth}` : name;
}

/** What a stage of one run costs: the multiply-adds of a product, and each of its numbers once. The others' are a few. */
export function stageCost(stage: Stage, examples: number): Required<Cost> {
  if (!PRODUCTS.includes(stage.kind)) return { bytes: 0, flops: 0 };
  const { rows, columns, depth } = extentsOf(stage, examples);
  return { bytes: 4 * (rows * depth + depth * columns + rows * columns), flops: 2 * rows * columns * depth };
}
