/** What may not come of a card's compiler: registers that spill, scratch memory, too few subgroups at once. */
import type { Card, OnCard } from './card.js';
import type { Compiled } from './statistics.js';

/** Subgroups that must fit a SIMD unit at once, so that some compute while others wait for memory. */
const LEAST_OCCUPANCY: Record<Card, number> = { navi31: 8, navi21: 6, gfx1150: 8, vega10: 4, polaris10: 4 };

const nameOf = ({ piece, label, entryPoint }: Compiled): string => `${label} (${entryPoint}, ${piece})`;

/** What is wrong with what came of a card, a sentence each. */
export function faultsOf({ card, faults, pipelines }: OnCard): string[] {
  const found = [...faults];
  for (const pipeline of pipelines) {
    const { spilled, scratch, occupancy } = pipeline;
    const name = nameOf(pipeline);
    if (spilled > 0) found.push(`${name} spills ${spilled} registers`);
    if (scratch > 0) found.push(`${name} takes ${scratch} bytes of scratch memory a lane`);
    if (occupancy < LEAST_OCCUPANCY[card])
      found.push(
        `${name} lets ${occupancy} subgroups share a SIMD unit, at least ${LEAST_OCCUPANCY[card]} should`,
      );
  }
  return found;
}
