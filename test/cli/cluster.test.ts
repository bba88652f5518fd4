/**
 * docs/cluster.md as it stands, with processes that have the variables of each scheduler: Slurm's script, the arguments of the
 * manifest for Kubernetes, and GNU parallel (where it is installed, else a loop) train the shards of one evaluation. Slurm and
 * Kubernetes themselves are not run here; test/slurm/ starts a Slurm.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { manifestProblems } from './manifest-problems.js';
import { runCli } from './run-cli.js';

const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const guide = readFileSync(new URL('../../docs/cluster.md', import.meta.url), 'utf8');
/** The first block of a language that has some text. */
const block = (language: string, text: string): string => {
  const blocks = [...guide.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return blocks.find(([, its, code]) => its === language && code.includes(text))![2];
};
/** What makes the evaluation small. */
const TASK =
  '--smoke --config n8-k2 --secrets 2 --orders 4 --hidden-width 16 --max-steps 20 --test-set-size 64';

const root = mkdtempSync(join(tmpdir(), 'lockstep-cluster-'));
const out = join(root, 'out');

const bytesIn = (folder: string) =>
  readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]);

const hasParallel = spawnSync('parallel', ['--version']).status === 0;
const withStandIns = { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH}` };

/** Puts a program for `sh` into a folder. */
function put(folder: string, name: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** Runs Slurm's script as one task of its array; `srun` and `scontrol` are stand-ins. */
function slurmTask(id: number, folder: string, env: NodeJS.ProcessEnv = {}) {
  const script = block('bash', '#SBATCH');
  const [, first, last] = /--array=(\d+)-(\d+)/.exec(script)!;
  return spawnSync('bash', ['-c', script], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      ...{ ...withStandIns, SLURM_JOB_ID: '77', SLURM_ARRAY_TASK_ID: `${id}` },
      ...{ SLURM_ARRAY_TASK_MIN: first, SLURM_ARRAY_TASK_MAX: last, SLURM_ARRAY_TASK_STEP: '1', ...env },
    },
  });
}

test("Kubernetes' manifest is of the published schema, which refuses other ones", () => {
  const manifest = block('yaml', 'kind: Job');
  const problems = (text: string) => manifestProblems('batch/v1', 'Job', parse(text)).join();
  expect(problems(manifest)).toBe('');
  for (const [right, wrong, problem] of [
    ['completionMode:', 'completionsMode:', /"completionsMode"' does not exist in type 'JobSpec'/],
    ['completions: 8', "completions: '8'", /'string' is not assignable to type 'number'/],
    ['- action: FailJob\n        onExit', '- onExit', /'action' is missing/],
    ['claimName:', 'claim:', /"claim"' does not exist in type/],
  ] as const) {
    expect(manifest).toContain(right);
    expect(problems(manifest.replace(right, wrong))).toMatch(problem);
  }
});

describe.runIf(process.platform === 'linux')('docs/cluster.md', () => {
  beforeAll(() => {
    put(join(root, 'bin'), 'srun', 'exec "$@"');
    put(join(root, 'bin'), 'scontrol', 'echo "scontrol $*"');
    put(join(root, 'bin'), 'npx', `shift; exec "${process.execPath}" "${program}" "$@" ${TASK}`);
    put(
      join(root, 'node_modules/.bin'),
      'lockstep-gpu',
      `exec "${process.execPath}" "${program}" "$@" ${TASK}`,
    );
  });

  test("Slurm's script, the arguments for Kubernetes and GNU parallel train 8 shards: merged, the bytes of one process", async () => {
    const whole = runCli(`bench ${TASK} --output-dir ${join(root, 'whole')}`);
    expect(slurmTask(1, root)).toMatchObject({ status: 0, stderr: '' });
    const manifest = block('yaml', 'kind: Job');
    const [, args] = /args: \[(.*)\]/.exec(manifest)!;
    expect(args).toContain(`'${/completions: (\d+)/.exec(manifest)![1]}'`);
    const line = args.replaceAll(/[,']/g, '').replace('/out', out);
    const pod = await runCli(`${line} ${TASK}`, { JOB_COMPLETION_INDEX: '2' });
    expect(pod).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(out)).toEqual([1, 3].map((shard) => `shard-${shard}-of-8.json`));
    const command = block('bash', hasParallel ? 'parallel' : 'for i'); // of all shards: two are done
    const rest = spawnSync('bash', ['-c', command], { cwd: root, encoding: 'utf8', env: withStandIns });
    expect(rest.status, rest.stderr).toBe(0);
    expect(await runCli(`merge ${out} --output-dir ${join(root, 'merged')}`)).toMatchObject({ code: 0 });
    expect(await whole).toMatchObject({ code: 0 });
    expect(bytesIn(join(root, 'merged'))).toEqual(bytesIn(join(root, 'whole')));
  });

  test.each([
    ['143', {}, /^scontrol requeue 77\n$/],
    ['1', { SLURM_RESTART_COUNT: '19' }, /^scontrol requeue 77\n$/],
    ['1', { SLURM_RESTART_COUNT: '20' }, /^$/],
    ['2', {}, /^$/],
  ])('Slurm, exit code %s with %j: goes back into the queue or not', (code, env, said) => {
    const folder = mkdtempSync(join(root, 'exit-'));
    put(join(folder, 'node_modules/.bin'), 'lockstep-gpu', `exit ${code}`);
    const { status, stdout } = slurmTask(1, folder, env);
    expect(status).toBe(Number(code));
    expect(stdout).toMatch(said);
  });
});
