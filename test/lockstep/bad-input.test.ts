// What the trainer refuses, field by field: with the run, the name and the value, and before anything is allocated. A
// sweep: every field of options, runs and what runs hold is given every kind of value that it does not take.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { LockstepOptions, LockstepRun } from '../../src/lockstep/types.js';
import { LockstepError } from '../../src/platform/errors.js';
import { BitMatrix, BitVector } from '../../src/tensor/bits.js';
import { outcomes, randomDataset, randomWeights } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const ROWS = 50;
const run: LockstepRun = {
  weights: randomWeights(8, 32, 1),
  dataset: randomDataset(ROWS, 8, 2),
  testSet: randomDataset(ROWS, 8, 3),
  orderSeed: 1,
  optimizer: { lr: 0.01, weightDecay: 0, betas: [0.9, 0.99], eps: 1e-8 },
};
const stop = { minSteps: 1, accuracy: 0.9, windows: 1 };
const options = {
  features: 8,
  hidden: 32,
  batchSize: 16,
  maxSteps: 3,
  logInterval: 2,
  stop,
  kernel: 'auto' as const,
  expectedRuns: 2,
  keepWeights: true,
  pauseEvery: 2,
  checkpointSeconds: 60,
  batchThreads: 0,
  signal: new AbortController().signal,
};

/** What training with these arguments throws, with nothing left on the device and no event before it. */
async function refusal(...args: unknown[]): Promise<LockstepError> {
  const before = device.memory();
  const events: unknown[] = [];
  try {
    for await (const event of trainLockstep(...(args as [Device, LockstepOptions]))) events.push(event);
  } catch (error) {
    expect(error).toBeInstanceOf(LockstepError);
    expect(device.memory()).toEqual(before);
    expect(events).toEqual([]);
    return error as LockstepError;
  }
  throw new Error(`nothing was thrown; ${events.length} events`);
}

/** A value in the place that a path such as `optimizer.betas.0` names, the rest as it was. */
function put(into: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const copy = (Array.isArray(into) ? [...into] : { ...(into as object) }) as Record<string, unknown>;
  copy[key] = put(copy[key], rest, value);
  return copy;
}

/** How a message begins to show a value. */
const WRONG: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  'the text "8"': '8',
  NaN: Number.NaN,
  '-1': -1,
  '0.5': 0.5,
  '1e+300': 1e300,
  Infinity: Number.POSITIVE_INFINITY,
  'the BigInt 8n': 8n,
  'the boolean true': true,
  'an array': [],
  'an object': {},
  'an object (Map)': new Map(),
  'a function': () => 1,
  'a symbol': Symbol('s'),
};
const except = (...fine: string[]) => Object.keys(WRONG).filter((name) => !fine.includes(name));

const whole = except('undefined');
/** Field by field, the kinds of values that it must refuse. */
const OPTIONS: Record<string, string[]> = {
  runs: except('an array', 'an object (Map)'),
  features: except(),
  hidden: whole,
  batchSize: whole,
  maxSteps: except(),
  logInterval: whole,
  expectedRuns: whole,
  pauseEvery: whole,
  batchThreads: whole,
  stop: except('undefined', 'an array', 'an object', 'an object (Map)'),
  'stop.minSteps': except(),
  'stop.accuracy': except('0.5'),
  'stop.windows': except(),
  kernel: except('undefined'),
  keepWeights: except('undefined', 'the boolean true'),
  checkpointSeconds: except('undefined', '0.5', '1e+300', 'Infinity'),
  signal: except('undefined'),
};
const objects = ['an object', 'an object (Map)', 'an array'];
const RUNS: Record<string, string[]> = {
  '': except(...objects),
  weights: except(...objects),
  'weights.w1': except(),
  'weights.b1': except(),
  'weights.w2': except(),
  'weights.b2': except(),
  dataset: except(...objects),
  'dataset.x': except('an array'),
  'dataset.y': except('an array'),
  testSet: except('undefined', ...objects),
  'testSet.x': except('an array'),
  'testSet.y': except('an array'),
  orderSeed: except('-1'),
  optimizer: except('undefined', ...objects),
  'optimizer.lr': except('undefined', '0.5', '1e+300'),
  'optimizer.weightDecay': except('undefined', '0.5', '1e+300'),
  'optimizer.eps': except('undefined', '0.5', '1e+300'),
  'optimizer.betas': except('undefined'),
  'optimizer.betas.0': except('0.5'),
  'optimizer.betas.1': except('0.5'),
};

describe('every option, given what it does not take', () => {
  it.each(Object.entries(OPTIONS))('%s', async (field, kinds) => {
    for (const kind of kinds) {
      const all = put({ ...options, runs: [run] }, field.split('.'), WRONG[kind]);
      const { code, message } = await refusal(device, all);
      expect({ code, message }).toEqual({
        code: 'bad-input',
        message: expect.stringContaining('trainLockstep: '),
      });
      expect(message).toContain(`${field} is ${kind}`);
    }
  });

  it.each([
    ['nothing', [], 'the options are missing; give { runs, features, maxSteps }'],
    ['null', [null], 'the options are null'],
    ['a list', [[run]], 'the options are an array'],
    ['a number', [3], 'the options are the number 3'],
  ])('%s instead of options', async (_, args, message) => {
    expect((await refusal(device, ...args)).message).toContain(message);
  });

  it.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'the device is undefined; what await openDevice() gives fits'],
    [
      'the options',
      () => ({ ...options, runs: [run] }),
      'the device is an object; what await openDevice() gives',
    ],
    ['a promise', () => Promise.resolve(device), 'await it first'],
    ['a GPUDevice', () => device.gpu, 'openDevice({ device }) makes a Device of a GPUDevice'],
  ])('%s instead of a device', async (_, first, message) => {
    expect((await refusal(first(), { ...options, runs: [run] })).message).toContain(message);
  });

  it('windows of more steps than the stop rule can count', async () => {
    const all = { ...options, runs: [run], logInterval: 200_000, batchSize: 128 };
    expect((await refusal(device, all)).message).toContain('close windows more often');
  });

  it.each<[string, object]>([
    ['batches have at most 128 examples; asked for 200. The portable kernel can.', { batchSize: 200 }],
    ['do not divide over subgroups', { hidden: 3, runs: [{ ...run, weights: randomWeights(8, 3, 1) }] }],
  ])('the subgroup kernel by name where it cannot run: %s', async (message, change) => {
    const error = await refusal(device, { ...options, runs: [run], ...change, kernel: 'subgroup' });
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining(message) });
  });
});

describe('every field of a run, given what it does not take, though the run before is good', () => {
  it.each(Object.entries(RUNS))('%s', async (field, kinds) => {
    for (const kind of kinds) {
      const bad = put(run, field === '' ? [] : field.split('.'), WRONG[kind]);
      const { code, message } = await refusal(device, { ...options, runs: [run, bad] });
      expect(code).toBe('bad-input');
      expect(message).toMatch(/^trainLockstep: run 1: /);
      expect(message).toContain(field.replace(/\.(\d)$/, '[$1]'));
      // Data are described by their shape, values of an array by themselves.
      if (!/\.[xy]$/.test(field)) expect(message).toContain(` is ${kind}`);
    }
  });

  const { weights, dataset, testSet } = run as Required<LockstepRun>;
  const words = (set: typeof dataset) => (set.x as BitMatrix).words;
  const numbers = {
    x: Array.from({ length: ROWS }, () => [0, 1, 0, 1, 0, 1, 0, 1]),
    y: new Uint8Array(ROWS),
  };
  const with9 = { ...numbers, x: numbers.x.map((row, i) => (i === 7 ? row.with(3, 9) : row)) };
  it.each<[string, object]>([
    ['weights.w1 has 9 elements; 32 x 8 needs 256', { weights: { ...weights, w1: new Float32Array(9) } }],
    ['weights.b1 is an object (Float64Array)', { weights: { ...weights, b1: new Float64Array(32) } }],
    ['weights.b2[0] holds NaN', { weights: { ...weights, b2: Float32Array.of(Number.NaN) } }],
    ['dataset.x has 9 columns; features is 8', { dataset: randomDataset(ROWS, 9, 2) }],
    ['testSet.x has no rows', { testSet: randomDataset(0, 8, 2) }],
    ['dataset.x has no rows', { dataset: { x: [], y: [] } }],
    ['dataset.x[7][3] is 9; every entry must be 0 or 1', { dataset: with9 }],
    ['testSet.x[7][3] is 9', { testSet: { ...with9, x: Uint8Array.from(with9.x.flat()) } }],
    ['dataset.x is an array of 399 values; rows of 8', { dataset: { ...numbers, x: new Uint8Array(399) } }],
    [
      'dataset.x[49] is an array of 7',
      { dataset: { ...numbers, x: numbers.x.with(49, [0, 0, 0, 0, 0, 0, 0]) } },
    ],
    ['dataset.y has 49 labels for 50 rows', { dataset: { ...numbers, y: new Uint8Array(49) } }],
    ['dataset.y[3] is 2; every label', { dataset: { ...numbers, y: new Uint8Array(ROWS).fill(2, 3) } }],
    ['dataset.y[0] is NaN', { dataset: { ...numbers, y: new Float32Array(ROWS).fill(Number.NaN) } }],
    ['dataset.y[0] is the BigInt 0n', { dataset: { ...numbers, y: new BigInt64Array(ROWS) } }],
    // The words of bits, as labels were once given: 2 words are not 50 labels.
    ['new BitVector(50, words)', { dataset: { ...dataset, y: new Uint32Array(2) } }],
    ['dataset.y is bits of shape [50, 1]', { dataset: { ...dataset, y: new BitMatrix(ROWS, 1) } }],
    ['dataset.y has 51 labels', { dataset: { ...dataset, y: new BitVector(51) } }],
    // Fewer words than rows, where the next dataset's rows would have been read.
    ['dataset.x is an array of 49 values', { dataset: { ...dataset, x: words(dataset).slice(1) } }],
    ['dataset.x has 49 words for 50 rows', { dataset: { ...dataset, x: withWords(ROWS, 49) } }],
    ['testSet.x has bits set beyond column 7, in row 3', { testSet: { ...testSet, x: withStray(3) } }],
  ])('%s', async (message, change) => {
    const error = await refusal(device, { ...options, runs: [run, { ...run, ...change }] });
    expect(error.message).toContain('trainLockstep: run 1: ');
    expect(error.message).toContain(message);
  });
});

/** A matrix whose words were changed behind its back. */
function withWords(rows: number, count: number): BitMatrix {
  const x = new BitMatrix(rows, 8);
  Object.defineProperty(x, 'words', { value: new Uint32Array(count) });
  return x;
}

function withStray(row: number): BitMatrix {
  const x = new BitMatrix(ROWS, 8);
  x.words[row] = 2 ** 8;
  return x;
}

describe('names that nobody knows', () => {
  it.each<[string, string[], string]>([
    ['options', ['batch_size'], 'trainLockstep: unknown option batch_size; did you mean batchSize?'],
    ['stop', ['stop', 'min_steps'], 'trainLockstep: stop: unknown option min_steps; did you mean minSteps?'],
    ['a run', ['runs', '0', 'data'], 'trainLockstep: run 0: unknown option data'],
    ['weights', ['runs', '0', 'weights', 'w3'], 'trainLockstep: run 0: weights: unknown option w3'],
    ['dataset', ['runs', '0', 'dataset', 'labels'], 'trainLockstep: run 0: dataset: unknown option labels'],
    ['testSet', ['runs', '0', 'testSet', 'labels'], 'trainLockstep: run 0: testSet: unknown option labels'],
    ['optimizer', ['runs', '0', 'optimizer', 'weight_decay'], 'weight_decay; did you mean weightDecay?'],
    ['optimizer', ['runs', '0', 'optimizer', 'beta1'], 'unknown option beta1; write betas: [b1, b2]'],
    ['optimizer', ['runs', '0', 'optimizer', 'wd'], 'unknown option wd; write weightDecay'],
  ])('in %s: %s', async (_, path, message) => {
    const error = await refusal(device, put({ ...options, runs: [run] }, path, 0.9));
    expect(error).toMatchObject({ code: 'bad-input', message: expect.stringContaining(message) });
  });
});

describe('objects that throw when they are read', () => {
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const throwing = (name: string) => ({
    get [name]() {
      throw new Error('not today');
    },
  });
  it.each<[string, () => object, string]>([
    [
      'a getter of the options',
      () => ({
        ...options,
        runs: [run],
        get hidden() {
          throw new Error('not today');
        },
      }),
      'an option threw: not today',
    ],
    [
      'a getter of a run',
      () => ({
        ...options,
        runs: [
          { ...run, ...{} },
          Object.defineProperties({ ...run }, Object.getOwnPropertyDescriptors(throwing('orderSeed'))),
        ],
      }),
      'run 1: orderSeed threw: not today',
    ],
    [
      'a getter of a dataset',
      () => ({ ...options, runs: [{ ...run, dataset: throwing('x') }] }),
      'run 0: dataset threw: not today',
    ],
    ['a revoked proxy as a run', () => ({ ...options, runs: [revoked()] }), 'run 0: the run threw: '],
    [
      'a revoked proxy as labels',
      () => ({ ...options, runs: [put(run, ['dataset', 'y'], revoked())] }),
      'run 0: dataset threw: ',
    ],
  ])('%s', async (_, make, message) => {
    const error = await refusal(device, make());
    expect(error).toMatchObject({ code: 'bad-input', message: expect.stringContaining(message) });
  });
});

describe('runs that come one by one', () => {
  const all = { ...options, stop: undefined };
  const failing = async (runs: unknown) => {
    const before = device.memory();
    const error = await outcomes(device, { ...all, runs } as LockstepOptions).catch(
      (thrown: unknown) => thrown,
    );
    const { buffers, bytes } = device.memory();
    expect({ buffers, bytes }).toEqual({ buffers: before.buffers, bytes: before.bytes });
    return error;
  };

  it.each<[string, () => unknown]>([
    [
      'a generator',
      function* () {
        yield run;
        yield { ...run, orderSeed: 0.5 };
      },
    ],
    [
      'an async generator',
      async function* () {
        yield run;
        yield { ...run, orderSeed: 0.5 };
      },
    ],
  ])('%s whose second run does not fit is named, and told that no more is wanted', async (_, make) => {
    let closed = false;
    const inner = make() as Iterator<unknown> & { [Symbol.iterator]?: unknown };
    const runs = {
      [Symbol.iterator in inner ? Symbol.iterator : Symbol.asyncIterator]: () => ({
        next: () => inner.next(),
        return: () => {
          closed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const error = await failing(runs);
    expect(error).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('run 1: orderSeed is 0.5'),
    });
    expect(closed).toBe(true);
  });

  const own = new TypeError('no more data');
  const throws = () => {
    throw own;
  };
  it.each<[string, () => unknown]>([
    [
      'a generator',
      function* () {
        yield run;
        throw own;
      },
    ],
    [
      'an async generator',
      async function* () {
        yield run;
        throw own;
      },
    ],
    ['the making of an iterator', () => ({ [Symbol.iterator]: throws })],
    ['next()', () => ({ [Symbol.asyncIterator]: () => ({ next: throws }) })],
  ])('what %s throws reaches the caller as it is', async (_, make) => {
    expect(await failing(make())).toBe(own);
  });

  it.each<[string, unknown, string]>([
    ['no iterator', { [Symbol.iterator]: () => null }, 'gives null as its iterator'],
    ['no result', { [Symbol.iterator]: () => ({ next: () => 3 }) }, 'gave the number 3, not { value, done }'],
    ['a promise of runs in a list', [Promise.resolve(run)], 'run 0: dataset is undefined'],
    ['a hole in a list', Object.assign(new Array(2), [run]), 'run 1: it is undefined'],
  ])('%s', async (_, runs, message) => {
    expect(await failing(runs)).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining(message),
    });
  });

  it('an empty list is trained at once', async () => {
    expect(await outcomes(device, { ...all, runs: [] })).toEqual({ runs: [], plans: [] });
  });
});
