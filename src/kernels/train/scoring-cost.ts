/** Bytes and operations of the scoring kernels, counted as src/gpu/cost.ts says. */
import { type SubgroupOptions, subgroupLayout } from '../../../shaders/train/subgroup/layout.js';
import type { Cost } from '../../gpu/cost.js';
import type { KernelShape } from './training-kernel.js';

type Shape = Pick<KernelShape, 'features' | 'hidden'>;

/** Operations on the logit of an example: the sigmoid and a comparison. */
const LABEL_FLOPS = 2;

/** Weights, rows and labels are read once; each workgroup writes its count of hits. */
function bytes({ features, hidden }: Shape, examples: number, networks: number, groups: number): number {
  const parameters = hidden * features + 2 * hidden + 1;
  return (
    4 * (networks * (parameters + groups) + examples * Math.ceil(features / 32) + Math.ceil(examples / 32))
  );
}

export function portableScoreCost(shape: Shape, examples: number, networks: number, groups: number): Cost {
  // A masked sum for each weight, relu, product and sum for each unit.
  const each = shape.hidden * (shape.features + 3) + LABEL_FLOPS;
  return { bytes: bytes(shape, examples, networks, groups), flops: networks * examples * each };
}

export function subgroupScoreCost(
  o: SubgroupOptions,
  examples: number,
  networks: number,
  groups: number,
): Cost {
  const { rowGroups, subgroups } = subgroupLayout(o);
  const lookUps = rowGroups.length;
  // Each workgroup builds its tables, with the bias in the first.
  const tables = groups * o.hidden * o.lanes * (o.features - lookUps + 1);
  // For each unit the sum of its look-ups, relu, product and sum; then the sum of the subgroups' parts.
  const each = o.hidden * (lookUps - 1 + 3) + subgroups + LABEL_FLOPS;
  return { bytes: bytes(o, examples, networks, groups), flops: networks * (tables + examples * each) };
}
