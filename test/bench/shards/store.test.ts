/** What a shard's files say before it has trained: what there is to do, and nothing that would keep the user from doing otherwise. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkpointBytes } from '../../../src/bench/checkpoint-file.js';
import {
  type ShardCheckpoint,
  type ShardJob,
  shardCheckpointOf,
} from '../../../src/bench/shards/checkpoint.js';
import { statusOf } from '../../../src/bench/shards/status.js';
import { ShardStore } from '../../../src/bench/shards/store.js';
import { summaryConfig } from '../../../src/bench/summary-config.js';
import { makeTask } from '../../../src/bench/task.js';

const shard = { index: 2, count: 4 };
const warn = (line: string) => expect.fail(line);
const jobsOf = (secrets: number): ShardJob[] => {
  const config = summaryConfig(makeTask('n8-k2', 'smoke', { secrets, orders: 4 }), 7);
  return [{ label: 'mine', kernel: 'auto', config, source: {} }];
};
const newFolder = () => mkdtempSync(join(tmpdir(), 'lockstep-store-'));

/** A process that begins to train, and is gone. */
async function begun(folder: string, jobs: readonly ShardJob[], resume: boolean): Promise<ShardCheckpoint> {
  const store = await ShardStore.open(folder, shard, jobs, { warn, resume });
  await store.begin('a card');
  await store.folder.close();
  const path = join(folder, 'shard-2-of-4.checkpoint');
  return shardCheckpointOf(path, readFileSync(path));
}

test('before the first checkpoint, status knows how much there is to do', async () => {
  const folder = newFolder();
  await begun(folder, jobsOf(2), true);
  expect(await statusOf(folder)).toMatchObject({ runs_done: 0, runs: 8, steps_left: 8 * 4000 });
});

test('an evaluation that has not trained yet does not stand in the way of another', async () => {
  const folder = newFolder();
  await begun(folder, jobsOf(2), true);
  expect((await begun(folder, jobsOf(3), true)).jobs).toEqual(jobsOf(3));
});

test('a checkpoint of a training is refused to another one, and stays where --resume was forgotten', async () => {
  const folder = newFolder();
  const checkpoint = { fingerprint: {}, kernels: [], datasets: [], results: [], windows: [], runs: [] };
  const parts = [{ seconds: 3, lost: ['device-lost'], checkpoint }];
  const earlier = { jobs: jobsOf(2), adapters: ['a card'], parts };
  writeFileSync(join(folder, 'shard-2-of-4.checkpoint'), checkpointBytes(earlier));
  await expect(begun(folder, jobsOf(3), true)).rejects.toThrow(/num_hidden_secrets was 2 and is 3/);
  expect(await begun(folder, jobsOf(3), false)).toEqual(earlier);
  expect(await begun(folder, jobsOf(2), true)).toEqual(earlier);
});
