/**
 * `npm run test:slurm`: the job array of docs/cluster.md, as it stands there, on a real Slurm of one node. While they train, one task is
 * requeued, one is told to stop as `--signal` does, and one is killed; the script has the latter two requeued. Merged, the shards
 * are what one process makes, byte for byte. Not a part of `npm test`.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Status } from '../../src/bench/shards/status.js';
import { Cluster, checkSlurm } from './cluster.js';

const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const guide = readFileSync(new URL('../../docs/cluster.md', import.meta.url), 'utf8');
const [, script] = /^```bash\n(#!\/bin\/bash\n#SBATCH [\s\S]*?)^```$/m.exec(guide)!;
/** What makes the evaluation small, and its tasks long enough to be disturbed. */
const TASK =
  '--strategy starter --config n16-k3,n16-k4 --secrets 2 --orders 8 --hidden-width 32 --min-steps-before-stop 2000 ' +
  '--max-steps 2000 --test-set-size 256 --checkpoint-seconds 0.2';
const SHARDS = 8;

const folder = mkdtempSync(join(tmpdir(), 'lockstep-slurm-'));
const work = join(folder, 'work');
const results = join(work, 'out');
const say = (line: string) => console.log(`slurm: ${line}`);
const lockstep = (...args: string[]) => promisify(execFile)(process.execPath, [program, ...args]);

/** As where the package is installed. */
function makeWorkFolder(): void {
  mkdirSync(join(work, 'node_modules', '.bin'), { recursive: true });
  const bin = join(work, 'node_modules', '.bin', 'lockstep-gpu');
  writeFileSync(bin, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@" ${TASK}\n`, { mode: 0o755 });
  writeFileSync(join(work, 'parity.sh'), script);
}

/** Waits until one of the tasks trains that were not disturbed yet, by the words of `status`, and returns it. */
async function trainingTask(cluster: Cluster, but: readonly number[]): Promise<number> {
  let found: number | undefined;
  await cluster.until('a task trains', async () => {
    const told = await lockstep('status', results, '--json').catch(() => undefined); // there is nothing yet
    const { shards } = JSON.parse(told?.stdout ?? '{"shards":[]}') as Status;
    found = shards.find(
      ({ shard, state, steps }) => state === 'at work' && steps > 0 && !but.includes(shard),
    )?.shard;
    return found !== undefined;
  });
  return found!;
}

/** Slurm lets a requeued task wait for two minutes, in case that its node is broken. */
async function startAgain(cluster: Cluster, task: string): Promise<void> {
  await cluster.until(`${task} is requeued`, async () => (await cluster.stateOf(task)) === 'PENDING');
  await cluster.call('scontrol', 'update', `JobId=${task}`, 'StartTime=now');
}

const DISTURBANCES: Record<string, (cluster: Cluster, task: string, shard: number) => Promise<unknown>> = {
  requeued: (cluster, task) => cluster.call('scontrol', 'requeue', task),
  'told to stop, as by --signal,': (cluster, task) => cluster.call('scancel', '--signal=TERM', `${task}.0`),
  async killed(_cluster, _task, shard) {
    const lock = readFileSync(join(results, `shard-${shard}-of-${SHARDS}.lock`), 'utf8');
    process.kill(JSON.parse(lock).pid, 'SIGKILL');
  },
};

async function runArray(cluster: Cluster): Promise<void> {
  const job = await cluster.submit(work, 'parity.sh');
  say(`job ${job} of ${SHARDS} tasks`);
  const disturbed: number[] = [];
  for (const [how, disturb] of Object.entries(DISTURBANCES)) {
    const shard = await trainingTask(cluster, disturbed);
    disturbed.push(shard);
    await disturb(cluster, `${job}_${shard}`, shard);
    say(`task ${shard} is ${how} while it trains`);
  }
  for (const shard of disturbed) await startAgain(cluster, `${job}_${shard}`);
  const isOver = async () => (await cluster.call('squeue', '-h', '-j', job)) === '';
  await cluster.until('all tasks have ended', isOver, 600);
}

const bytesIn = (of: string) =>
  readdirSync(of)
    .filter((name) => !name.startsWith('shard-'))
    .map((name) => `${name}\n${readFileSync(join(of, name), 'latin1')}`);

checkSlurm();
makeWorkFolder();
const slurm = join(folder, 'slurm');
mkdirSync(slurm);
const cluster = await Cluster.start(slurm);
try {
  const whole = lockstep('bench', ...TASK.split(' '), '--quiet', '--output-dir', join(folder, 'whole'));
  await Promise.all([whole, runArray(cluster)]);
} finally {
  await cluster.stop();
}
await lockstep('merge', results);
if (bytesIn(results).join() !== bytesIn(join(folder, 'whole')).join())
  throw new Error(`other bytes in ${results}`);
say('merged to the same bytes as those of one process');
rmSync(folder, { recursive: true });
