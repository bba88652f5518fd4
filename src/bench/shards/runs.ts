/** Which runs of each evaluation a shard trains. Pure arithmetic. */
import type { Shard } from '../../platform/shard.js';

/**
 * The numbers of a shard's runs in each of several evaluations. Every shard has its share of each evaluation, up to one run
 * more or less, and the shares add up to the same, again up to one run. The runs follow each other, so that those of one
 * secret are mostly in one shard: a training set is made by one or two of them.
 *
 * @param totals How many runs each evaluation has.
 * @example runsOfShard([5, 5], { index: 1, count: 2 }) // [[0, 1, 2], [0, 1]]
 */
export function runsOfShard(totals: readonly number[], { index, count }: Shard): number[][] {
  let before = 0;
  return totals.map((total) => {
    const offset = before % count;
    before += total;
    // Those that get one run more go on where the evaluation before has ended.
    const size = (shard: number) =>
      Math.floor(total / count) + ((shard + count - offset) % count < total % count ? 1 : 0);
    let start = 0;
    for (let shard = 0; shard < index - 1; shard++) start += size(shard);
    return Array.from({ length: size(index - 1) }, (_, k) => start + k);
  });
}
