// Every example runs and prints what it promises: unchanged, or with fewer steps where it takes long.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import * as shards from '../src/bench/shards/index.js';
import * as api from '../src/index.js';
import { runProgram } from './run-program.js';
import { shortExample } from './short-examples.js';

let lines: string[];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
    lines.push(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' '));
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** The number after `label` in the line that starts with `start`. */
const numberIn = (start: string, label: string): number => {
  const line = lines.find((each) => each.startsWith(start)) ?? '';
  return Number(new RegExp(`${label} ([0-9.e-]+)`).exec(line)?.[1]);
};

it('xor: the loss falls to nearly nothing', async () => {
  await import('../examples/xor.js');
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['0', '50', '100', '150']);
  expect(Number(lines[0].split(' ')[1])).toBeGreaterThan(0.5);
  expect(Number(lines[3].split(' ')[1])).toBeLessThan(0.01);
});

it('xor stands in the README whole', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const code = read('../examples/xor.ts').replace(/^\/\/.*\n/, '');
  expect(read('../README.md')).toContain(`\`\`\`ts\n${code}\`\`\``);
});

it('sweep: the best of a hundred learning rates tells the moons apart', async () => {
  await import('../examples/sweep.js');
  expect(numberIn('best of 100', 'accuracy')).toBeGreaterThan(0.98);
});

it('sweep stands in the README whole', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  expect(read('../README.md')).toContain(read('../examples/sweep.ts').replace(/^\/\/.*\n/, ''));
});

it('population: forks bring the worst runs near the best', async () => {
  await import('../examples/population.js');
  expect(numberIn('20 forks', 'loss')).toBeLessThan(0.02);
});

it('uncertainty: the networks agree where examples are, and differ where none are', async () => {
  await import('../examples/uncertainty.js');
  expect(lines).toHaveLength(34);
  const spreadAt = (x: string) =>
    Number(
      lines
        .find((line) => line.trim().startsWith(`${x} `))
        ?.trim()
        .split(/ +/)[2],
    );
  for (const x of ['-0.8', '-0.5', '0.5', '0.8']) expect(spreadAt(x), x).toBeLessThan(0.1);
  for (const x of ['-1.6', '0.0', '1.6']) expect(spreadAt(x), x).toBeGreaterThan(0.15);
});

it('own-sampler: tells spirals of few turns apart', async () => {
  await import('../examples/own-sampler.js');
  expect(lines).toHaveLength(8);
  expect(numberIn('0.25 turns', 'accuracy')).toBeGreaterThan(0.98);
  expect(numberIn('0.5 turns', 'accuracy')).toBeGreaterThan(0.98);
});

it('digits: a hundred steps tell most digits', async () => {
  await runProgram(shortExample('digits'), { 'lockstep-gpu': api });
  expect(lines).toHaveLength(5);
  expect(numberIn('mean', 'mean')).toBeGreaterThan(0.8);
  expect(numberIn('mean', 'standard deviation')).toBeLessThan(0.05);
});

it('grokking: after eight epochs they know more of their examples than of others', async () => {
  await runProgram(shortExample('grokking'), { 'lockstep-gpu': api });
  expect(lines).toHaveLength(3);
  const [epoch, known, right, least, most] = lines[2].trim().split(/ +/).map(Number);
  expect([epoch, least <= right, right <= most]).toEqual([8, true, true]);
  expect(known).toBeGreaterThan(right);
});

it('spirals: tells the two apart', async () => {
  await import('../examples/spirals.js');
  expect(numberIn('accuracy', 'accuracy')).toBeGreaterThan(0.95);
  const [first] = JSON.parse((lines.at(-1) ?? '').replace(/^[^[]*/, '')) as number[][];
  expect(first[0] + first[1]).toBeCloseTo(1, 5);
});

it('ensemble: one learning rate learns the parity in every run, the smallest does not', async () => {
  await import('../examples/ensemble.js');
  expect(lines).toHaveLength(4);
  expect(numberIn('lr 0.01:', 'test accuracy')).toBeGreaterThan(0.99);
  expect(numberIn('lr 0.01:', 'mean steps')).toBeLessThan(600);
  expect(numberIn('lr 0.0003:', 'test accuracy')).toBeLessThan(0.8);
});

it('resume: runs that were stopped end with the same weights', async () => {
  await import('../examples/resume.js');
  expect(lines).toHaveLength(8);
  for (const line of lines.slice(0, 4)) expect(Number(line.split(' ').at(-1))).toBeGreaterThanOrEqual(300);
  for (const line of lines.slice(4)) expect(line).toMatch(/accuracy 1, the same weights: true$/);
});

it('custom-op: gradcheck passes, and the network learns', async () => {
  await import('../examples/custom-op.js');
  expect(lines[0]).toBe('gradcheck passed');
  expect(numberIn('step 200', 'loss')).toBeLessThan(0.02);
});

it('stacked-resnet: the learning rates differ in what comes of them, and a model taken out is the same', async () => {
  await import('../examples/stacked-resnet.js');
  expect(lines).toHaveLength(7);
  expect(numberIn('step 40', 'loss')).toBeLessThan(0.01);
  expect(numberIn('step 40', 'to')).toBeGreaterThan(0.3);
  expect(numberIn('learning rate 2.2e-3:', 'test accuracy')).toBeGreaterThan(0.98);
  expect(numberIn('learning rate 1.0e-4:', 'test accuracy')).toBeLessThan(0.9);
  expect(numberIn('best:', 'test accuracy is')).toBeGreaterThan(0.98);
});

it('shards: two parts, put together, are a sweep', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-example-'));
  const { argv } = process;
  for (const args of [['1/2'], ['2/2'], ['2/2'], []]) {
    process.argv = ['node', 'shards.ts', folder, ...args];
    await runProgram(shortExample('shards'), { 'lockstep-gpu': api, 'lockstep-gpu/shards': shards });
  }
  process.argv = argv;
  expect(lines.slice(0, 3)).toEqual([
    `wrote ${join(folder, 'shard-1-of-2.results')}`,
    `wrote ${join(folder, 'shard-2-of-2.results')}`,
    'done before',
  ]);
  expect(numberIn('best of 40', 'accuracy')).toBeGreaterThan(0.85);
});
