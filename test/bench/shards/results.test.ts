/** Results of shards for programs of one's own: written and read to the bit, put together, refused by name. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ShardResults } from '../../../src/bench/shards/results.js';

const RUNS = 10;
const madeOf = { seed: 1, rates: [0.1, Number.NaN] };
const newFolder = () => mkdtempSync(join(tmpdir(), 'lockstep-results-'));
const open = (folder: string, changes: object = {}) =>
  new ShardResults<unknown>(folder, { runs: RUNS, madeOf: { ...madeOf, ...changes } });
/** What a run gives, with values that JSON has not. */
const resultOf = (run: number) => ({
  loss: run === 3 ? Number.NaN : run / 3,
  weights: Float32Array.of(run, -0),
});
const write = (results: ShardResults<unknown>, index: number, count = 3) => {
  const shard = { index, count };
  return results.write(shard, new Map(results.runsOf(shard).map((run) => [run, resultOf(run)])));
};

test('what shards write, in any order, is put together by run, to the bit', async () => {
  const folder = join(newFolder(), 'new');
  const results = open(folder);
  expect(await results.isDone({ index: 2, count: 3 })).toBe(false);
  for (const index of [2, 3, 1])
    expect(await write(results, index)).toBe(join(folder, `shard-${index}-of-3.results`));
  expect(await results.isDone({ index: 2, count: 3 })).toBe(true);
  expect(readdirSync(folder)).toHaveLength(3);
  const all = await open(folder).merge();
  expect([...all.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const [run, result] of all) expect(result).toEqual(resultOf(run));
});

test('gaps are named; partial takes what is there', async () => {
  const folder = newFolder();
  const results = open(folder);
  await expect(results.merge()).rejects.toThrow(/there are no shards; it must be the folder/);
  await write(results, 2);
  await expect(results.merge()).rejects.toThrow(/Of 3 shards 2 are missing: 1, 3\..*partial: true/);
  expect([...(await results.merge({ partial: true })).keys()]).toEqual([4, 5, 6]);
  await write(results, 1, 2);
  await expect(results.merge()).rejects.toThrow(/there are shards of 2 and of 3; it must be/);
});

test.each<[string, object, RegExp]>([
  ['another seed', { seed: 2 }, /shard-1-of-1\.results was made of other seed\. Delete it/],
  ['another list', { rates: [0.1, 0.2] }, /was made of other rates/],
  ['a setting more', { steps: 3 }, /was made of other steps/],
])('%s is refused', async (_, changes, reason) => {
  const folder = newFolder();
  await write(open(folder), 1, 1);
  const other = open(folder, changes);
  await expect(other.merge()).rejects.toThrow(reason);
  await expect(other.isDone({ index: 1, count: 1 })).rejects.toMatchObject({ code: 'bad-input' });
});

test('files of another shard, and any changed byte, are refused', async () => {
  const folder = newFolder();
  const results = open(folder);
  const path = await write(results, 1);
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += 7) {
    const damaged = Buffer.from(bytes);
    damaged[at] ^= 1 << (at % 8);
    writeFileSync(path, damaged);
    await expect(results.isDone({ index: 1, count: 3 })).rejects.toMatchObject({ code: 'bad-input' });
  }
  writeFileSync(path, bytes);
  renameSync(path, join(folder, 'shard-3-of-3.results'));
  await expect(results.isDone({ index: 3, count: 3 })).rejects.toThrow(/is of shard 1 of 3, and not/);
});

test('arguments that do not fit are refused', async () => {
  const results = open(newFolder());
  const shard = { index: 1, count: 5 };
  await expect(results.write(shard, new Map([[0, 1]]))).rejects.toThrow(/there is no result of run 1/);
  await expect(results.write(shard, new Map([0, 1, 7].map((run) => [run, 1])))).rejects.toThrow(
    /run 7 is none/,
  );
  expect(() => results.runsOf({ index: 6, count: 5 })).toThrow(/there is no shard 6 of 5/);
  expect(() => new ShardResults('x', { runs: 0, madeOf })).toThrow(/runs is the number 0/);
  expect(() => new ShardResults('x', { runs: 1 } as never)).toThrow(/madeOf is undefined; \{ seed/);
});
