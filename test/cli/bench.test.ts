/**
 * The bench command as a user meets it: what goes to which stream, exit codes, files, and how it ends. Small models, a
 * few dozen steps: what is learned is tested elsewhere.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noAdapterMessage } from '../../src/adapter/no-adapter.js';
import type { Summary } from '../../src/bench/summary.js';
import { runCli, startCli } from './run-cli.js';

const TINY =
  '--smoke --hidden-width 16 --secrets 1 --orders 2 --max-steps 40 --log-interval 10 --test-set-size 64';
const ONE = `bench ${TINY} --config n8-k2`;
const CHECKPOINT = 'starter-n16-k3_seed42.checkpoint';
const STACK_TRACE = /^\s+at (\S+ \(|file:|node:)/m;
const folder = mkdtempSync(join(tmpdir(), 'lockstep-cli-'));

/** Writes a strategy file; `changes` replaces parts of a good one. */
function strategyFile(name: string, changes = ''): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    `import { BitMatrix, Generator, parity } from 'lockstep-gpu/bench';
    export default {
      name: 'mine',
      initModel() {},
      makeDataset(secret, task, seed) {
        const x = BitMatrix.random(200, task.nFeatures, new Generator(seed));
        return { x, y: parity(x, secret) };
      },
      getOptimizerConfig: () => ({ lr: 1e-3, wd: 0, beta1: 0.9, beta2: 0.999 }),
      ${changes}
    };`,
  );
  return file;
}

/** A failure of the user's: exit code 2, a reason, nothing on standard output, no stack trace. */
async function refused(args: string, reason: RegExp, env?: NodeJS.ProcessEnv): Promise<void> {
  const { code, stdout, stderr } = await runCli(args, env);
  expect(stderr).toMatch(reason);
  expect(stderr).not.toMatch(STACK_TRACE);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
}

describe('what is refused before anything is trained', () => {
  test.each([
    ['bench --nope', /unknown option '--nope'/],
    ['nope', /unknown command 'nope'/],
    ['', /Usage: lockstep-gpu/],
    ['bench --secrets many', /--secrets <number>.*'many'.*must be a number/],
    ['bench --strategy nope', /error: Unknown strategy 'nope'; built in are/],
    ['bench --config n8-k9', /secretSize is 9/],
    ['bench --config n8-k8', /secrets is 10.*1 subsets/],
    [
      `${ONE} --kernel quick`,
      /--kernel <name>.*'quick' is invalid. Allowed choices are auto, subgroup, tiles-persistent/,
    ],
    [
      `${ONE.replace('--hidden-width 16', '--hidden-width 15')} --kernel subgroup`,
      /--kernel subgroup, n8-k2: The subgroup kernel cannot train this: .* The portable kernel can\./,
    ],
  ])('%s', (args, reason) => refused(args, reason));

  test('an adapter that is not there: exit code 1, as another machine may have it', async () => {
    const { code, stdout, stderr } = await runCli(`${ONE} --adapter no-such-card`);
    expect(stderr).toMatch(/No WebGPU adapter has "no-such-card" in its name/);
    expect(stderr).not.toMatch(STACK_TRACE);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  test.each([
    ['throws.mjs', 'makeDataset() { throw new Error("boom"); },', /'mine', makeDataset: threw: boom/],
    ['promise.js', 'async initModel() {},', /'mine', initModel: returned a promise/],
    [
      'nan.ts',
      'initModel(model) { model.output.bias.data[0] = NaN; },',
      /'mine', initModel: .*output\.bias.*NaN/,
    ],
    [
      'lr.mjs',
      'getOptimizerConfig: () => ({ lr: 0, wd: 0, beta1: 0.9, beta2: 0.9 }),',
      /getOptimizerConfig: lr is 0/,
    ],
    [
      'labels.mjs',
      'makeDataset: (s, t) => [[new Array(t.nFeatures).fill(0)], [2]],',
      /makeDataset: y\[0\] is 2/,
    ],
  ])('a strategy file: %s', (name, changes, reason) =>
    refused(`${ONE} --strategy ${strategyFile(name, changes)}`, reason),
  );

  test('a bad strategy stops all configurations, even those that it can do', async () => {
    const file = strategyFile(
      'second.mjs',
      'initModel(m, task) { if (task.nFeatures > 8) throw new Error("wide"); },',
    );
    await refused(`bench ${TINY} --config n8-k2,n9-k2 --strategy ${file}`, /threw: wide/);
  });

  test('an output folder that cannot be', () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    return refused(`${ONE} --output-dir ${join(file, 'out')}`, /--output-dir/);
  });

  test.runIf(process.platform === 'linux').each(['bench', 'bench --list-adapters'])(
    'no adapter: `%s` ends with the paragraph alone',
    async (args) => {
      const { code, stdout, stderr } = await runCli(args, {
        VK_DRIVER_FILES: '/nonexistent',
        VK_ICD_FILENAMES: '/nonexistent',
      });
      const own = stderr.split('\n').filter((line) => !/^Warning: |^ {4}at .*dawn/.test(line)); // Dawn's own remarks
      expect(own.join('\n').trim()).toBe(noAdapterMessage('linux'));
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' }); // another machine may have one
    },
  );
});

describe('what is said', () => {
  test('--help lists every flag; --list every strategy with its figure', async () => {
    const help = await runCli('bench --help');
    for (const flag of [
      '--strategy',
      '--config',
      '--preset',
      '--smoke',
      '--seed',
      '--secrets',
      '--json',
      '--log',
      '--quiet',
    ])
      expect(help.stdout).toContain(flag);
    const list = await runCli('bench --list');
    expect(list.stdout).toContain('feature-isolation-wd1');
    expect(list.stdout).toContain('published: n32-k8 0.999162');
    expect([help.code, list.code]).toEqual([0, 0]);
  });

  test('--list-adapters names one that --adapter takes', async () => {
    const { code, stdout } = await runCli('bench --list-adapters');
    const [backend, name] = stdout.split('\n')[0].split('\t');
    expect({ code, backend }).toEqual({ code: 0, backend: expect.stringMatching(/^\w+$/) });
    expect(name).not.toBe('');
  });

  test('the table on standard output, plain progress on standard error, no colours in pipes', async () => {
    const { code, stdout, stderr } = await runCli(
      `bench ${TINY} --config n8-k2,n9-k2 --strategy starter --strategy multi-epoch`,
    );
    expect(code).toBe(0);
    for (const strategy of ['starter', 'multi-epoch'])
      expect(stdout).toMatch(new RegExp(`^${strategy}\nconfig .*\nn8-k2 .*\nn9-k2 `, 'm'));
    expect(stderr).toMatch(/starter n8-k2 {2}2\/2 runs/);
    expect(stdout + stderr).not.toContain('\x1b');
  });

  test('FORCE_COLOR colours, NO_COLOR wins over it', async () => {
    expect((await runCli('bench --list', { FORCE_COLOR: '1' })).stdout).toContain('\x1b');
    expect((await runCli('bench --list', { FORCE_COLOR: '1', NO_COLOR: '1' })).stdout).not.toContain('\x1b');
  });

  test('--json gives the summary alone, even when the strategy prints; --quiet hides the progress', async () => {
    const file = strategyFile('prints.ts', 'initModel() { console.log("hello from a strategy"); },');
    const { code, stdout, stderr } = await runCli(`${ONE} --json --quiet --strategy ${file}`);
    const summary = JSON.parse(stdout) as Summary;
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      strategy: 'mine',
      seed: 42,
      complete: true,
      config: { n_features: 8, num_orderings: 2 },
    });
    expect(summary.results.map((run) => [run.secret_index, run.order_index, run.steps])).toEqual([
      [0, 0, 40],
      [0, 1, 40],
    ]);
    expect(stderr).toContain('hello from a strategy');
    expect(stderr).not.toContain('runs ·');
  });

  test('--json with several configurations is a list; --kernel takes another kernel, and each says which ran', async () => {
    const args = `bench ${TINY} --config n8-k2,n9-k2 --strategy starter --json --kernel portable`;
    const { stdout, stderr } = await runCli(args);
    const summaries = JSON.parse(stdout) as Summary[];
    expect(summaries.map(({ config, kernels }) => [config.n_features, kernels])).toEqual([
      [8, ['portable']],
      [9, ['portable']],
    ]);
    expect(stderr).toContain('starter n9-k2  training 2 runs at once, kernel portable');
  });

  test("--log gives the scaffold's lines in run order, and nothing else", async () => {
    const { stdout } = await runCli(`${ONE} --log --strategy ${strategyFile('log.mjs')}`);
    const run = (order: number) => [
      ...[1, 10, 20, 30, 40].map((step) => `TRAIN_METRICS secret=0 order=${order} step=${step}`),
      `RUN_METRICS secret=0 order=${order} steps=40`,
    ];
    const shown = stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/ (loss|test_accuracy)=.*/, ''));
    expect(shown).toEqual([
      'TASK_CONFIG N=8 K=2 W=16 num_hidden_secrets=1 num_orderings=2 test_set_size=64 batch_size=128 max_steps=40',
      expect.stringMatching(/^DATASET_METRICS secret=0 num_examples=200 positive_rate=0\.\d{6}$/),
      ...run(0),
      ...run(1),
      'FINAL_METRICS',
      'TEST_METRICS',
    ]);
  });
});

describe('what is written', () => {
  test('a summary and its curves for each configuration, under the label', async () => {
    const out = join(folder, 'out');
    const { code, stderr } = await runCli(
      `bench ${TINY} --config n8-k2,n9-k2 --strategy starter --seed 7 --output-dir ${out} --label mine`,
    );
    expect(code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(
      ['mine-n8-k2_seed7', 'mine-n9-k2_seed7'].flatMap((name) => [`${name}.json`, `${name}.svg`]),
    );
    expect(stderr).toContain('mine-n8-k2_seed7.json');
    const summary = JSON.parse(readFileSync(join(out, 'mine-n9-k2_seed7.json'), 'utf8')) as Summary;
    expect(summary).toMatchObject({ strategy: 'starter', seed: 7, complete: true, metrics: { num_runs: 2 } });
    expect(readFileSync(join(out, 'mine-n9-k2_seed7.svg'), 'utf8')).toMatch(/^<svg.*starter n9-k2, 2 runs/s);
  });

  test('a loss that stops being a number ends that run, and the summary says so', async () => {
    const file = strategyFile(
      'diverges.mjs',
      'getOptimizerConfig: () => ({ lr: 1e38, wd: 0, beta1: 0.9, beta2: 0.999 }),',
    );
    const { code, stdout, stderr } = await runCli(`${ONE} --json --strategy ${file}`);
    const summary = JSON.parse(stdout) as Summary;
    expect(code).toBe(0);
    expect(summary.complete).toBe(true);
    expect(summary.metrics.num_non_finite).toBe(2);
    expect(summary.results[0]).toMatchObject({ non_finite: true });
    expect(summary.results[0].steps).toBeLessThan(40);
    expect(stderr).toMatch(/mine n8-k2: the loss of 2 run\(s\) stopped being a finite number/);
  });
});

describe('Ctrl-C', () => {
  const LONG = 'bench --preset full --config n32-k8 --early-stop-acc 1 --strategy starter';

  test('in the middle of training: what is finished is printed, the summary is incomplete, exit code 130', async () => {
    const out = join(folder, 'interrupted');
    const run = startCli(`${LONG} --orders 100 --output-dir ${out}`);
    await run.seen(/training/);
    run.child.kill('SIGINT');
    const { code, stdout, stderr } = await run.result;
    expect(code).toBe(130);
    expect(stdout).toMatch(/n32-k8 .* \d+ of 1000/);
    expect(stdout).toMatch(/interrupted; the figures cover/);
    expect(stderr).not.toMatch(STACK_TRACE);
    expect(stderr).not.toContain('error');
    expect(stderr).not.toContain('--resume'); // there is no checkpoint yet
    const summary = JSON.parse(readFileSync(join(out, 'starter-n32-k8_seed42.json'), 'utf8')) as Summary;
    expect(summary).toMatchObject({ complete: false, config: { num_orderings: 100 } });
  });

  test('after a checkpoint: says how to go on', async () => {
    const out = join(folder, 'checkpointed');
    const run = startCli(`${LONG} --orders 2 --checkpoint-seconds 0.1 --output-dir ${out}`);
    const files = () => existsSync(out) && readdirSync(out);
    await expect.poll(files, { timeout: 30_000 }).toContain('starter-n32-k8_seed42.checkpoint');
    run.child.kill('SIGINT');
    const { code, stderr } = await run.result;
    expect(code).toBe(130);
    expect(stderr).toMatch(/to go on from the last checkpoint: the same command with --resume/);
  });

  test('while a strategy computes and does not come back', async () => {
    const out = join(folder, 'endless');
    const file = strategyFile('endless.mjs', 'makeDataset() { console.log("computing"); for (;;); },');
    const run = startCli(`${ONE} --strategy ${file} --output-dir ${out}`);
    await run.seen(/computing/);
    run.child.kill('SIGINT');
    expect((await run.result).code).toBe(130);
    const [name] = readdirSync(out);
    expect(JSON.parse(readFileSync(join(out, name), 'utf8'))).toMatchObject({
      complete: false,
      metrics: { num_runs: 0 },
    });
  });
});

describe('--resume', () => {
  const job = (out: string, more = '') =>
    `bench --strategy starter --config n16-k3 --preset full --secrets 2 --orders 3 --hidden-width 32 --min-steps-before-stop 12000 ` +
    `--max-steps 24000 --test-set-size 256 --quiet --output-dir ${out} ${more}`;
  const files = (out: string) => readdirSync(out).sort();
  const json = (out: string) => readFileSync(join(out, 'starter-n16-k3_seed42.json'), 'utf8');

  test('goes on where a killed process left off, to the same summary, and leaves out what is complete', async () => {
    const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')];
    await runCli(job(whole));
    // Killed at three moments, each process going on where the last one was; then to the end.
    const checkpoint = () => existsSync(join(killed, CHECKPOINT)) && statSync(join(killed, CHECKPOINT)).ino;
    for (const again of ['', '--resume', '--resume']) {
      const before = checkpoint();
      const run = startCli(job(killed, `--checkpoint-seconds 0.1 ${again}`));
      const isNew = () => checkpoint() !== false && checkpoint() !== before;
      await expect.poll(isNew, { timeout: 30_000, interval: 10 }).toBe(true);
      run.child.kill('SIGKILL');
      expect(await run.result).toMatchObject({ code: null, signal: 'SIGKILL' });
      expect(files(killed)).toEqual(expect.arrayContaining([CHECKPOINT, 'starter-n16-k3_seed42.lock']));
    }

    const resumed = await runCli(job(killed, '--resume'));
    expect(resumed.code).toBe(0);
    expect(json(killed)).toBe(json(whole));
    expect(files(killed)).toEqual(files(whole));
    const svg = 'starter-n16-k3_seed42.svg';
    expect(readFileSync(join(killed, svg), 'utf8')).toBe(readFileSync(join(whole, svg), 'utf8'));

    writeFileSync(join(killed, 'starter-n16-k3_seed42.svg'), ''); // drawn again if trained again
    const again = await runCli(job(killed, '--resume --json'));
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(json(whole)));
    expect(readFileSync(join(killed, 'starter-n16-k3_seed42.svg'), 'utf8')).toBe('');
  });

  test('is refused where there is nothing to go on from, or something else', async () => {
    await refused(`${ONE} --resume`, /--resume goes on from files in --output-dir; give that too/);
    await refused(`${ONE} --checkpoint-seconds 0`, /--checkpoint-seconds 0: it must be above 0/);
    const broken = join(folder, 'broken');
    mkdirSync(broken);
    writeFileSync(join(broken, CHECKPOINT), 'no checkpoint');
    await refused(
      job(broken, '--resume'),
      /starter-n16-k3_seed42.checkpoint is no checkpoint of lockstep-gpu, or it is damaged. Delete it or leave out --resume/,
    );
  });
});
