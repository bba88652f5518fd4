/**
 * `npm run test:faults`: lets small evaluations suffer what happens to processes, disks and devices, and counts what comes of it.
 * Not a part of `npm test`. The seed chooses what happens; when exactly, the machine has its part in.
 *
 *     npm run test:faults -- [--short] [--only TEXT] [--seed 1]
 */
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

async function tryOnce(fault: Fault, seed: number, reference: Reference, count: Count): Promise<void> {
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

/** Several tries at a time, as most of their time is that of processes which start. */
async function tried(fault: Fault, reference: Reference): Promise<Count> {
  const count: Count = { tried: 0, survived: 0, refused: 0, lost: 0 };
  const seeds = Array.from(
    { length: fault.tries[flags.short ? 1 : 0] },
    (_, k) => 1000 * Number(flags.seed) + k,
  );
  const work = async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift())
      await tryOnce(fault, seed, reference, count);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return count;
}

const row = (name: string, cells: readonly (string | number)[]) =>
  console.log(`| ${name.padEnd(44)} |${cells.map((cell) => ` ${String(cell).padStart(8)} |`).join('')}`);

const chosen = FAULTS.filter(({ name, isHere = true }) => isHere && name.includes(flags.only ?? ''));
const begin = performance.now();
const reference = await makeReference();
row('fault', ['tried', 'survived', 'refused', 'lost']);
row('---', ['---:', '---:', '---:', '---:']);
const all: Count = { tried: 0, survived: 0, refused: 0, lost: 0 };
for (const fault of chosen) {
  const count = await tried(fault, reference);
  row(fault.name, Object.values(count));
  for (const key of Object.keys(all) as (keyof Count)[]) all[key] += count[key];
}
row('all', Object.values(all));
console.log(`${Math.round((performance.now() - begin) / 1000)} s, seed ${flags.seed}`);
process.exitCode = all.lost > 0 ? 1 : 0;
