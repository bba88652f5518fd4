/**
 * The results of shards: written and read to the bit, merged to what one process has, and refused by name where they do not
 * belong together. Made by hand here; test/cli/shards.test.ts trains some.
 */
import { expect, test } from 'vitest';
import {
  type FinishedShard,
  finishedShardIn,
  finishedShardText,
  shardOfName,
  shardStem,
} from '../../../src/bench/shards/file.js';
import { mergeShards } from '../../../src/bench/shards/merge.js';
import { summarize } from '../../../src/bench/summary.js';
import { summaryConfig, taskOfConfig } from '../../../src/bench/summary-config.js';
import fc from '../../properties.js';
import { fingerprintOf, resultOf, SEED, shardAt, tasks } from './four-shards.js';

const all = (changes: Record<number, (shard: FinishedShard) => void> = {}) =>
  [1, 2, 3, 4].map((index) => shardAt(index, changes[index]));

test('a file has what was written, to the bit', () => {
  for (const { path, shard } of all()) {
    const read = finishedShardIn(path, finishedShardText(shard), shard);
    expect(read).toEqual(shard);
  }
});

test('a task comes back from the words of a summary', () => {
  for (const task of tasks) expect(taskOfConfig(summaryConfig(task, 1))).toEqual(task);
});

test('names: of as many digits as the count has, and no other file is taken for one', () => {
  expect(shardStem({ index: 3, count: 16 })).toBe('shard-03-of-16');
  for (const kind of ['json', 'checkpoint', 'lock'])
    expect(shardOfName(`shard-03-of-16.${kind}`)).toEqual({ shard: { index: 3, count: 16 }, kind });
  for (const name of ['shard-3-of-16.json', 'shard-03-of-16.svg', 'my-shard-03-of-16.json', 'a.json'])
    expect(shardOfName(name)).toBeUndefined();
});

test('a damaged file is refused or reads as it was', () => {
  const { path, shard } = shardAt(2);
  const text = finishedShardText(shard);
  const change = fc.record({ at: fc.nat(text.length - 1), to: fc.string({ maxLength: 3 }), cut: fc.nat(3) });
  fc.assert(
    fc.property(change, ({ at, to, cut }) => {
      let read: FinishedShard | undefined;
      try {
        read = finishedShardIn(path, text.slice(0, at) + to + text.slice(at + cut), shard);
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-input', message: expect.stringContaining(path) });
      }
      if (read) expect(read).toEqual(shard);
    }),
  );
});

test('a file of another version, format or number is refused', () => {
  const { path, shard } = shardAt(2);
  expect(() => finishedShardIn(path, finishedShardText({ ...shard, index: 3 }), shard)).toThrow(
    /is of shard 3 of 4, and not of the one in its name/,
  );
  expect(() => finishedShardIn(path, '{"integrity": "1 sha256 00"}', shard)).toThrow(
    /is damaged or was changed/,
  );
});

test('merged: the summaries of one process, whatever the order of the files', () => {
  const { evaluations, missing } = mergeShards(all().reverse());
  expect(missing).toEqual([]);
  for (const [e, { summary, seconds, lost, checkpoint }] of evaluations.entries()) {
    const runs = Array.from({ length: 15 }, (_, run) => resultOf(run));
    expect(JSON.stringify(summary)).toBe(
      JSON.stringify(summarize('mine', tasks[e], SEED, runs, true, ['subgroup'], fingerprintOf(e))),
    );
    expect({ seconds, lost }).toEqual({ seconds: 1 + 2 + 3 + 4, lost: ['device-lost'] });
    expect(checkpoint.windows).toHaveLength(30);
    expect(checkpoint.datasets.map(({ secret }) => secret)).toEqual([0, 1, 2]);
  }
});

test('a gap is refused by its number; --partial merges the rest', () => {
  const files = all().filter(({ shard }) => shard.index !== 3);
  expect(() => mergeShards(files)).toThrow(
    /Of 4 shards this one is missing: 3\. Start them again, .*--partial/,
  );
  expect(() => mergeShards(files.slice(1))).toThrow(/Of 4 shards 2 are missing: 1, 3\./);
  const { evaluations, missing } = mergeShards(files, { partial: true });
  expect(missing).toEqual([3]);
  for (const { summary } of evaluations) {
    expect(summary.complete).toBe(false);
    expect(summary.results.length).toBeLessThan(15);
  }
});

type Change = (shard: FinishedShard) => void;
test.each<[string, Change, RegExp]>([
  [
    'a double',
    (s) => (s.index = 1),
    /Shard 1 is there twice: out\/shard-1-of-4\.json and out\/shard-1-of-4\.json/,
  ],
  [
    'another count',
    (s) => (s.count = 5),
    /shard-1-of-4\.json is one of 4 shards, and out\/shard-2-of-5\.json is one of 5/,
  ],
  [
    'another source',
    (s) => (s.parts[0].fingerprint.source = { 'mine.ts': 'bb' }),
    /of another evaluation than .*source mine\.ts was changed/,
  ],
  ['another seed', (s) => (s.parts[1].fingerprint.config.seed = 8), /seed was 7 and is 8/],
  ['another task', (s) => (s.parts[1].fingerprint.config.max_steps = 8), /task max_steps was 4000 and is 8/],
  [
    'another kernel asked for',
    (s) => (s.parts[0].fingerprint.kernel = 'portable'),
    /kernel was auto and is portable/,
  ],
  [
    'another training set',
    (s) => (s.parts[0].fingerprint.datasets[0] = 'x'),
    /the dataset of secret 0 is another/,
  ],
  [
    'another label',
    (s) => (s.parts[0].label = 'other'),
    /is of other, mine-n9-k2, and out\/shard-1-of-4\.json is of mine-n8-k2, mine-n9-k2/,
  ],
  ['fewer evaluations', (s) => s.parts.pop(), /shard-2-of-4\.json is of mine-n8-k2, and/],
  ['a run too few', (s) => s.parts[0].results.pop(), /its runs of mine-n8-k2 are not those of shard 2/],
  [
    'a run twice',
    (s) => s.parts[0].results.push(s.parts[0].results[0]),
    /its runs of mine-n8-k2 are not those/,
  ],
  [
    'another kernel',
    (s) => (s.parts[1].kernels = ['portable']),
    /different kernels: subgroup \(out\/shard-1-of-4\.json\), portable \(out\/shard-2-of-4\.json\)\..*--mixed.*--kernel NAME/,
  ],
  [
    'another adapter',
    (s) => (s.adapters = ['b']),
    /different adapters: a card, its driver \(.*\), b \(out\/shard-2/,
  ],
  [
    'a change of adapter',
    (s) => s.adapters.push('b'),
    /different adapters: a card, its driver \(.*\), b \(out\/shard-2/,
  ],
])('%s is refused', (_, change, reason) => {
  expect(() => mergeShards(all({ 2: change }))).toThrow(reason);
  expect(() => mergeShards(all({ 2: change }))).toThrow(expect.objectContaining({ code: 'bad-input' }));
});

test('another training set is refused where shards between the two have made none', () => {
  const datasets = (digest: string | null) => (shard: FinishedShard) => {
    shard.parts[0].fingerprint.datasets[0] = digest;
  };
  expect(() => mergeShards(all({ 2: datasets(null), 3: datasets('x') }))).toThrow(
    /shard-3-of-4\.json is of another evaluation than .*: the dataset of secret 0 is another/,
  );
});

test('--mixed merges other kernels and adapters, and the summary says which', () => {
  const change: Change = (shard) => {
    shard.adapters = ['b'];
    shard.parts[1].kernels = ['portable'];
  };
  const [first, second] = mergeShards(all({ 3: change }), { mixed: true }).evaluations;
  expect(first.summary).toMatchObject({ kernels: ['subgroup'], adapters: ['a card, its driver', 'b'] });
  expect(second.summary).toMatchObject({ kernels: ['subgroup', 'portable'], complete: true });
});

test('nothing to merge is said', () => {
  expect(() => mergeShards([])).toThrow(/There is no result of a shard/);
});
