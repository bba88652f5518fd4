/**
 * Every way to be a bad strategy, called in this thread: whatever its functions return or throw is its own mistake, told
 * in one line that names strategy and function, and never an error of ours. Threads: strategy-thread.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { makeTrainingSet } from '../../src/bench/dataset.js';
import { makeWeights, prepareOptimizer } from '../../src/bench/prepare.js';
import { defineStrategy, type Strategy, strategyOfModule } from '../../src/bench/strategy.js';
import { makeTask } from '../../src/bench/task.js';
import { LockstepError } from '../../src/platform/errors.js';
import { BitMatrix } from '../../src/tensor/bits.js';
import fc from '../properties.js';

const task = makeTask('n4-k2', 'smoke', { hiddenWidth: 2 });
const good: Strategy = {
  name: 'mine',
  initModel() {},
  makeDataset: () => ({ x: [[0, 1, 1, 0]], y: [1] }),
  getOptimizerConfig: () => ({ lr: 0.1, wd: 0, beta1: 0.9, beta2: 0.99 }),
};
const FUNCTIONS = ['initModel', 'makeDataset', 'getOptimizerConfig'] as const;
type Name = (typeof FUNCTIONS)[number];

/** Calls one function of a strategy in which it is replaced. */
function ask(name: Name, replacement: () => unknown): unknown {
  const strategy = { ...good, [name]: replacement } as Strategy;
  if (name === 'initModel') return makeWeights(strategy, task, 1);
  if (name === 'makeDataset') return makeTrainingSet(strategy, [0, 1], task, 1);
  return prepareOptimizer(strategy, task);
}

/** The message of the mistake, which must be one line of the user's that names the strategy. */
function mistake(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(LockstepError);
    const { code, message } = error as LockstepError;
    expect(code).toBe('bad-input');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(message.length).toBeLessThan(1000);
    return message;
  }
  throw new Error('nothing was thrown');
}

const cyclic: unknown[] = [];
cyclic[0] = cyclic;
const throwing = (key: string) => Object.defineProperty({}, key, { get: raise, enumerable: true });
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const detached = () => {
  const x = new BitMatrix(1, 4);
  structuredClone(x.words, { transfer: [x.words.buffer] });
  return x;
};
function raise(): never {
  throw new Error('from within');
}
const recurse = (): number => 1 + recurse();

/** Values that a function might return, none of which is of use. */
const STRANGE: [what: string, value: () => unknown][] = [
  ['a BigInt', () => 1n],
  ['a symbol', () => Symbol('s')],
  ['a date', () => new Date()],
  ['a regular expression', () => /x/],
  ['a function', () => () => 1],
  ['a class', () => class Rows {}],
  ['a map', () => new Map([['x', 1]])],
  ['null', () => null],
  ['true', () => true],
  ['a text', () => '\u001b[31mred'],
  ['an object without a prototype', () => Object.create(null)],
  ['a cyclic array', () => cyclic],
  ['a revoked proxy', revoked],
  ['a getter that throws', () => throwing('then')],
  ['a promise', () => Promise.resolve(1)],
  ['a promise that is rejected', () => Promise.reject(new Error('later'))],
  ['a thenable', () => Object.fromEntries([['then', raise]])],
  ['an async generator', () => (async function* () {})()],
  ['a view of bytes', () => new DataView(new ArrayBuffer(8))],
  ['shared memory', () => new SharedArrayBuffer(8)],
];

describe.each(FUNCTIONS)('%s', (name) => {
  test.each(STRANGE)('returns %s', (_, value) => {
    expect(mistake(() => ask(name, value))).toMatch(new RegExp(`^Strategy 'mine', ${name}: `));
  });

  test.each<[string, () => unknown]>([
    ['null', () => null],
    ['undefined', () => undefined],
    ['a text', () => 'no\nway\u001b[2J'],
    ['a number', () => 7],
    ['a symbol', () => Symbol('s')],
    ['an object without a prototype', () => Object.create(null)],
    ['a revoked proxy', revoked],
    ['an error without a message', () => new Error('')],
    ['an error whose message throws', () => Object.defineProperty(new Error('x'), 'message', { get: raise })],
    [
      'an error whose message is no text',
      () => Object.assign(new Error('x'), { message: { toString: raise } }),
    ],
    ['an error whose stack throws', () => Object.defineProperty(new Error('x'), 'stack', { get: raise })],
    ['an error of many lines', () => new Error('one\n  two\r\n\u0007three')],
    ['an endless message', () => new Error('x'.repeat(1e6))],
    ['an error of ours', () => new LockstepError('device-lost', 'gone')],
  ])('throws %s', (_, value) => {
    const message = mistake(() =>
      ask(name, () => {
        throw value();
      }),
    );
    expect(message).toMatch(new RegExp(`^Strategy 'mine', ${name}: threw: .+`));
  });

  test('recurses without end', () => {
    expect(mistake(() => ask(name, recurse))).toMatch(/threw: Maximum call stack size exceeded/);
  });

  test('returns anything at all', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    const key = fc.constantFrom('x', 'y', 'lr', 'wd', 'data', 'shape', 'words', 'rows', 'cols', 'length');
    fc.assert(
      fc.property(fc.oneof(anything, fc.dictionary(key, anything), fc.tuple(anything, anything)), (value) => {
        try {
          ask(name, () => value);
        } catch (error) {
          expect(mistake(() => ask(name, () => value))).toContain(`Strategy 'mine', ${name}: `);
          expect((error as LockstepError).code).toBe('bad-input');
        }
      }),
      { numRuns: 300 },
    );
  });
});

const row = [0, 1, 1, 0];
test.each<[string, () => unknown, RegExp]>([
  ['BigInts in x', () => ({ x: [[0n, 1n, 1n, 0n]], y: [1] }), /BigInt/],
  ['a BigInt64Array', () => ({ x: [new BigInt64Array(4)], y: [1] }), /BigInt/],
  ['BigInts in y', () => ({ x: [row], y: [1n] }), /BigInt/],
  ['a symbol in y', () => ({ x: [row], y: [Symbol('s')] }), /y\[0\] is /],
  ['an x whose getter throws', () => ({ ...throwing('x'), y: [1] }), /from within/],
  ['rows whose getter throws', () => ({ x: [throwing('0')], y: [1] }), /x /],
  ['bits whose words getter throws', () => ({ x: throwing('words'), y: [1] }), /cannot be read: from within/],
  ['a revoked proxy for x', () => ({ x: revoked(), y: [1] }), /cannot be read: .*revoked/],
  ['bits that were handed over before', () => ({ x: detached(), y: [1] }), /x.* words/],
  ['x within itself', () => ({ x: cyclic, y: [1] }), /x|call stack/],
  [
    'rows of no whole number',
    () => ({ x: { rows: 1.5, cols: 4, words: new Uint32Array(2) }, y: [1] }),
    /rows|x is/,
  ],
])('makeDataset returns %s', (_, value, reason) => {
  expect(mistake(() => ask('makeDataset', value))).toMatch(reason);
});

describe('a module that is no strategy', () => {
  const { initModel, makeDataset, getOptimizerConfig } = good;
  test.each<[string, unknown, RegExp]>([
    ['nothing', {}, /no function initModel/],
    ['null', null, /no function initModel/],
    ['a function', { default: () => good }, /is a function; it must be an object/],
    ['a class', { default: class Mine {} }, /is a class \(export an instance/],
    ['a promise', { default: Promise.resolve(good) }, /is an object \(Promise\)/],
    ['a BigInt', { default: 1n }, /is the BigInt 1n/],
    ['a text', { default: 'starter' }, /is the text "starter"/],
    ['a revoked proxy', { default: revoked() }, /cannot be read: /],
    ['a getter that throws', { default: throwing('initModel') }, /cannot be read: from within/],
    [
      'a number for a function',
      { default: { ...good, makeDataset: 3 } },
      /no function makeDataset \(it is number\)/,
    ],
    [
      'a misspelt function',
      { initmodel: initModel, makeDataset, getOptimizerConfig },
      /initmodel; did you mean initModel/,
    ],
    ['no name', { default: { ...good, name: ' ' } }, /has no name/],
    ['a name that is no text', { default: { ...good, name: 7 } }, /has no name \(it is the number 7\)/],
    [
      'a name with an escape',
      { default: { ...good, name: 'a\u001b[31mb' } },
      /'a\\u001b\[31mb', has a control character/,
    ],
    ['a name of lines', { default: { ...good, name: 'a\nb' } }, /has a control character/],
    [
      'a name that turns the text around',
      { default: { ...good, name: 'a\u202eb' } },
      /has a control character/,
    ],
    ['half of a character', { default: { ...good, name: 'a\ud83d' } }, /has a control character/],
    ['a long name', { default: { ...good, name: 'é'.repeat(51) } }, /has 102 bytes; it may have 100/],
  ])('%s', (_, module, reason) => {
    expect(mistake(() => strategyOfModule(module, '/folder/mine.ts'))).toMatch(reason);
  });

  test('a file with an escape in its name gives a name that can be shown', () => {
    const functions = { initModel, makeDataset, getOptimizerConfig };
    expect(strategyOfModule(functions, '/folder/a\u001b[31mb.ts').name).toBe('a\\u001b[31mb');
    expect(strategyOfModule(functions, `/folder/${'é'.repeat(80)}.ts`).name).toMatch(/^é+…?$/);
  });

  test('defineStrategy refuses what it does not know', () => {
    const misspelt = { ...good, descripton: 'x' } as Strategy;
    expect(mistake(() => defineStrategy(misspelt))).toMatch(
      /unknown option descripton; did you mean description/,
    );
    expect(mistake(() => defineStrategy(null as never))).toMatch(/the strategy is null/);
    expect(mistake(() => defineStrategy(class {} as never))).toMatch(/is a class/);
  });
});
