/**
 * A Slurm of one node on this machine, for a test: munged, slurmctld and slurmd as children of this process, with all their files
 * in one folder and ports of their own, so that it disturbs no Slurm that is there already.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** @throws Where Slurm is missing, or this user may not start it. */
export function checkSlurm(): void {
  const missing = ['munged', 'slurmctld', 'slurmd', 'sbatch'].filter(
    (program) => spawnSync('which', [program]).status !== 0,
  );
  if (missing.length > 0)
    throw new Error(
      `There is no ${missing.join(', ')}; on Debian, npm run setup -- --schedulers installs it.`,
    );
  if (process.getuid?.() !== 0) throw new Error('Its daemons are started as root here; you are not root.');
}

/** Ports that nobody listens on. */
async function freePorts(): Promise<number[]> {
  const servers = [createServer(), createServer()];
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** No cgroups and no accounting, so that it also runs in a container. */
const configuration = (
  folder: string,
  node: string,
  [controller, daemon]: readonly number[],
) => `ClusterName=one
SlurmctldHost=${node}(127.0.0.1)
SlurmctldPort=${controller}
SlurmdPort=${daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge.sock
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
KillWait=5
NodeName=${node} NodeAddr=127.0.0.1 CPUs=${availableParallelism()} RealMemory=1000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;

export class Cluster {
  readonly #folder: string;
  readonly #daemons: ChildProcess[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param folder For its files; empty. */
  static async start(folder: string): Promise<Cluster> {
    const cluster = new Cluster(folder);
    for (const name of ['state', 'spool']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'munge.key'), randomBytes(1024), { mode: 0o600 });
    writeFileSync(cluster.#conf, configuration(folder, hostname().split('.')[0], await freePorts()));
    const mungeFiles = [
      'socket=munge.sock',
      'key-file=munge.key',
      'pid-file=munge.pid',
      'seed-file=munge.seed',
    ];
    const munge = mungeFiles.map((file) => `--${file.replace('=', `=${folder}/`)}`);
    cluster.#daemon('munged', ['-F', '--force', ...munge]);
    await cluster.until('munged answers', () => existsSync(join(folder, 'munge.sock')));
    cluster.#daemon('slurmctld', ['-D']);
    cluster.#daemon('slurmd', ['-D']);
    await cluster.until('the node is idle', async () =>
      /idle/.test(await cluster.call('sinfo', '-h', '-o', '%T')),
    );
    return cluster;
  }

  get #conf(): string {
    return join(this.#folder, 'slurm.conf');
  }

  get #env(): NodeJS.ProcessEnv {
    return { ...process.env, SLURM_CONF: this.#conf };
  }

  #daemon(name: string, args: string[]): void {
    const log = openSync(join(this.#folder, `${name}.log`), 'w');
    this.#daemons.push(spawn(name, args, { env: this.#env, stdio: ['ignore', log, log] }));
  }

  /** What a command of Slurm prints; empty where it fails, as sinfo does before the controller answers. */
  async call(name: string, ...args: string[]): Promise<string> {
    const env = this.#env;
    const found = await promisify(execFile)(name, args, { env, cwd: this.#folder }).catch(() => undefined);
    return found?.stdout ?? '';
  }

  /** Submits a script that lies in `cwd`. @returns The job's number. */
  async submit(cwd: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('sbatch', ['--parsable', ...args], { env: this.#env, cwd });
    return stdout.trim();
  }

  /** `PENDING`, `RUNNING`, … of a task; empty once Slurm has forgotten it. */
  async stateOf(task: string): Promise<string> {
    return /JobState=(\w+)/.exec(await this.call('scontrol', 'show', 'job', task))?.[1] ?? '';
  }

  async until(what: string, holds: () => boolean | Promise<boolean>, seconds = 60): Promise<void> {
    const end = performance.now() + 1000 * seconds;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`after ${seconds} s it is not so that ${what}`);
      await sleep(100);
    }
  }

  /** Ends the daemons, the last one first. */
  async stop(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) {
      if (daemon.exitCode !== null) continue;
      const gone = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await Promise.race([gone, sleep(5000)]);
    }
  }
}
