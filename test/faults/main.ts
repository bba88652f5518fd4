/**
 * `npm run test:faults`: lets small evaluations suffer what happens to processes, disks and devices, and counts what comes of it.
 * Not a part of `npm test`. The seed chooses what happens; when exactly, the machine has its part in.
 *
 *     npm run test:faults -- [--short] [--only TEXT] [--seed 1]
 */
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { FAULTS, type Fault } from './faults.js';
import { Lost, makeReference, type Reference, Trial } from './trial.js';

interface Count {
  tried: number;
  survived: number;
  refused: number;
  lost: number;
}

interface Flags {
  short?: boolean;
  only?: string;
  seed: string;
}

const flags = new Command('test:faults')
  .option('--short', 'a few tries of each fault')
  .option('--only <text>', 'the faults whose names contain this')
  .option('--seed <number>', 'what happens', '1')
  .parse()
  .opts<Flags>();

interface Try {
  fault: Fault;
  seed: number;
  count: Count;
}

async function tryOnce({ fault, seed, count }: Try, reference: Reference): Promise<void> {
  const trial = new Trial(reference, fault.kinds[seed % fault.kinds.length], seed);
  count.tried++;
  try {
    count[await fault.try(trial)]++;
    trial.close();
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
    count.lost++;
    console.log(`lost: ${fault.name}: ${trial.command}: ${error.message}`);
  }
}

const nothing = (): Count => ({ tried: 0, survived: 0, refused: 0, lost: 0 });

const triesOf = ({ fault, count }: { fault: Fault; count: Count }): Try[] =>
  Array.from({ length: fault.tries[flags.short ? 1 : 0] }, (_, k) => ({
    fault,
    seed: 1000 * Number(flags.seed) + k,
    count,
  }));

/** As many at a time as there are cores, and one more for those that wait. */
async function tryAll(tries: Try[], reference: Reference): Promise<void> {
  const work = async () => {
    for (let next = tries.shift(); next; next = tries.shift()) await tryOnce(next, reference);
  };
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, work));
}

const row = (name: string, cells: readonly (string | number)[]) =>
  console.log(`| ${name.padEnd(44)} |${cells.map((cell) => ` ${String(cell).padStart(8)} |`).join('')}`);

const chosen = FAULTS.filter(({ name, isHere = true }) => isHere && name.includes(flags.only ?? ''));
const begin = performance.now();
const reference = await makeReference();
const counted = chosen.map((fault) => ({ fault, count: nothing() }));
await tryAll(counted.flatMap(triesOf), reference);
row('fault', ['tried', 'survived', 'refused', 'lost']);
row('---', ['---:', '---:', '---:', '---:']);
const all = nothing();
for (const { fault, count } of counted) {
  row(fault.name, Object.values(count));
  for (const key of Object.keys(all) as (keyof Count)[]) all[key] += count[key];
}
row('all', Object.values(all));
console.log(`${Math.round((performance.now() - begin) / 1000)} s, seed ${flags.seed}`);
rmSync(reference.folder, { recursive: true });
process.exitCode = all.lost > 0 ? 1 : 0;
