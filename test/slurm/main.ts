/**
 * `npm run test:slurm`: the job array of docs/cluster.md, as it stands there, on a real Slurm of one node. One task is requeued while it
 * trains, one is killed and then requeued; merged, the shards are what one process makes, byte for byte. Not a part of `npm test`.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cluster, installSlurm } from './cluster.js';

const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const guide = readFileSync(new URL('../../docs/cluster.md', import.meta.url), 'utf8');
const [, script] = /^```bash\n(#!\/bin\/bash\n#SBATCH [\s\S]*?)^```$/m.exec(guide)!;
/** What makes the evaluation small, and its tasks long enough to be disturbed. */
const TASK =
  '--strategy starter --config n16-k3,n16-k4 --secrets 2 --orders 8 --hidden-width 32 --min-steps-before-stop 3000 ' +
  '--max-steps 3000 --test-set-size 256 --checkpoint-seconds 0.2';
const SHARDS = 8;

const folder = mkdtempSync(join(tmpdir(), 'lockstep-slurm-'));
const work = join(folder, 'work');
const results = join(work, 'out');
const say = (line: string) => console.log(`slurm: ${line}`);
const lockstep = (...args: string[]) => execFileSync(process.execPath, [program, ...args], { stdio: 'pipe' });

/** As where the package is installed. */
function makeWorkFolder(): void {
  mkdirSync(join(work, 'node_modules', '.bin'), { recursive: true });
  const bin = join(work, 'node_modules', '.bin', 'lockstep-gpu');
  writeFileSync(bin, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@" ${TASK}\n`, { mode: 0o755 });
  writeFileSync(join(work, 'parity.sh'), script);
}

/** Waits until one of the tasks trains that were not disturbed yet, and returns it. */
async function trainingTask(cluster: Cluster, job: string, but: readonly number[]): Promise<number> {
  let found: number | undefined;
  await cluster.until('a task trains', async () => {
    for (let task = 1; task <= SHARDS; task++) {
      const saved = existsSync(join(results, `shard-${task}-of-${SHARDS}.checkpoint`));
      if (saved && !but.includes(task) && (await cluster.stateOf(`${job}_${task}`)) === 'RUNNING')
        found = task;
    }
    return found !== undefined;
  });
  return found!;
}

/** Slurm lets a requeued task wait for two minutes, in case that its node is broken. */
async function startAgain(cluster: Cluster, task: string): Promise<void> {
  await cluster.until(`${task} is requeued`, async () => (await cluster.stateOf(task)) === 'PENDING');
  await cluster.call('scontrol', 'update', `JobId=${task}`, 'StartTime=now');
}

async function runArray(cluster: Cluster): Promise<void> {
  const job = await cluster.submit(work, 'parity.sh');
  say(`job ${job} of ${SHARDS} tasks`);
  const first = await trainingTask(cluster, job, []);
  await cluster.call('scontrol', 'requeue', `${job}_${first}`);
  say(`task ${first} is requeued while it trains`);
  const second = await trainingTask(cluster, job, [first]);
  const lock = readFileSync(join(results, `shard-${second}-of-${SHARDS}.lock`), 'utf8');
  process.kill(JSON.parse(lock).pid, 'SIGKILL');
  say(`task ${second} is killed while it trains, and its script has it requeued`);
  for (const task of [first, second]) await startAgain(cluster, `${job}_${task}`);
  const isOver = async () => (await cluster.call('squeue', '-h', '-j', job)) === '';
  await cluster.until('all tasks have ended', isOver, 600);
}

const bytesIn = (of: string) =>
  readdirSync(of)
    .filter((name) => !name.startsWith('shard-'))
    .map((name) => `${name}\n${readFileSync(join(of, name), 'latin1')}`);

installSlurm();
makeWorkFolder();
lockstep('bench', ...TASK.split(' '), '--quiet', '--output-dir', join(folder, 'whole'));
const slurm = join(folder, 'slurm');
mkdirSync(slurm);
const cluster = await Cluster.start(slurm);
try {
  await runArray(cluster);
} finally {
  await cluster.stop();
}
lockstep('merge', results);
if (bytesIn(results).join() !== bytesIn(join(folder, 'whole')).join())
  throw new Error(`other bytes in ${results}`);
say('merged to the same bytes as those of one process');
rmSync(folder, { recursive: true });
