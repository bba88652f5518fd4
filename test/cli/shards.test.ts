/**
 * An evaluation in shards, as processes: merged, it has the bytes that one process has made, also where shards were killed; a
 * shard that is done stays; what does not fit is refused before anything is trained.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { statusOf } from '../../src/bench/shards/status.js';
import { type CliResult, runCli, startCli } from './run-cli.js';

const TASK =
  'bench --smoke --hidden-width 16 --secrets 2 --orders 3 --max-steps 100 --test-set-size 64 --config n8-k2 ' +
  '--strategy starter --strategy feature-isolation';
const COUNT = 3;
const root = mkdtempSync(join(tmpdir(), 'lockstep-shards-'));
const parts = join(root, 'parts');
/** Names and bytes of the results in a folder, without those of shards. */
const results = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => !name.startsWith('shard-'))
      .map((name) => [name, readFileSync(join(folder, name), 'latin1')]),
  );
/** A table without its last two columns, which are times. */
const untimed = (table: string) => table.replace(/ +(seconds|[\d.]+) +(runs\/s|[\d.]+)$/gm, '');
let whole: CliResult;

beforeAll(async () => {
  const shard = (index: number) => runCli(`${TASK} --output-dir ${parts} --shard ${index}/${COUNT}`);
  const wholeRun = runCli(`${TASK} --output-dir ${join(root, 'whole')} --log --quiet`);
  const shards = [await shard(1), ...(await Promise.all([shard(2), shard(3)]))];
  whole = await wholeRun;
  expect(whole.code).toBe(0);
  for (const { code, stdout, stderr } of shards) {
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(/^shard \d of 3: 4 runs\n/);
    expect(stdout).toMatch(/: shard \d of 3; the figures cover its runs\.\n/);
  }
}, 300_000);

test('merged shards: JSON, curves, log lines and table of one process, byte for byte', async () => {
  expect(readdirSync(parts).sort()).toEqual(
    Array.from({ length: COUNT }, (_, i) => `shard-${i + 1}-of-3.json`),
  );
  const merged = join(root, 'merged');
  const { code, stdout, stderr } = await runCli(`merge ${parts} --output-dir ${merged} --log --quiet`);
  expect(code).toBe(0);
  expect(stdout).toBe(whole.stdout);
  expect(untimed(stderr)).toBe(untimed(whole.stderr));
  expect(results(merged)).toEqual(results(join(root, 'whole')));
});

test('--json gives what bench --json gives; files go to the first folder', async () => {
  const { stdout, stderr } = await runCli(`merge ${parts} --json`);
  const json = (name: string) => JSON.parse(readFileSync(join(root, 'whole', name), 'utf8'));
  expect(JSON.parse(stdout)).toEqual(
    ['starter-n8-k2', 'feature-isolation-n8-k2'].map((label) => json(`${label}_seed42.json`)),
  );
  expect(stderr).toContain(join(parts, 'starter-n8-k2_seed42.json'));
  expect(results(parts)).toEqual(results(join(root, 'whole')));
});

test('a shard that is done does nothing when it is started again; of another evaluation, it is refused', async () => {
  const file = join(parts, 'shard-3-of-3.json');
  const before = statSync(file).mtimeMs;
  const again = await runCli(`${TASK} --output-dir ${parts} --shard 3/${COUNT} --resume`);
  expect(again).toMatchObject({ code: 0, stdout: '', stderr: `shard 3 of 3 is done: ${file}\n` });
  const other = await runCli(`${TASK} --output-dir ${parts} --shard 3/${COUNT} --seed 43`);
  expect(other).toMatchObject({ code: 2, stdout: '' });
  expect(other.stderr).toMatch(
    /shard-3-of-3\.json is of another evaluation: seed was 42 and is 43.* Give another --output-dir/,
  );
  expect(statSync(file).mtimeMs).toBe(before);
});

test('status says where they stand', async () => {
  const { code, stdout } = await runCli(`status ${parts}`);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^3 shards: 3 done\n12 of 12 runs done, last sign of life .* ago\n$/);
  const { stdout: json } = await runCli(`status ${parts} --json`);
  expect(JSON.parse(json)).toMatchObject({
    runs_done: 12,
    seconds_left: 0,
    shards: [{ steps: 400 }, {}, {}],
  });
});

test('a missing shard is named; --partial reports the others and writes nothing', async () => {
  const some = mkdtempSync(join(root, 'some-'));
  copyFileSync(join(parts, 'shard-2-of-3.json'), join(some, 'shard-2-of-3.json'));
  const refused = await runCli(`merge ${some}`);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toMatch(/error: Of 3 shards 2 are missing: 1, 3\./);
  const partial = await runCli(`merge ${some} --partial`);
  expect(partial.code).toBe(0);
  expect(partial.stdout).toMatch(/starter n8-k2: 1 of 3 shards; the figures cover their runs/);
  expect(readdirSync(some)).toEqual(['shard-2-of-3.json']);
  const double = await runCli(`merge ${some} ${parts}`);
  expect(double.stderr).toMatch(/Shard 2 is there twice: /);
});

test('told to stop and started again with --resume, it ends in the same bytes', async () => {
  const LONG =
    'bench --strategy starter --config n16-k3,n16-k4 --preset full --secrets 1 --orders 2 --hidden-width 32 ' +
    '--min-steps-before-stop 8000 --max-steps 8000 --test-set-size 256 --quiet';
  const [whole, killed] = [join(root, 'long'), join(root, 'killed')];
  const others = [`${whole}`, `${killed} --shard 1/2`].map((to) => runCli(`${LONG} --output-dir ${to}`));
  const run = startCli(`${LONG} --output-dir ${killed} --shard 2/2 --resume --checkpoint-seconds 0.1`);
  const steps = async () => (await statusOf(killed).catch(() => undefined))?.shards[1].steps ?? 0;
  await expect.poll(steps, { timeout: 30_000, interval: 10 }).toBeGreaterThan(0);
  run.child.kill('SIGTERM');
  const { code, stderr } = await run.result;
  expect(code).toBe(143);
  expect(stderr).toMatch(/to go on from the last checkpoint: the same command with --resume/);
  expect((await runCli(`${LONG} --output-dir ${killed} --shard 2/2 --resume`)).code).toBe(0);
  await Promise.all(others);
  expect(readdirSync(killed).sort()).toEqual(['shard-1-of-2.json', 'shard-2-of-2.json']);
  expect((await runCli(`merge ${killed}`)).code).toBe(0);
  expect(results(killed)).toEqual(results(whole));
  rmSync(killed, { recursive: true });
}, 300_000);

test.each([
  ['--shard 1/8', {}, /--shard writes its results to --output-dir; give that too/],
  [`--shard 1/8 --json --output-dir ${parts}`, {}, /--json prints whole evaluations; give it to merge/],
  [`--shards 8 --output-dir ${parts}`, {}, /--shards goes with --shard auto/],
  [`--shard auto --output-dir ${parts}`, {}, /none of SLURM_ARRAY_TASK_ID, .* is set/],
  [`--shard auto --output-dir ${parts}`, { JOB_COMPLETION_INDEX: '1' }, /give their number \(--shards\)/],
])('bench %s with %j is refused', async (flags, env, reason) => {
  const { code, stdout, stderr } = await runCli(`${TASK} ${flags}`, env);
  expect(stderr).toMatch(reason);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test('schedulers: their variables say which shard it is', async () => {
  const slurm = { SLURM_ARRAY_TASK_ID: '12', SLURM_ARRAY_TASK_MIN: '10', SLURM_ARRAY_TASK_MAX: '12' };
  const cases = [
    [slurm, '', 'shard 3 of 3 (SLURM_ARRAY_TASK_ID 12 of 10-12) is done'],
    [{ JOB_COMPLETION_INDEX: '1' }, '--shards 3', 'shard 2 of 3 (JOB_COMPLETION_INDEX 1) is done'],
  ] as const;
  for (const [env, flags, said] of cases) {
    const { code, stderr } = await runCli(`${TASK} --output-dir ${parts} --shard auto ${flags}`, env);
    expect(code).toBe(0);
    expect(stderr).toContain(said);
  }
});
