/**
 * Microseconds a training step of one run, all runs trained together, beside PyTorch on the same cores: two
 * single-threaded processes at once, each training its own run. Rounds of both in turn; medians. Ours is end to end
 * (epoch orders, gather, step, window sums, stop rule), from the end of the first chunk, so without compiling, to the
 * last step, without the test set.
 *
 *   npm run benchmark -- [--runs 100] [--steps 300] [--rounds 3] [--json FILE]
 *
 * PyTorch: Debian's python3-torch and libopenblas0-pthread, or a python3 with torch named in LOCKSTEP_PYTHON.
 */
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import Table from 'cli-table3';
import { type Device, type LockstepRun, openDevice, trainLockstep } from 'lockstep-gpu';
import {
  makeTask,
  prepareOptimizer,
  prepareRun,
  prepareSecret,
  sampleSecrets,
  strategyNamed,
} from 'lockstep-gpu/bench';
import { max, median, min } from 'mathjs';

const REFEREE = fileURLToPath(new URL('../test/fixtures/torch/torch_reference.py', import.meta.url));
const SECRETS = 10;
const SEED = 42;
/** feature-isolation has 8 columns that are not all 0; multi-epoch uses every column. */
const CASES = ['feature-isolation', 'multi-epoch'].flatMap((strategy) =>
  [32, 50, 64].map((features) => ({ strategy, features })),
);

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    steps: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});
const count = { runs: Number(flags.runs), steps: Number(flags.steps), rounds: Number(flags.rounds) };

type Case = (typeof CASES)[number];

/** The first runs of the evaluation: ten secrets, then ten orders each. */
function runsOf({ strategy: name, features }: Case): LockstepRun[] {
  const strategy = strategyNamed(name);
  const task = makeTask(`n${features}-k8`, 'full');
  const optimizer = prepareOptimizer(strategy, task);
  const data = sampleSecrets({ ...task, secrets: SECRETS }, SEED).map((secret, s) =>
    prepareSecret(strategy, task, SEED, s, secret),
  );
  return Array.from({ length: count.runs }, (_, r) => {
    const s = r % SECRETS;
    const { weights, orderSeed } = prepareRun(strategy, task, SEED, s, Math.floor(r / SECRETS));
    return { weights, orderSeed, dataset: data[s].dataset, optimizer };
  });
}

/** Microseconds of wall time a step and run, and of the process's processor time (all threads) on so many cores. */
async function ours(
  device: Device,
  { features }: Case,
  runs: LockstepRun[],
): Promise<{ wall: number; cpu: number }> {
  let start: { at: number; cpu: NodeJS.CpuUsage; steps: number } | undefined;
  let result = { wall: Number.NaN, cpu: Number.NaN };
  for await (const event of trainLockstep(device, { runs, features, maxSteps: count.steps })) {
    if (event.type !== 'progress') continue;
    if (!start && event.running === runs.length) {
      start = { at: performance.now(), cpu: process.cpuUsage(), steps: event.steps };
    } else if (start && event.running === 0) {
      const cpu = process.cpuUsage(start.cpu);
      const steps = event.steps - start.steps;
      const wall = (1e3 * (performance.now() - start.at)) / steps;
      result = { wall, cpu: (cpu.user + cpu.system) / os.cpus().length / steps };
    }
  }
  return result;
}

function findPython(): string | undefined {
  const candidates = [process.env.LOCKSTEP_PYTHON, 'python3', '/usr/bin/python3'];
  return candidates.find((python) => python && spawnSync(python, ['-c', 'import torch']).status === 0);
}

/** Microseconds a step that two processes side by side have together. */
async function torch(python: string, { strategy, features }: Case): Promise<number> {
  const args = [
    'time',
    '--strategy',
    strategy,
    '--n-features',
    `${features}`,
    '--max-steps',
    `${count.steps}`,
  ];
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
  const one = async () => JSON.parse((await promisify(execFile)(python, [REFEREE, ...args], { env })).stdout);
  const both = await Promise.all([one(), one()]);
  return 1e3 / both.reduce((rate, { ms_per_step }) => rate + 1 / ms_per_step, 0);
}

async function measure(device: Device, python: string | undefined, one: Case) {
  const runs = runsOf(one);
  const samples = { wall: [] as number[], cpu: [] as number[], torch: [] as number[] };
  for (let round = 0; round < count.rounds; round++) {
    const { wall, cpu } = await ours(device, one, runs);
    samples.wall.push(wall);
    samples.cpu.push(cpu);
    if (python) samples.torch.push(await torch(python, one));
    console.error(`${one.strategy} n${one.features}, round ${round + 1} of ${count.rounds}`);
  }
  return { ...one, samples };
}

const device = await openDevice();
const python = findPython();
if (!python)
  console.error('PyTorch: not found; apt-get install python3-torch libopenblas0-pthread, or LOCKSTEP_PYTHON');
const results = [];
for (const one of CASES) results.push(await measure(device, python, one));

const fixed = (value: number) => value.toFixed(1);
const spread = (values: number[]) =>
  `${fixed(median(values))} (${fixed(min(values))} to ${fixed(max(values))})`;
const table = new Table({
  head: ['strategy', 'N', 'us a step and run', 'processor us', 'PyTorch, two processes', 'ratio'],
});
for (const { strategy, features, samples } of results) {
  const peer = samples.torch.length > 0;
  const ratio = peer ? fixed(median(samples.torch) / median(samples.wall)) : '-';
  const row = [spread(samples.wall), spread(samples.cpu), peer ? spread(samples.torch) : '-', ratio];
  table.push([strategy, features, ...row]);
}
const machine = `${os.cpus().length} x ${os.cpus()[0].model}, Node ${process.version}, ${device.info.description}`;
console.log(
  `${new Date().toISOString().slice(0, 10)}, ${machine}; ${count.runs} runs, ${count.steps} steps; host's clock`,
);
console.log(table.toString());
if (flags.json) writeFileSync(flags.json, JSON.stringify({ machine, count, results }, null, 2));
device.destroy();
