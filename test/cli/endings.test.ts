/**
 * How `bench` ends when its surroundings fail: outputs that are closed or full, files that cannot be written, signals
 * while a strategy does not come back. Results arrive where they still can, and the exit code says that something failed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli, runShell, startCli } from './run-cli.js';

const TINY =
  'bench --smoke --hidden-width 16 --secrets 1 --orders 2 --max-steps 40 --log-interval 10 --test-set-size 64 ' +
  '--config n8-k2 --strategy starter --quiet';
/** Hours, if nothing ends it. */
const ENDLESS = 'bench --secrets 1 --orders 2 --max-steps 2000000000 --early-stop-acc 1 --quiet';
const ROW = /n8-k2 .* 2 .* 40 /;
const newFolder = () => mkdtempSync(join(tmpdir(), 'lockstep-endings-'));
const RESULTS = ['starter-n8-k2_seed42.json', 'starter-n8-k2_seed42.svg'];

/** What the shell would show: a process that a signal has ended counts as 128 + its number. */
const numbers = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Ended = { code: number | null; signal?: NodeJS.Signals | null };
const shown = ({ code, signal }: Ended) => code ?? numbers[signal as keyof typeof numbers];

describe.runIf(existsSync('/dev/full'))('standard output and error', () => {
  test('full: the table goes to standard error, the exit code says 1', async () => {
    const { code, stdout, stderr } = await runShell(`$CLI ${TINY} >/dev/full`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/error: standard output cannot be written \(ENOSPC/);
    expect(stderr).toMatch(ROW);
  });

  test('full, with --json: the summary goes to standard error too', async () => {
    const { code, stderr } = await runShell(`$CLI ${TINY} --json >/dev/full`);
    expect(code).toBe(1);
    expect(JSON.parse(stderr.slice(stderr.indexOf('{')))).toMatchObject({ complete: true });
  });

  test('standard error full or closed: the results are printed, and nothing has failed', async () => {
    for (const where of ['2>/dev/full', '2>&-']) {
      const { code, stdout } = await runShell(`$CLI ${TINY} ${where}`);
      expect({ where, code }).toEqual({ where, code: 0 });
      expect(stdout).toMatch(ROW);
    }
  });

  test('all closed: the files are written', async () => {
    const folder = newFolder();
    const { code } = await runShell(`$CLI ${TINY} --output-dir ${folder} >&- 2>&- <&-`);
    expect(code).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(RESULTS);
  });

  test('a reader that leaves: without files the training stops, and is no success', async () => {
    // The first ones diverge in their first steps; the last would take hours.
    const file = join(newFolder(), 'some.mjs');
    writeFileSync(
      file,
      `export default {
        name: 'some',
        initModel() {},
        makeDataset: (secret, task) => [[new Array(task.nFeatures).fill(1)], [1]],
        getOptimizerConfig: (task) => ({ lr: task.nFeatures < 9 ? 1e38 : 1e-9, wd: 0, beta1: 0.9, beta2: 0.999 }),
      };`,
    );
    const configs = 'n8-k2,n8-k3,n8-k4,n8-k5,n8-k6,n9-k2';
    const command = `$CLI ${ENDLESS} --hidden-width 16 --config ${configs} --strategy ${file} --log`;
    const { stdout, stderr } = await runShell(`{ ${command}; echo "code $?" >&2; } | head -1`);
    expect(stdout).toMatch(/^TASK_CONFIG .*\n$/);
    expect(stderr).toMatch(/error: standard output was closed by its reader; the training is stopped/);
    expect(stderr).toMatch(/n8-k2 .* 2 /);
    expect(stderr).toContain('code 1\n');
  });

  test('a reader that leaves: with --output-dir the work is done to the end, and is no success', async () => {
    const folder = newFolder();
    const line = `{ $CLI ${TINY} --log --output-dir ${folder}; echo "code $?" >&2; } | head -1`;
    const { stderr } = await runShell(line);
    expect(stderr).toMatch(ROW);
    expect(stderr).toContain('code 1\n');
    expect(readdirSync(folder).sort()).toEqual(RESULTS);
  });

  test('a list is full or not wanted to the end', async () => {
    expect(await runShell('$CLI bench --list >/dev/full')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: standard output cannot be written/),
    });
    const { stderr } = await runShell('{ $CLI bench --list; echo "code $?" >&2; } | true');
    expect(stderr).toBe('code 0\n');
  });
});

test('JSON and picture cannot be written: two warnings, the table, exit code 1', async () => {
  const folder = newFolder();
  for (const name of RESULTS) mkdirSync(join(folder, name));
  const { code, stdout, stderr } = await runCli(`${TINY} --output-dir ${folder}`);
  expect(code).toBe(1);
  expect(stdout).toMatch(ROW);
  expect(stderr.match(/^warning: .* cannot be written: /gm)).toHaveLength(2);
  expect(stderr).not.toMatch(/unexpected|defect/);
  // All results are in a checkpoint, for another try.
  expect(readdirSync(folder).sort()).toEqual([...RESULTS, 'starter-n8-k2_seed42.checkpoint'].sort());
});

test('two processes on one folder: the second is refused at once and told who is at work', async () => {
  const folder = newFolder();
  const first = startCli(`${ENDLESS} --config n32-k8 --strategy starter --output-dir ${folder}`);
  const files = () => readdirSync(folder);
  await expect.poll(files, { timeout: 30_000 }).toContain('starter-n32-k8_seed42.lock');
  const second = await runCli(`${ENDLESS} --config n32-k8 --strategy starter --output-dir ${folder}`);
  expect(second).toMatchObject({ code: 1, stdout: '' }); // later, it may be free
  expect(second.stderr).toMatch(new RegExp(`in use by process ${first.child.pid} on .* delete that file`));
  first.child.kill('SIGTERM');
  expect(shown(await first.result)).toBe(numbers.SIGTERM);
  expect(files()).toEqual(['starter-n32-k8_seed42.json']);
});

describe.runIf(process.platform !== 'win32')('a strategy that does not come back', () => {
  const folder = newFolder();
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const BLOCKED = `readFileSync(${JSON.stringify(fifo)})`;
  const WAITING = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)';

  function strategy(name: string, atTop: string, inCall: string): string {
    const file = join(folder, name);
    writeFileSync(
      file,
      `import { readFileSync } from 'node:fs';
      console.log('here'); ${atTop};
      export default {
        name: 'held',
        initModel() {},
        makeDataset() { console.log('computing'); ${inCall}; },
        getOptimizerConfig: () => ({ lr: 1e-3, wd: 0, beta1: 0.9, beta2: 0.999 }),
      };`,
    );
    return file;
  }

  test.each([
    ['SIGHUP', 'in a system call', strategy('read.mjs', '', BLOCKED), /computing/],
    ['SIGTERM', 'in a wait', strategy('wait.mjs', '', WAITING), /computing/],
    ['SIGINT', 'in a system call while it loads', strategy('top.mjs', BLOCKED, ''), /here/],
  ] as const)('%s, %s: what there is, is written, and the process ends', async (signal, _, file, at) => {
    const out = newFolder();
    const run = startCli(`${TINY.replace('starter', file)} --output-dir ${out}`);
    await run.seen(at);
    run.child.kill(signal);
    const result = await run.result;
    expect(shown(result)).toBe(numbers[signal]);
    expect(result.stdout).toMatch(/0 of 2/);
    const [name] = readdirSync(out).filter((file) => file.endsWith('.json'));
    expect(JSON.parse(readFileSync(join(out, name), 'utf8'))).toMatchObject({ complete: false });
  });

  test('the second Ctrl-C ends it, before anything is printed', async () => {
    const run = startCli(TINY.replace('starter', strategy('again.mjs', '', BLOCKED)));
    await run.seen(/computing/);
    run.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 100));
    run.child.kill('SIGINT');
    const result = await run.result;
    expect(result).toMatchObject({ signal: 'SIGINT', stdout: '' });
  });
});
