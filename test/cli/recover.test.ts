/**
 * `bench` with a device that is lost: it goes on with another one, for the configurations to come too, prints the same JSON and
 * counts the losses, as `merge` does those of shards. In this process, where the device is within reach.
 */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { addBenchFlags, type BenchFlags, jobsOf, shardOf } from '../../src/cli/bench-flags.js';
import { runBench } from '../../src/cli/bench-run.js';
import { runMerge } from '../../src/cli/merge-run.js';
import { defaultDevice } from '../../src/gpu/default-device.js';
import { Scorer } from '../../src/kernels/train/scoring.js';
import { onceAfter } from '../lockstep/once-after.js';

const TINY =
  '--smoke --hidden-width 16 --secrets 1 --orders 2 --max-steps 40 --log-interval 10 --test-set-size 64 ' +
  '--config n8-k2,n8-k3 --strategy starter --quiet';

afterEach(() => vi.restoreAllMocks());

/** What a command prints, and its exit code. */
async function said(command: () => Promise<number>) {
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text, ...rest) => {
      printed[name] += text;
      const done = rest.at(-1) as unknown;
      if (typeof done === 'function') done();
      return true;
    });
  }
  const code = await command();
  return { code, ...printed };
}

const bench = (more: string) =>
  said(async () => {
    const command = addBenchFlags(new Command()).parse(`${TINY} ${more}`.split(' '), { from: 'user' });
    const flags = command.opts<BenchFlags>();
    const shard = shardOf(flags, {});
    return runBench(jobsOf(flags, shard), flags, shard);
  });

const loseOnce = () => onceAfter(Scorer.prototype, 'accuracies', () => defaultDevice().gpu.destroy());

test('the same bytes, and no loss of the first configuration is met again in the second', async () => {
  const whole = await bench('--json');
  expect(whole.code).toBe(0);
  expect(whole.stderr).not.toContain('lost');
  loseOnce();
  const { code, stdout, stderr } = await bench('--json');
  expect({ code, stdout }).toEqual({ code: 0, stdout: whole.stdout });
  expect(stderr.match(/the device was lost .*/g)).toEqual([
    'the device was lost 1 time(s); that changes no result.',
  ]);
});

test('--recover 0: the loss is an error, and the table has what was done', async () => {
  loseOnce();
  const { code, stderr } = await bench('--json --recover 0');
  expect(code).toBe(1);
  expect(stderr).toMatch(/error: The device was lost/);
});

test('merge counts the losses of shards, in the words of bench, and its files are the same', async () => {
  const folders = ['shards', 'whole'].map((name) => mkdtempSync(join(tmpdir(), `lockstep-${name}-`)));
  const [shards, whole] = folders;
  loseOnce();
  for (const shard of ['1/2', '2/2'])
    expect(await bench(`--shard ${shard} --output-dir ${shards}`)).toMatchObject({ code: 0, stderr: '' });
  await bench(`--output-dir ${whole}`);
  const merged = await said(() => runMerge([shards], { quiet: true }));
  expect(merged.stdout.match(/^.*the device was lost .*$/gm)).toEqual([
    'starter n8-k2: the device was lost 1 time(s); that changes no result.',
  ]);
  for (const name of readdirSync(whole))
    expect(readFileSync(join(shards, name), 'utf8')).toBe(readFileSync(join(whole, name), 'utf8'));
});

test.each(['-1', '1.5'])('--recover %s is refused', async (times) => {
  await expect(bench(`--recover=${times}`)).rejects.toThrow(`--recover ${times}: it must be a whole number`);
});
