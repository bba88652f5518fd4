/**
 * Damaged, changed, swapped and foreign files: what `--resume` reads is refused by its name, or is what was written, never
 * something else. In memory; what the command says is tested in test/cli.
 */
import { describe, expect, test } from 'vitest';
import { checkCheckpoint } from '../../src/bench/checkpoint.js';
import { checkpointBytes, checkpointOf } from '../../src/bench/checkpoint-file.js';
import type { EvaluationCheckpoint } from '../../src/bench/events.js';
import type { Fingerprint } from '../../src/bench/fingerprint.js';
import { sealBytes, unsealBytes } from '../../src/bench/seal.js';
import { type Summary, summarize } from '../../src/bench/summary.js';
import { summaryConfig } from '../../src/bench/summary-config.js';
import { summaryIn, summaryText } from '../../src/bench/summary-file.js';
import { makeTask } from '../../src/bench/task.js';
import { LockstepError } from '../../src/platform/errors.js';
import fc from '../properties.js';

const task = makeTask('n8-k2', 'smoke', { maxSteps: 1000 });
const PATH = '/results/mine_seed42.checkpoint';

const fingerprintOf = (seed: number): Fingerprint => ({
  strategy: 'mine',
  source: { 'mine.ts': 'aa' },
  optimizer: { lr: 0.1, weightDecay: 0, betas: [0.9, 0.99] },
  config: summaryConfig(task, seed),
  kernel: 'auto',
  datasets: ['d0', null],
});

/** As an evaluation has it: one run done, one that diverged, two under way. */
function checkpointAt(step: number): EvaluationCheckpoint {
  const state = (seed: number) => Float32Array.from({ length: 200 }, (_, i) => Math.sin(seed + i));
  const under = (order: number) => ({
    steps: step,
    kernel: 'portable' as const,
    state: state(step + order),
    sums: Uint32Array.from({ length: 4 }, (_, i) => i * order),
    stableWindows: 1,
    of: { data: '4096 examples, checksum 1f', batchSize: 128, orderSeed: order },
  });
  return {
    fingerprint: fingerprintOf(42),
    kernels: ['portable'],
    datasets: [{ secret: 0, examples: 4096, positiveRate: 0.5 }],
    results: [
      { secretIndex: 0, orderIndex: 0, steps: 400, testAccuracy: 0.75 },
      { secretIndex: 0, orderIndex: 1, steps: 7, testAccuracy: Number.NaN, nonFinite: true },
    ],
    windows: [{ type: 'window', secret: 0, order: 0, step: 100, loss: 0.7, accuracy: 0.5 }],
    runs: [0, 1].map((order) => ({ secret: 1, order, checkpoint: under(order) })),
  };
}

const summaryOf = (seed: number, complete = true): Summary =>
  summarize(
    'mine',
    task,
    seed,
    [0, 1, 2, 3].map((run) => ({
      secretIndex: run >> 1,
      orderIndex: run & 1,
      steps: 400 + 100 * run,
      testAccuracy: 1 / (run + seed),
    })),
    complete,
    ['portable'],
    fingerprintOf(seed),
  );

/** A change of a file. Each place is a share of its length. */
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: share, bit: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ kind: fc.constant('byte' as const), at: share, value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: share }),
  fc.record({ kind: fc.constant('drop' as const), at: share, length: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ kind: fc.constant('insert' as const), at: share, bytes: fc.uint8Array({ minLength: 1 }) }),
  fc.record({
    kind: fc.constant('swap' as const),
    at: share,
    to: share,
    length: fc.integer({ min: 1, max: 32 }),
  }),
  fc.record({ kind: fc.constant('zeros' as const), at: share, length: fc.integer({ min: 1, max: 512 }) }),
  fc.record({ kind: fc.constant('splice' as const), at: share }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

/** @param other A good file of the same kind, whose end `splice` takes. */
function mutate(file: Uint8Array, other: Uint8Array, change: Mutation): Buffer {
  const bytes = Buffer.from(file);
  const at = Math.floor(change.at * bytes.length);
  switch (change.kind) {
    case 'flip':
      bytes[at] ^= 1 << change.bit;
      return bytes;
    case 'byte':
      bytes[at] = change.value;
      return bytes;
    case 'cut':
      return bytes.subarray(0, at);
    case 'drop':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + change.length)]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at)]);
    case 'zeros':
      return bytes.fill(0, at, Math.min(bytes.length, at + change.length));
    case 'splice':
      return Buffer.concat([bytes.subarray(0, at), other.subarray(at)]);
    case 'swap': {
      const to = Math.floor(change.to * bytes.length);
      const length = Math.min(change.length, bytes.length - Math.max(at, to));
      const [a, b] = [at, to].map((place) => Buffer.from(bytes.subarray(place, place + length)));
      b.copy(bytes, at);
      a.copy(bytes, to);
      return bytes;
    }
  }
}

/** What `read` gives, or its refusal, which must be a LockstepError that names the file and says what to do. */
function readOrRefusal<T>(read: () => T): T | 'refused' {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(LockstepError);
    expect(error).toMatchObject({ code: 'bad-input', message: expect.stringContaining(PATH) });
    expect((error as Error).message).toMatch(/Delete it or leave out --resume/);
    return 'refused';
  }
}

test('600 mutations of a checkpoint: each is refused, or nothing was changed', () => {
  const whole = checkpointBytes(checkpointAt(200));
  const other = checkpointBytes(checkpointAt(300));
  let refused = 0;
  fc.assert(
    fc.property(mutation, (change) => {
      const bytes = mutate(whole, other, change);
      const read = readOrRefusal(() => checkpointOf(PATH, bytes));
      if (read === 'refused') refused++;
      else expect([whole, other].some((file) => file.equals(bytes))).toBe(true);
    }),
    { numRuns: 600, seed: 10 },
  );
  expect(refused).toBeGreaterThan(400); // the others happened to change nothing
  expect(checkpointOf(PATH, whole)).toEqual(checkpointAt(200));
});

test('every single bit of the header and every cut of it counts', () => {
  const whole = checkpointBytes(checkpointAt(200));
  for (let bit = 0; bit < 8 * 80; bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    expect(readOrRefusal(() => checkpointOf(PATH, bytes))).toBe('refused');
    expect(readOrRefusal(() => checkpointOf(PATH, whole.subarray(0, bit >> 3)))).toBe('refused');
  }
});

test('600 mutations of a finished JSON: each is refused, or says the same', () => {
  const expected = fingerprintOf(3);
  const whole = summaryOf(3);
  const [text, other] = [whole, summaryOf(4)].map((summary) => Buffer.from(summaryText(summary)));
  let refused = 0;
  fc.assert(
    fc.property(mutation, (change) => {
      const bytes = mutate(text, other, change);
      const read = readOrRefusal(() => summaryIn(PATH, bytes.toString('utf8'), expected));
      if (read === 'refused') refused++;
      else expect(read).toEqual(whole);
    }),
    { numRuns: 600, seed: 10 },
  );
  expect(refused).toBeGreaterThan(450);
  expect(summaryIn(PATH, text.toString(), expected)).toEqual(whole);
});

describe('files that are whole and not ours', () => {
  const body = Buffer.from('body');
  test.each([
    ['another format', sealBytes({ format: 2, version: '1.0.0' }, body), /has format 2; .* reads format 1/],
    ['another version', sealBytes({ format: 1, version: '0.9.0' }, body), /written by lockstep-gpu 0\.9\.0/],
    [
      'another program',
      Buffer.from('\x89PNG\r\n\x1a\n'.repeat(20), 'latin1'),
      /is no checkpoint of lockstep-gpu/,
    ],
    ['an empty file', Buffer.alloc(0), /is no checkpoint of lockstep-gpu/],
  ])('%s', (_, bytes, reason) => {
    expect(() => unsealBytes(PATH, { format: 1, version: '1.0.0' }, bytes)).toThrow(reason);
  });

  const expected = fingerprintOf(3);
  const good = () => JSON.parse(summaryText(summaryOf(3)));
  test.each<[string, () => unknown, RegExp]>([
    ['no seal', () => summaryOf(3), /no "integrity" field/],
    ['a seal of another format', () => ({ ...good(), integrity: '2 sha256 00' }), /has format 2/],
    ['a better score', () => ({ ...good(), metrics: { ...good().metrics, score: 1 } }), /was changed after/],
    ['one key more', () => ({ ...good(), note: 'mine' }), /was changed after/],
    ['a list', () => [good()], /is no result of lockstep-gpu/],
    ['null', () => null, /is no result of lockstep-gpu/],
    ['another seed', () => JSON.parse(summaryText(summaryOf(4))), /another evaluation: seed was 4 and is 3/],
  ])('a JSON: %s', (_, value, reason) => {
    const text = JSON.stringify(value());
    expect(() => summaryIn(PATH, text, expected)).toThrow(reason);
    expect(readOrRefusal(() => summaryIn(PATH, text, expected))).toBe('refused');
  });

  test('an interrupted evaluation is read too; white space does not count', () => {
    expect(summaryIn(PATH, summaryText(summaryOf(3, false)), expected)).toEqual(summaryOf(3, false));
    const { fingerprint: _, ...early } = summaryOf(3, false); // before the strategy had answered
    expect(summaryIn(PATH, summaryText(early), expected)).toEqual(early);
    expect(summaryIn(PATH, JSON.stringify(good()), expected)).toEqual(summaryOf(3));
  });
});

describe('a checkpoint object', () => {
  test('is taken as events give it', () => {
    expect(() => checkCheckpoint(checkpointAt(200), task)).not.toThrow();
  });

  type Draft = ReturnType<typeof checkpointAt>;
  test.each<[string, (draft: Draft) => void, RegExp]>([
    ['steps below 0', (d) => (d.results[0].steps = -3945104884), /results\[0\] stands at step -3945104884/],
    ['steps beyond the end', (d) => (d.runs[1].checkpoint.steps = 1000), /runs\[1\] stands at step 1000/],
    ['steps between numbers', (d) => (d.windows[0].step = 1.5), /windows\[0\] stands at step 1\.5/],
    ['a secret too many', (d) => (d.runs[0].secret = 2), /runs\[0\] is of secret 2, order 0/],
    ['a run twice', (d) => (d.runs[0].order = 1), /runs\[1\] is of a run that comes twice/],
    ['a run done and under way', (d) => (d.runs[0].secret = 0), /runs\[0\] is of a run that comes twice/],
    ['an accuracy above 1', (d) => (d.results[0].testAccuracy = 1.01), /results\[0\] has accuracy 1\.01/],
    ['no such kernel', (d) => (d.kernels = ['fast']), /kernels\[0\] is fast/],
    ['no weights', (d) => Object.assign(d.runs[0].checkpoint, { state: [1] }), /runs\[0\] has no weights/],
    ['a dataset of no secret', (d) => (d.datasets[0].secret = 2), /datasets\[0\] is of secret 2, which/],
    ['a dataset twice', (d) => d.datasets.push(d.datasets[0]), /datasets\[1\] is of secret 0, .* or twice/],
    ['no examples', (d) => (d.datasets[0].examples = 0), /datasets\[0\] has no number of examples/],
    ['no list', (d) => Object.assign(d, { windows: 3 }), /windows is no list/],
  ])('%s is refused', (_, change, reason) => {
    const draft = checkpointAt(200);
    change(draft);
    expect(() => checkCheckpoint(draft, task)).toThrow(reason);
    expect(() => checkCheckpoint(draft, task)).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });
});
