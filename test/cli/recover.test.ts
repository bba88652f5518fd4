/**
 * `bench` with a device that is lost: it goes on with another one, for the configurations to come too, prints the same JSON and
 * counts the losses. In this process, where the device is within reach.
 */
import { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { addBenchFlags, type BenchFlags, jobsOf } from '../../src/cli/bench-flags.js';
import { runBench } from '../../src/cli/bench-run.js';
import { defaultDevice } from '../../src/gpu/default-device.js';
import { Scorer } from '../../src/kernels/train/scoring.js';
import { onceAfter } from '../lockstep/once-after.js';

const TINY =
  '--smoke --hidden-width 16 --secrets 1 --orders 2 --max-steps 40 --log-interval 10 --test-set-size 64 ' +
  '--config n8-k2,n8-k3 --strategy starter --json --quiet';

afterEach(() => vi.restoreAllMocks());

/** What `bench FLAGS` prints, and its exit code. */
async function bench(more = '') {
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text, ...rest) => {
      printed[name] += text;
      const done = rest.at(-1) as unknown;
      if (typeof done === 'function') done();
      return true;
    });
  }
  const command = addBenchFlags(new Command()).parse(`${TINY} ${more}`.trim().split(' '), { from: 'user' });
  const flags = command.opts<BenchFlags>();
  const code = await runBench(jobsOf(flags), flags);
  return { code, ...printed };
}

test('the same bytes, and no loss of the first configuration is met again in the second', async () => {
  const whole = await bench();
  expect(whole.code).toBe(0);
  expect(whole.stderr).not.toContain('lost');
  onceAfter(Scorer.prototype, 'accuracies', () => defaultDevice().gpu.destroy());
  const { code, stdout, stderr } = await bench();
  expect({ code, stdout }).toEqual({ code: 0, stdout: whole.stdout });
  expect(stderr.match(/the device was lost .*/g)).toEqual([
    'the device was lost 1 time(s); that changes no result.',
  ]);
});

test('--recover 0: the loss is an error, and the table has what was done', async () => {
  onceAfter(Scorer.prototype, 'accuracies', () => defaultDevice().gpu.destroy());
  const { code, stderr } = await bench('--recover 0');
  expect(code).toBe(1);
  expect(stderr).toMatch(/error: The device was lost/);
});

test.each(['-1', '1.5'])('--recover %s is refused', async (times) => {
  await expect(bench(`--recover=${times}`)).rejects.toThrow(`--recover ${times}: it must be a whole number`);
});
