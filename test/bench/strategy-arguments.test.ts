/**
 * A strategy as an adversary, in this thread: whatever it does to what it is given, keeps of what it has handed over, or
 * answers from one time to the next, its examination stays the same.
 */
import { describe, expect, test } from 'vitest';
import { makeTestSet, makeTrainingSet } from '../../src/bench/dataset.js';
import { Evaluation } from '../../src/bench/evaluate.js';
import { makeWeights, prepareOptimizer } from '../../src/bench/prepare.js';
import { sampleSecrets } from '../../src/bench/secrets.js';
import type { Model, Strategy } from '../../src/bench/strategy.js';
import { makeTask, type Task } from '../../src/bench/task.js';
import { BitMatrix, BitVector } from '../../src/tensor/bits.js';

const task = makeTask('n8-k2', 'smoke', { hiddenWidth: 4, testSetSize: 64 });
const secret = sampleSecrets(task, 42)[0];
const good: Strategy = {
  name: 'mine',
  initModel() {},
  makeDataset: () => ({ x: [[0, 1, 1, 0, 0, 0, 0, 0]], y: [1] }),
  getOptimizerConfig: () => ({ lr: 0.1, wd: 0, beta1: 0.9, beta2: 0.99 }),
};

/** Everything that a strategy could do to a secret and a task. */
const MUTATIONS: [what: string, mutate: (secret: number[], task: Task) => void][] = [
  ['secret.splice(1)', (secret) => secret.splice(1)],
  ['secret.sort()', (secret) => secret.sort((a, b) => b - a)],
  ['secret.reverse()', (secret) => secret.reverse()],
  ['secret.pop()', (secret) => secret.pop()],
  ['secret.push(1)', (secret) => secret.push(1)],
  ['secret.fill(0)', (secret) => secret.fill(0)],
  ['secret.length = 1', (secret) => Object.assign(secret, { length: 1 })],
  ['secret[0] = 7', (secret) => Object.assign(secret, [7])],
  ['a prototype', (secret) => Object.setPrototypeOf(secret, null)],
  ['a property', (secret) => Object.defineProperty(secret, 0, { get: () => 1 })],
  ['task.testSetSize = 1', (_, task) => Object.assign(task, { testSetSize: 1 })],
  ['task.maxTrainExamples', (_, task) => Object.assign(task, { maxTrainExamples: 1e9 })],
  ['another field', (_, task) => Object.assign(task, { note: 1 })],
  [
    'no field',
    (_, task) => Reflect.deleteProperty(task, 'testSetSize') || delete (task as Partial<Task>).orders,
  ],
];

describe('arguments are frozen copies', () => {
  test.each(MUTATIONS)('%s in makeDataset is refused by name', (_, mutate) => {
    const strategy: Strategy = {
      ...good,
      makeDataset(secret, task, seed) {
        mutate(secret as number[], task);
        return good.makeDataset(secret, task, seed);
      },
    };
    const before = structuredClone([secret, task]);
    expect(() => makeTrainingSet(strategy, secret, task, 1)).toThrow(
      expect.objectContaining({
        code: 'bad-input',
        message: expect.stringMatching(
          /^Strategy 'mine', makeDataset: tried to change an argument, or another frozen object: .*change a copy/,
        ),
      }),
    );
    expect([secret, task]).toEqual(before);
  });

  test.each(['initModel', 'getOptimizerConfig'] as const)('task.testSetSize = 1 in %s is refused', (name) => {
    const mutate = (task: Task) => {
      task.testSetSize = 1;
    };
    const strategy = { ...good, initModel: (_: Model, task: Task) => mutate(task) };
    const config = { ...good, getOptimizerConfig: mutate } as unknown as Strategy;
    const call = {
      initModel: () => makeWeights(strategy, task, 1),
      getOptimizerConfig: () => prepareOptimizer(config, task),
    };
    expect(call[name]).toThrow(new RegExp(`'mine', ${name}: tried to change an argument.*testSetSize`));
  });

  test('a mutation that the strategy hides changes nothing: secret, test sets and limits are the originals', async () => {
    const seen: unknown[] = [];
    const strategy: Strategy = {
      ...good,
      makeDataset(secret, task, seed) {
        seen.push(structuredClone([secret, task]));
        for (const [, mutate] of MUTATIONS) {
          try {
            mutate(secret as number[], task);
          } catch {}
        }
        return good.makeDataset(secret, task, seed);
      },
    };
    const mine = { ...task };
    const evaluation = await Evaluation.prepare(strategy, mine, 42);
    mine.testSetSize = 1; // nor does the caller's own
    expect(evaluation.task).toEqual(task);
    expect(seen).toEqual(sampleSecrets(task, 42).map((secret) => [secret, task]));
    expect(evaluation.fingerprint().config.test_set_size).toBe(64);
    expect(makeTestSet(secret, evaluation.task, 9).x.rows).toBe(64);
  });
});

describe('what was handed over is the strategy’s no more', () => {
  test('packed bits, used again for every secret and changed in between', () => {
    const x = new BitMatrix(2, 8, Uint32Array.of(1, 2));
    const y = new BitVector(2, Uint32Array.of(3));
    const strategy = { ...good, makeDataset: () => ({ x, y }) };
    const first = makeTrainingSet(strategy, secret, task, 1);
    structuredClone(first.x.words, { transfer: [first.x.words.buffer] }); // as it goes to another thread
    const second = makeTrainingSet(strategy, secret, task, 2);
    x.words.fill(0);
    y.words.fill(0);
    expect([...second.x.words]).toEqual([1, 2]);
    expect(new BitVector(2, Uint32Array.of(3))).toEqual(packed(second.y));
  });

  const packed = (y: unknown) => (y instanceof Uint32Array ? new BitVector(2, y) : y);

  test('weight arrays: kept, shared by both layers, replaced, changed later', () => {
    const kept = new Float32Array(4 * 8).fill(0.5);
    const strategy: Strategy = {
      ...good,
      initModel(model) {
        model.hidden.weight = { shape: [4, 8], data: kept };
        model.hidden.bias = { shape: [4], data: kept.subarray(0, 4) };
      },
    };
    const weights = makeWeights(strategy, task, 1);
    kept.fill(Number.NaN);
    expect(weights.w1).toEqual(new Float32Array(32).fill(0.5));
    expect(weights.b1).toEqual(new Float32Array(4).fill(0.5));
    expect(weights.w1.buffer).not.toBe(weights.b1.buffer);
  });

  test('memory that another thread can write to is copied', () => {
    const shared = new Uint32Array(new SharedArrayBuffer(4)).fill(6);
    const floats = new Float32Array(new SharedArrayBuffer(16)).fill(2);
    const strategy: Strategy = {
      ...good,
      makeDataset: () => ({ x: new BitMatrix(1, 8, shared), y: [1] }),
      initModel: (model) => void Object.assign(model.hidden, { bias: { shape: [4], data: floats } }),
    };
    const { x } = makeTrainingSet(strategy, secret, task, 1);
    expect([x.words.buffer instanceof ArrayBuffer, x.words[0]]).toEqual([true, 6]);
    expect(makeWeights(strategy, task, 1).b1.buffer).toBeInstanceOf(ArrayBuffer);
  });

  test('a subclass or a look-alike of BitMatrix comes out as one of ours; bits beyond its columns are refused', () => {
    class Mine extends BitMatrix {
      override get(): number {
        return 1;
      }
    }
    const of = (x: unknown) =>
      makeTrainingSet({ ...good, makeDataset: () => ({ x, y: [1] }) } as Strategy, secret, task, 1).x;
    const words = Uint32Array.of(4);
    for (const x of [new Mine(1, 8, words), new Proxy(new BitMatrix(1, 8, words), {})]) {
      expect(Object.getPrototypeOf(of(x))).toBe(BitMatrix.prototype);
      expect(of(x).get(0, 0)).toBe(0);
    }
    const beyond = new BitMatrix(1, 8);
    beyond.words[0] = 1 << 8;
    expect(() => of(beyond)).toThrow(/makeDataset: x has bits set beyond column 7/);
    const grown = new Mine(1, 8);
    Object.assign(grown, { rows: 2 });
    expect(() => of(grown)).toThrow(/'mine', makeDataset: /);
  });
});

describe('answers are read once', () => {
  test('settings whose getters give another value each time', () => {
    let reads = 0;
    const config = { ...good.getOptimizerConfig(task) };
    Object.defineProperty(config, 'lr', { enumerable: true, get: () => [0.1, Number.NaN][reads++] });
    expect(prepareOptimizer({ ...good, getOptimizerConfig: () => config }, task).lr).toBe(0.1);
    expect(reads).toBe(1);
  });

  test('getOptimizerConfig is asked once an evaluation', async () => {
    let calls = 0;
    const getOptimizerConfig = () => ({ ...good.getOptimizerConfig(task), lr: 0.1 * ++calls });
    const evaluation = await Evaluation.prepare({ ...good, getOptimizerConfig }, task);
    expect([calls, evaluation.fingerprint().optimizer.lr]).toEqual([1, 0.1]);
  });

  test('x that grows between two looks at it is refused', () => {
    let looks = 0;
    const row = [0, 0, 0, 0, 0, 0, 0, 0];
    const x = new Proxy([row, row, row, row], {
      get: (rows, key) => (key === 'length' ? (looks++ < 3 ? 1 : 4) : Reflect.get(rows, key)),
    });
    const strategy = { ...good, makeDataset: () => ({ x, y: [0] }) };
    expect(() => makeTrainingSet(strategy, secret, { ...task, maxTrainExamples: 2 }, 1)).toThrow(
      /'mine', makeDataset: .*(limit is 2|labels)/,
    );
  });
});

describe('keys that mean nothing are refused by name', () => {
  const config = good.getOptimizerConfig(task);
  test.each([
    ['weight_decay', 'did you mean wd?'],
    ['betas', 'give beta1 and beta2'],
    ['eps', 'it is fixed at 1e-8'],
    ['beta_1', 'did you mean beta1?'],
    ['amsgrad', 'there is lr, wd, beta1, beta2'],
  ])('getOptimizerConfig: %s', (key, hint) => {
    const strategy = { ...good, getOptimizerConfig: () => ({ ...config, [key]: 1 }) };
    expect(() => prepareOptimizer(strategy, task)).toThrow(`returned an unknown key ${key}; ${hint}`);
  });

  test('makeDataset and the model', () => {
    const data = { ...good, makeDataset: () => ({ x: [[0, 0, 0, 0, 0, 0, 0, 0]], y: [1], z: 1 }) };
    expect(() => makeTrainingSet(data, secret, task, 1)).toThrow(
      "'mine', makeDataset: returned an unknown key z",
    );
    const set = (init: (model: Record<string, unknown>) => void) => () =>
      makeWeights({ ...good, initModel: init as unknown as Strategy['initModel'] }, task, 1);
    expect(set((model) => void Object.assign(model, { hiden: model.hidden }))).toThrow(
      /unknown key hiden; did you mean hidden/,
    );
    expect(set((model) => void Object.assign(model.hidden as object, { weights: 1 }))).toThrow(
      /set on model.hidden an unknown key weights; did you mean weight/,
    );
  });
});
