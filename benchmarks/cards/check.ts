/**
 * `npm run check:gpu`: every pipeline that a GPU is given, compiled for five cards, must fit their registers; and the library
 * must train, read and refuse there as anywhere. Needs no GPU (card.ts), and says nothing about numbers or time.
 */
import { CARDS, type Card, noCards, onCard } from './card.js';
import { faultsOf } from './faults.js';

async function main(): Promise<void> {
  const why = noCards();
  if (why !== undefined) {
    console.error(`check:gpu: ${why}`);
    process.exitCode = 2;
    return;
  }
  for (const card of Object.keys(CARDS) as Card[]) {
    const start = performance.now();
    const result = await onCard(card);
    const faults = faultsOf(result);
    const seconds = ((performance.now() - start) / 1e3).toFixed(1);
    const least = Math.min(...result.pipelines.map(({ occupancy }) => occupancy));
    console.log(
      `${card}: ${result.adapter}, ${result.pipelines.length} pipelines, at least ${least} subgroups a SIMD unit, ` +
        `${seconds} s: ${faults.length === 0 ? 'all well' : `${faults.length} faults`}`,
    );
    for (const [piece, remarks] of Object.entries(result.found))
      for (const remark of remarks) console.log(`  ${piece}: ${remark}`);
    for (const fault of faults) console.log(`  ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  }
}

await main();
