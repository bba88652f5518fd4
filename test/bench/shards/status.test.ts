/** Where shards stand, by the files in a folder that are written here by hand. */
import { mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkpointBytes } from '../../../src/bench/checkpoint-file.js';
import { type LockOwner, thisOwner } from '../../../src/bench/lock-owner.js';
import type { ShardCheckpoint } from '../../../src/bench/shards/checkpoint.js';
import { finishedShardText, shardStem } from '../../../src/bench/shards/file.js';
import { statusOf } from '../../../src/bench/shards/status.js';
import { COUNT, shardAt, tasks } from './four-shards.js';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const newFolder = () => mkdtempSync(join(tmpdir(), 'lockstep-status-'));

/** Writes a file of a shard, last touched some seconds before now. */
function put(folder: string, index: number, kind: string, content: string | Uint8Array, secondsAgo: number) {
  const path = join(folder, `${shardStem({ index, count: COUNT })}.${kind}`);
  writeFileSync(path, content);
  utimesSync(path, NOW / 1000 - secondsAgo, NOW / 1000 - secondsAgo);
}

const putResult = (folder: string, index: number, secondsAgo = 0) =>
  put(folder, index, 'json', finishedShardText(shardAt(index).shard), secondsAgo);

const putLock = (folder: string, index: number, owner: Partial<LockOwner>, secondsAgo: number) =>
  put(folder, index, 'lock', JSON.stringify({ ...thisOwner(), ...owner }), secondsAgo);

/** A checkpoint of the first evaluation after some seconds: one run is done, the next is at `steps`. */
function putCheckpoint(folder: string, index: number, seconds: number, steps: number, secondsAgo: number) {
  const { parts, adapters } = shardAt(index).shard;
  const [{ results, ...part }] = parts;
  const [done, under] = results;
  const run = {
    kernel: 'subgroup' as const,
    state: new Float32Array(1),
    sums: new Uint32Array(1),
    stableWindows: 0,
    of: { data: '', batchSize: 1, orderSeed: 0 },
  };
  const runs = [{ secret: under.secretIndex, order: under.orderIndex, checkpoint: { ...run, steps } }];
  const checkpoint: ShardCheckpoint = {
    jobs: parts.map(({ label, fingerprint }) => ({ label, ...fingerprint })),
    adapters,
    parts: [{ seconds, lost: [], checkpoint: { ...part, results: [done], runs } }],
  };
  put(folder, index, 'checkpoint', checkpointBytes(checkpoint), secondsAgo);
  return done.steps;
}

/** What a shard writes before it trains. */
function putJobs(folder: string, index: number) {
  const { parts, adapters } = shardAt(index).shard;
  const jobs = parts.map(({ label, fingerprint }) => ({ label, ...fingerprint }));
  const checkpoint: ShardCheckpoint = { jobs, adapters, parts: [] };
  put(folder, index, 'checkpoint', checkpointBytes(checkpoint), 0);
}

test('done, at work, stopped and not begun; figures of each and of all', async () => {
  const folder = newFolder();
  putResult(folder, 1, 100);
  putLock(folder, 2, {}, 5);
  const atWork = putCheckpoint(folder, 2, 10, 100, 40);
  const stopped = putCheckpoint(folder, 3, 20, 50, 7000);
  const { shards, ...all } = await statusOf(folder, NOW);
  const sizes = [8, 8, 7, 7];
  expect(shards).toEqual([
    expect.objectContaining({ shard: 1, state: 'done', runs_done: 8, last_sign: '2026-01-02T03:02:25.000Z' }),
    {
      ...{ shard: 2, state: 'at work', runs_done: 1, last_sign: '2026-01-02T03:04:00.000Z' },
      ...{ runs: 8, steps: atWork + 100, steps_per_second: (atWork + 100) / 10 },
    },
    expect.objectContaining({ shard: 3, state: 'stopped', runs_done: 1, steps: stopped + 50 }),
    {
      ...{ shard: 4, state: 'not begun', runs_done: 0, last_sign: null },
      ...{ runs: 7, steps: 0, steps_per_second: null },
    },
  ]);
  expect(shards.map(({ runs }) => runs)).toEqual(sizes);
  // Of the first evaluation, all of shard 1 and a run each of shards 2 and 3 are done; of the second, all of shard 1.
  const [first, second] = shardAt(1).shard.parts.map(({ results }) => results.map(({ steps }) => steps));
  const mean = (steps: number[]) => steps.reduce((sum, each) => sum + each) / steps.length;
  const firstDone = [...first, atWork, stopped];
  const left =
    (15 - firstDone.length - 2) * mean(firstDone) +
    (mean(firstDone) - 100 + mean(firstDone) - 50) +
    (15 - second.length) * mean(second);
  expect(all).toEqual({
    ...{ runs_done: 10, runs: 30, last_sign: '2026-01-02T03:04:00.000Z' },
    steps_per_second: (atWork + 100) / 10,
    steps_left: expect.closeTo(left, 6),
    seconds_left: expect.closeTo(left / ((atWork + 100) / 10), 6),
  });
});

test('before the training nothing is known; then what there is to do, by the most steps that a run may take', async () => {
  const folder = newFolder();
  putLock(folder, 2, {}, 5);
  expect(await statusOf(folder, NOW)).toMatchObject({
    ...{ runs: null, runs_done: 0, steps_per_second: null, steps_left: null, seconds_left: null },
    shards: Array.from({ length: COUNT }, (_, i) => ({
      state: i === 1 ? 'at work' : 'not begun',
      runs: null,
    })),
  });
  putJobs(folder, 2);
  expect(await statusOf(folder, NOW)).toMatchObject({
    ...{ runs: 30, runs_done: 0, steps_per_second: null, seconds_left: null },
    steps_left: 15 * (tasks[0].maxSteps + tasks[1].maxSteps),
    shards: [8, 8, 7, 7].map((runs) => ({ runs, runs_done: 0, steps: 0 })),
  });
  const done = putCheckpoint(folder, 2, 10, 0, 0);
  const { seconds_left } = await statusOf(folder, NOW);
  expect(seconds_left).toBeCloseTo((14 * done + 15 * tasks[1].maxSteps) / (done / 10), 6);
});

test('all done: nothing is left', async () => {
  const folder = newFolder();
  for (let index = 1; index <= COUNT; index++) putResult(folder, index);
  expect(await statusOf(folder, NOW)).toMatchObject({ runs_done: 30, runs: 30, seconds_left: 0 });
});

test.each([
  ['its process has ended', { began: '1' }, 5, 'stopped'],
  ['on another machine, touched of late', { space: 'elsewhere' }, 100, 'at work'],
  ['on another machine, silent', { space: 'elsewhere' }, 130, 'stopped'],
] as const)('a lock: %s', async (_, owner, secondsAgo, state) => {
  const folder = newFolder();
  putLock(folder, 1, owner, secondsAgo);
  expect((await statusOf(folder, NOW)).shards[0].state).toBe(state);
});

test('a folder without shards, one of two counts, none, and a damaged file are refused', async () => {
  const folder = newFolder();
  await expect(statusOf(folder)).rejects.toThrow(
    /there are no shards; it must be the folder of shards of one count/,
  );
  await expect(statusOf(join(folder, 'nowhere'))).rejects.toThrow(/There is no folder/);
  putResult(folder, 1);
  writeFileSync(join(folder, 'shard-1-of-3.lock'), '');
  await expect(statusOf(folder)).rejects.toThrow(/there are shards of 3 and of 4/);
  const damaged = newFolder();
  put(damaged, 1, 'json', '{', 0);
  await expect(statusOf(damaged)).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringMatching(/shard-1-of-4\.json .* Delete it/),
  });
});
