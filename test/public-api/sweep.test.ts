// Every function, class and method of the public API: refuses options that nobody knows, and answers arguments of the
// wrong kind with a LockstepError, never with an error from inside.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as bench from '../../src/bench/index.js';
import * as api from '../../src/index.js';
import { calls, prepareEvaluation } from './calls.js';

/** What a caller is not to call: the library makes these objects, or subclasses call them. */
const NOT_CALLED = [
  /^(Device|Tensor|Mt19937|bench\.Evaluation|nn\.(Module|Stacked)|optim\.(Optimizer|Schedule))$/,
  /^Device\.(reasonOf|map|mapForWriting|allocateMapped|observe)$/,
  /^Tensor\.(view|release|relocate|empty|span|leave|whole|hideModels|showModels)$/,
  /^optim\.\w+\.(check|update|stateTensor|makeState|rate|apply|byModel)$/,
  /^(bench\.)?Generator\.(normalSerial|normalBlocks)$/,
  /^Mt19937\.(initGenrand|initByArray)$/,
];
/** Tested where the checks are. */
const ELSEWHERE = {
  trainLockstep: 'test/lockstep/bad-input.test.ts',
  'nn.loadSafetensors': 'test/nn/safetensors.test.ts',
  'nn.readSafetensorsHeader': 'test/nn/safetensors.test.ts',
  'nn.saveSafetensors': 'test/nn/safetensors.test.ts',
  'bench.Evaluation.resume': 'test/bench',
  'bench.Evaluation.snapshot': 'test/bench',
  'bench.Evaluation.fingerprint': 'takes no argument',
  'Device.destroy': 'takes no argument',
  'nn.Sequential.describe': 'takes no argument',
  'bench.Evaluation.summary': 'takes no argument',
};

const isClass = (value: unknown): boolean =>
  typeof value === 'function' && Function.prototype.toString.call(value).startsWith('class');

/** The public API's functions, classes and methods by name. */
function exported(module: object, prefix: string): string[] {
  return Object.entries(module).flatMap(([name, value]) => {
    const key = prefix + name;
    if (typeof value === 'object' && value?.[Symbol.toStringTag] === 'Module')
      return exported(value, `${key}.`);
    if (typeof value !== 'function') return [];
    const owners = isClass(value) ? [value, value.prototype] : [];
    const methods = owners.flatMap((owner) =>
      Object.entries(Object.getOwnPropertyDescriptors(owner)).flatMap(([own, { value: inner }]) =>
        own !== 'constructor' && typeof inner === 'function' ? [`${key}.${own}`] : [],
      ),
    );
    return [key, ...methods];
  });
}

const names = [...exported(api, ''), ...exported(bench, 'bench.')];
/** The same function under two names counts once. */
const known = (name: string): boolean =>
  name in calls ||
  `bench.${name}` in calls ||
  name in ELSEWHERE ||
  NOT_CALLED.some((pattern) => pattern.test(name)) ||
  (name.startsWith('bench.') && known(name.slice('bench.'.length)));

it('has an entry for every export, and no other', () => {
  expect(names.filter((name) => !known(name)).join(' ')).toBe('');
  expect(
    Object.keys(calls)
      .filter((name) => !names.includes(name))
      .join(' '),
  ).toBe('');
});

let device: api.Device;
beforeAll(async () => {
  device = await api.openDevice();
  await prepareEvaluation();
});
afterAll(() => device.destroy());

/** What a call comes to: undefined, or what was thrown by it or told later. */
async function outcome(name: string, args: unknown[]): Promise<unknown> {
  try {
    let result = await calls[name].run(...(args as never[]));
    if (typeof (result as AsyncIterable<unknown>)?.[Symbol.asyncIterator] === 'function') {
      for await (const event of result as AsyncIterable<unknown>) result = event;
    }
    if (result instanceof api.Device && result !== device && name === 'openDevice') result.destroy();
    await device.sync();
    return undefined;
  } catch (error) {
    await device.sync().catch(() => {});
    // A sentence has one mark at its end; an ellipsis is a character of its own.
    if (error instanceof api.LockstepError) expect(error.message).not.toMatch(/[.?!;,:][.?!](?=\s|$)/);
    return error;
  }
}

describe.each(Object.keys(calls))('%s', (name) => {
  const { args, options } = calls[name];

  it('works as it is called here', async () => {
    expect(await outcome(name, args())).toBeUndefined();
  });

  if (options.length > 0) {
    it('refuses an option that nobody knows', async () => {
      for (const place of options) {
        const given = args();
        given[place] = { ...(given[place] as object), bogusOption: 1 };
        const error = await outcome(name, given);
        expect(error).toBeInstanceOf(api.LockstepError);
        expect((error as Error).message).toMatch(/bogusOption/);
      }
    });
  }

  it('answers wrong kinds of arguments in its own words', async () => {
    const wrong: unknown[] = [
      null,
      undefined,
      'text',
      Number.NaN,
      {},
      [],
      () => {},
      Promise.resolve(1),
      3n,
      [{}],
      Symbol('s'),
    ];
    const failures: string[] = [];
    const count = args().length;
    for (let place = 0; place < count; place++) {
      for (const value of wrong) {
        const given = args();
        given[place] = value;
        const error = await outcome(name, given);
        if (error !== undefined && !(error instanceof api.LockstepError)) {
          failures.push(`${place} ${typeof value} ${JSON.stringify(String(value))}: ${error}`);
        }
      }
    }
    const left = await outcome(name, []);
    if (left !== undefined && !(left instanceof api.LockstepError)) failures.push(`no arguments: ${left}`);
    expect(failures).toEqual([]);
  });
});

it.each<[string, () => unknown]>([
  ['arange', () => api.arange(0, 1e12)],
  ['arange', () => api.arange(3e9)],
  ['full', () => api.full([1e6, 1e6], 1)],
  ['zeros', () => api.zeros([1e12])],
  ['eye', () => api.eye(1e6)],
  ['rand', () => api.rand([1e12])],
  ['randint', () => api.randint(0, 2, [1e12])],
  ['ndarray', () => api.ndarray(1e6, 1e6)],
  ['BitMatrix', () => new api.BitMatrix(1e9, 1e6)],
  ['BitVector', () => new api.BitVector(2 ** 50)],
  ['truthTable', () => bench.truthTable([0], 64, 1e14)],
])('%s says what is too large for the device or for JavaScript', (_, make) => {
  expect(make).toThrow(api.LockstepError);
  expect(make).toThrow(/\d{6}.*(room for|memory|beyond 2\^53|ask for fewer)/);
});

it('draws no numbers for a permutation that the device has no room for', async () => {
  const small = await api.openDevice({ requiredLimits: 'default' });
  const n = small.limits.maxStorageBufferBindingSize / 4 + 1;
  const generator = new api.Generator(1);
  expect(() => api.randperm(n, { device: small, generator })).toThrow(/randperm: .*this device has room for/);
  expect(generator.random32()).toBe(new api.Generator(1).random32());
  small.destroy();
});
