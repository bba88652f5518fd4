/**
 * What the flags of `bench` ask for, and what they refuse. No device: only words into jobs.
 */
import { Command, CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { addBenchFlags, type BenchFlags, jobsOf } from '../../src/cli/bench-flags.js';

function flagsOf(line: string): BenchFlags {
  const command = addBenchFlags(new Command('bench')).exitOverride().allowExcessArguments(false);
  command.configureOutput({ writeErr() {} });
  return command.parse(line.split(' ').filter(Boolean), { from: 'user' }).opts();
}

const jobs = (line: string) => jobsOf(flagsOf(line));
const configs = (line: string) => jobs(line).map(({ task }) => `n${task.nFeatures}-k${task.secretSize}`);

test('without flags: feature-isolation, profile full, three configurations, seed 42', () => {
  expect(flagsOf('').seed).toBe(42);
  expect(jobs('').map(({ label }) => label)).toEqual([
    'feature-isolation-n32-k8',
    'feature-isolation-n50-k8',
    'feature-isolation-n64-k8',
  ]);
  expect(jobs('')[0].task).toMatchObject({ secrets: 10, orders: 10, maxSteps: 100_000 });
});

test('configurations: by name, by two numbers, each once', () => {
  expect(configs('--config n10-k3,n1024-k1 --config n10-k3')).toEqual(['n10-k3', 'n1024-k1']);
  expect(configs('--n-features 20 --secret-size 5')).toEqual(['n20-k5']);
  expect(configs('--n-features 20')).toEqual(['n20-k8']);
});

test('presets and each override', () => {
  expect(jobs('--smoke')[0].task).toEqual(jobs('--preset smoke')[0].task);
  const line =
    '--preset scaffold --secrets 3 --orders 4 --max-steps 500 --log-interval 50 --test-set-size 64 ' +
    '--min-steps-before-stop 100 --early-stop-acc 0.9 --early-stop-windows 2 --hidden-width 16 --batch-size 8';
  expect(jobs(line)[0].task).toEqual({
    nFeatures: 32,
    secretSize: 8,
    maxTrainExamples: 12_800_000,
    secrets: 3,
    orders: 4,
    maxSteps: 500,
    logInterval: 50,
    testSetSize: 64,
    minStepsBeforeStop: 100,
    earlyStopAcc: 0.9,
    earlyStopWindows: 2,
    hiddenWidth: 16,
    batchSize: 8,
  });
});

test('several strategies: one job for each strategy and configuration, and a label for each', () => {
  const line = '--strategy starter --strategy default --config n32-k8,n50-k8 --output-dir out --label mine';
  expect(jobs(line).map(({ label }) => label)).toEqual([
    'mine-starter-n32-k8',
    'mine-starter-n50-k8',
    'mine-default-n32-k8',
    'mine-default-n50-k8',
  ]);
  expect(jobs('--config n32-k8 --output-dir out --label mine')[0].label).toBe('mine');
});

test.each([
  ['--strategy nope', /Unknown strategy 'nope'; built in are feature-isolation/],
  ['--strategy ./nope.ts', /no strategy file \.\/nope\.ts/],
  ['--config 32', /'32'.*nN-kK/],
  ['--config ,', /--config names no configuration/],
  ['--config n0-k0', /nFeatures is 0/],
  ['--config n1025-k8', /nFeatures is 1025/],
  ['--config n8-k9', /secretSize is 9/],
  ['--config n8-k8', /secrets is 10.*only 1 subsets/],
  ['--secrets 0', /secrets is 0/],
  ['--hidden-width 4097', /hiddenWidth is 4097/],
  ['--batch-size 1025', /batchSize is 1025/],
  ['--orders 1.5', /orders is 1.5/],
  ['--early-stop-acc 1.5', /earlyStopAcc is 1.5/],
  ['--seed -1', /seed is -1/],
  ['--smoke --preset full', /--smoke and --preset full/],
  ['--profile scaffold', /--profile is called --preset now: write --preset scaffold\./],
  ['--profile', /--profile is called --preset now/],
  ['--config n32-k8 --n-features 20', /--config and --n-features/],
  ['--json --log', /--json and --log/],
  ['--label mine', /--output-dir/],
  ['--output-dir out --label ../mine', /--label "..\/mine"/],
])('%s is refused with a reason', (line, reason) => {
  expect(() => jobs(line)).toThrow(reason);
  expect(() => jobs(line)).toThrow(expect.objectContaining({ code: 'bad-input' }));
});

test.each(['--nope', '--secrets many', '--secrets', '--preset huge', 'extra', '--max-steps Infinity'])(
  '%s is no flag or no value of one',
  (line) => {
    expect(() => jobs(line)).toThrow(CommanderError);
  },
);

const NUMERIC = [
  '--seed',
  '--secrets',
  '--orders',
  '--max-steps',
  '--early-stop-acc',
  '--n-features',
  '--secret-size',
  '--checkpoint-seconds',
];
const NO_NUMBERS = [
  '',
  ' 5',
  '5 ',
  '1e3',
  '0x10',
  '0b1',
  'NaN',
  'Infinity',
  '-',
  '1_000',
  '1,000',
  '.5',
  '5.',
  '٣',
  '+5',
];

test.each(NUMERIC)('%s takes plain numbers only, and none below 0', (flag) => {
  const parsed = (value: string) => {
    const command = addBenchFlags(new Command('bench')).exitOverride();
    command.configureOutput({ writeErr() {} });
    return command.parse([flag, value], { from: 'user' }).opts() as BenchFlags;
  };
  for (const value of NO_NUMBERS) {
    expect(() => parsed(value), value).toThrow(CommanderError);
    expect(() => parsed(value), value).toThrow(/must be a number in plain digits/);
  }
  for (const value of ['-1', '-0.5'])
    expect(() => jobsOf(parsed(value)), value).toThrow(expect.objectContaining({ code: 'bad-input' }));
});

test.each([
  '--seed 1 --seed 2',
  '--label a --output-dir o --label b',
  '--json --json',
  '--preset smoke --preset full',
  '--output-dir a --output-dir b',
])('%s: a flag given twice is refused', (line) => {
  expect(() => flagsOf(line)).toThrow(/is given more than once/);
});

test.each(['--output-dir', '--adapter'])('%s does not take an empty word', (flag) => {
  const command = addBenchFlags(new Command('bench')).exitOverride();
  command.configureOutput({ writeErr() {} });
  for (const word of ['', ' '])
    expect(() => command.parse([flag, word], { from: 'user' })).toThrow(/must not be empty/);
});

test.each([
  ['n32k8', 'n32-k8'],
  ['32-8', 'n32-k8'],
  ['N32-K8', 'n32-k8'],
  ['n=64,k=8', undefined],
  ['n50_k8', 'n50-k8'],
  ['x', undefined],
])('--config %s: what is probably meant is said', (given, meant) => {
  expect(() => jobs(`--config ${given}`)).toThrow(
    meant ? `Did you mean ${meant}?` : /^Unknown configuration .* as in n32-k8\.$/,
  );
});

test('one configuration written in two ways is one', () => {
  expect(configs('--config n8-k2,n08-k2 --secrets 2')).toEqual(['n8-k2']);
});
