/** Which shard a process is: by words, and by the variables of each scheduler. No processes here; test/cli/shards.test.ts has them. */
import { expect, test } from 'vitest';
import { shardFrom } from '../../src/platform/shard.js';

const slurm = (id: number, min: number, max: number, step = 1, count?: number) => ({
  SLURM_ARRAY_TASK_ID: `${id}`,
  SLURM_ARRAY_TASK_MIN: `${min}`,
  SLURM_ARRAY_TASK_MAX: `${max}`,
  SLURM_ARRAY_TASK_STEP: `${step}`,
  SLURM_ARRAY_TASK_COUNT: `${count ?? Math.floor((max - min) / step) + 1}`,
});

test.each([
  ['3/16', {}, undefined, { index: 3, count: 16 }],
  ['1/1', { SLURM_ARRAY_TASK_ID: '7' }, undefined, { index: 1, count: 1 }],
  ['auto', slurm(0, 0, 7), undefined, { index: 1, count: 8, found: 'SLURM_ARRAY_TASK_ID 0 of 0-7' }],
  ['auto', slurm(8, 1, 8), 8, { index: 8, count: 8, found: 'SLURM_ARRAY_TASK_ID 8 of 1-8' }],
  [
    'auto',
    slurm(14, 10, 17, 2),
    undefined,
    { index: 3, count: 4, found: 'SLURM_ARRAY_TASK_ID 14 of 10-17:2' },
  ],
  ['auto', { JOB_COMPLETION_INDEX: '0' }, 5, { index: 1, count: 5, found: 'JOB_COMPLETION_INDEX 0' }],
  [
    'auto',
    { AWS_BATCH_JOB_ARRAY_INDEX: '2', AWS_BATCH_JOB_ARRAY_SIZE: '3' },
    undefined,
    { index: 3, count: 3, found: 'AWS_BATCH_JOB_ARRAY_INDEX 2 of AWS_BATCH_JOB_ARRAY_SIZE 3' },
  ],
  [
    'auto',
    { CLOUD_RUN_TASK_INDEX: '1', CLOUD_RUN_TASK_COUNT: '4' },
    4,
    { index: 2, count: 4, found: 'CLOUD_RUN_TASK_INDEX 1 of CLOUD_RUN_TASK_COUNT 4' },
  ],
])('%s with %j', (text, env, shards, expected) => {
  expect(shardFrom(text, env, shards)).toEqual(expected);
});

test.each<[string, Record<string, string>, number | undefined, RegExp]>([
  ['17/16', {}, undefined, /Shard 17\/16: there is no shard 17 of 16; shards are counted from 1/],
  ['0/16', {}, undefined, /no shard 0 of 16/],
  ['1/0', {}, undefined, /no shard 1 of 0/],
  ['3', {}, undefined, /Shard 3: write which one of how many, as 3\/16, or auto/],
  ['-1/3', {}, undefined, /write which one of how many/],
  ['3/16', {}, 16, /\(--shards\) goes with auto/],
  [
    'auto',
    {},
    undefined,
    /none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, .* is set; name the shard, as 3\/16/,
  ],
  [
    'auto',
    { JOB_COMPLETION_INDEX: '0' },
    undefined,
    /does not say how many there are; give their number \(--shards\)/,
  ],
  ['auto', { JOB_COMPLETION_INDEX: '5' }, 5, /JOB_COMPLETION_INDEX 5\): there is no shard 6 of 5/],
  ['auto', { JOB_COMPLETION_INDEX: 'x' }, 5, /JOB_COMPLETION_INDEX is x; it must be a whole number/],
  ['auto', { SLURM_ARRAY_TASK_ID: '3' }, undefined, /SLURM_ARRAY_TASK_MIN is not set; .*name the shard/],
  ['auto', { AWS_BATCH_JOB_ARRAY_INDEX: '1' }, undefined, /AWS_BATCH_JOB_ARRAY_SIZE is not set/],
  ['auto', { CLOUD_RUN_TASK_INDEX: '', CLOUD_RUN_TASK_COUNT: '2' }, undefined, /CLOUD_RUN_TASK_INDEX is ;/],
  // A task that was started again alone, and a list: neither says which shard it is.
  ['auto', slurm(3, 3, 3), 8, /SLURM_ARRAY_TASK_ID 3 of 3-3 are 1 shards, not 8/],
  ['auto', slurm(3, 1, 7, 1, 3), undefined, /Slurm array has 3 tasks, numbered 1 to 7/],
  [
    'auto',
    { ...slurm(1, 1, 2), JOB_COMPLETION_INDEX: '0' },
    2,
    /are set, and it is not clear which one counts/,
  ],
])('%s with %j is refused', (text, env, shards, reason) => {
  expect(() => shardFrom(text, env, shards)).toThrow(reason);
  expect(() => shardFrom(text, env, shards)).toThrow(expect.objectContaining({ code: 'bad-input' }));
});
