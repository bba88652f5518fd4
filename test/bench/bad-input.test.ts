// Each row of the parity protocol's "What bad input gets": an error that names the strategy, the function and the value.
import { describe, expect, it } from 'vitest';
import { makeTrainingSet } from '../../src/bench/dataset.js';
import { makeWeights, prepareOptimizer } from '../../src/bench/prepare.js';
import { defineStrategy, type Model, type Strategy, strategyOfModule } from '../../src/bench/strategy.js';
import { makeTask } from '../../src/bench/task.js';
import { LockstepError } from '../../src/platform/errors.js';
import { ndarray } from '../../src/tensor/ndarray.js';

const task = makeTask('n4-k2', 'smoke', { maxTrainExamples: 3 });

const good: Strategy = {
  name: 'mine',
  initModel() {},
  makeDataset: () => ({ x: [[0, 1, 1, 0]], y: [1] }),
  getOptimizerConfig: () => ({ lr: 0.1, wd: 0, beta1: 0.9, beta2: 0.99 }),
};

/** The error of a call; it must be a LockstepError of code `bad-input`. */
function errorOf(call: () => unknown): LockstepError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(LockstepError);
    expect((error as LockstepError).code).toBe('bad-input');
    return error as LockstepError;
  }
  throw new Error('nothing was thrown');
}

const row = [0, 1, 1, 0];

describe('makeDataset', () => {
  const cases: [what: string, returned: unknown, problem: string][] = [
    ['nothing', undefined, 'returned undefined; it must return a pair'],
    ['an object without y', { x: [row] }, 'returned an object with keys ["x"]'],
    ['a triple', [[row], [1], [1]], 'returned an array of shape [3,1,4]'],
    ['a number', 3, 'returned 3'],
    [
      'x of one dimension',
      { x: row, y: [1] },
      'x is an array of 4 values; it must be two-dimensional, [examples, 4]',
    ],
    ['x of three dimensions', { x: [[row]], y: [1] }, 'x is an array of shape [1,1,4]'],
    ['x that is null', { x: null, y: [1] }, 'x is null'],
    ['x of a wrong width', { x: [[0, 1]], y: [1] }, 'x has rows of 2 values; the task has 4 features'],
    ['ragged x', { x: [row, [0]], y: [1, 0] }, 'x[1] is an array of 1 values'],
    ['empty x', { x: [], y: [] }, 'x has no rows'],
    ['empty data', { x: { data: [], shape: [0, 4] }, y: [] }, 'x has no rows'],
    ['too many rows', { x: [row, row, row, row], y: [0, 0, 0, 0] }, 'x has 4 rows; the limit is 3'],
    ['x not 0 or 1', { x: [row, [0, 1, 2, 0]], y: [1, 0] }, 'x[1][2] is 2; every entry must be 0 or 1'],
    ['NaN in x', { x: [[0, Number.NaN, 0, 0]], y: [1] }, 'x[0][1] is NaN'],
    ['a string in x', { x: [[0, '1', 0, 0]], y: [1] }, 'x[0][1] is "1"'],
    [
      'data that do not fill their shape',
      { x: { data: row, shape: [2, 4] }, y: [1] },
      'x is data of 4 values',
    ],
    ['y of another length', { x: [row], y: [1, 0] }, 'y has 2 labels for 1 rows of x'],
    ['empty y', { x: [row], y: [] }, 'y has 0 labels for 1 rows of x'],
    ['y of two columns', { x: [row], y: [[1, 0]] }, 'y is an array of shape [1,2]'],
    ['y not 0 or 1', { x: [row], y: [0.5] }, 'y[0] is 0.5; every label must be 0 or 1'],
    ['NaN in y', { x: [row], y: Float32Array.of(Number.NaN) }, 'y[0] is NaN'],
    ['y that is no array', { x: [row], y: 'odd' }, 'y is "odd"'],
    ['a promise', Promise.resolve({ x: [row], y: [1] }), 'returned a promise'],
  ];

  it.each(cases)('%s', (_, returned, problem) => {
    const strategy = { ...good, makeDataset: () => returned } as Strategy;
    const { message } = errorOf(() => makeTrainingSet(strategy, [0, 1], task, 1));
    expect(message).toMatch(/^Strategy 'mine', makeDataset: /);
    expect(message).toContain(problem);
  });

  it('that throws: the cause is kept', () => {
    const cause = new TypeError('no such column');
    const strategy: Strategy = {
      ...good,
      makeDataset() {
        throw cause;
      },
    };
    const error = errorOf(() => makeTrainingSet(strategy, [0, 1], task, 1));
    expect(error.message).toBe("Strategy 'mine', makeDataset: threw: no such column");
    expect(error.cause).toBe(cause);
  });

  it('accepts a pair, and labels as a column', () => {
    for (const returned of [[[row], [1]], { x: [row], y: [[1]] }, [[row], { data: [1], shape: [1, 1] }]]) {
      const strategy = { ...good, makeDataset: () => returned } as Strategy;
      const { x, y } = makeTrainingSet(strategy, [0, 1], task, 1);
      expect([...x.words, ...y.words]).toEqual([0b0110, 1]);
    }
  });
});

describe('getOptimizerConfig', () => {
  const config = good.getOptimizerConfig(task);
  const cases: [what: string, returned: unknown, problem: string][] = [
    ['nothing', undefined, 'returned undefined; it must return { lr, wd, beta1, beta2 }'],
    ['nothing in it', {}, 'lr is missing'],
    ['a missing key', { ...config, beta2: undefined }, 'beta2 is missing; return { lr, wd, beta1, beta2 }'],
    ['lr 0', { ...config, lr: 0 }, 'lr is 0; it must be a finite number above 0'],
    ['lr infinite', { ...config, lr: Number.POSITIVE_INFINITY }, 'lr is Infinity'],
    ['lr NaN', { ...config, lr: Number.NaN }, 'lr is NaN'],
    ['lr a string', { ...config, lr: '0.1' }, 'lr is the text "0.1"'],
    ['negative wd', { ...config, wd: -0.1 }, 'wd is -0.1; it must be a finite number of 0 or more'],
    ['beta1 1', { ...config, beta1: 1 }, 'beta1 is 1; it must be between 0 and 1'],
    ['beta2 0', { ...config, beta2: 0 }, 'beta2 is 0'],
    ['a promise', Promise.resolve(config), 'returned a promise'],
  ];

  it.each(cases)('%s', (_, returned, problem) => {
    const strategy = { ...good, getOptimizerConfig: () => returned } as Strategy;
    const { message } = errorOf(() => prepareOptimizer(strategy, task));
    expect(message).toMatch(/^Strategy 'mine', getOptimizerConfig: /);
    expect(message).toContain(problem);
  });

  it('becomes the trainer’s settings', () => {
    expect(prepareOptimizer(good, task)).toEqual({ lr: 0.1, weightDecay: 0, betas: [0.9, 0.99] });
  });
});

describe('initModel', () => {
  const cases: { what: string; init(model: Model): unknown; problem: string }[] = [
    {
      what: 'NaN',
      init(model) {
        model.hidden.weight.data[5] = Number.NaN;
      },
      problem: 'hidden.weight.data[5] as NaN',
    },
    {
      what: 'infinity',
      init(model) {
        model.output.bias.data[0] = Number.POSITIVE_INFINITY;
      },
      problem: 'output.bias.data[0] as Infinity',
    },
    {
      what: 'another shape',
      init(model) {
        model.hidden.weight = ndarray(4, 512);
      },
      problem: 'hidden.weight with shape [4,512]',
    },
    {
      what: 'a missing layer',
      init(model) {
        model.output = undefined as never;
      },
      problem: 'output.weight with undefined',
    },
    {
      what: 'a plain array',
      init(model) {
        model.hidden.bias = { shape: [512], data: Array(512).fill(0) as never };
      },
      problem: 'hidden.bias with object; it must be a Float32Array of shape [512]',
    },
    { what: 'a returned value', init: () => 1, problem: 'returned a value' },
    { what: 'a promise', init: () => Promise.resolve(), problem: 'returned a promise' },
  ];

  it.each(cases)('$what', ({ init, problem }) => {
    const strategy: Strategy = { ...good, initModel: init as Strategy['initModel'] };
    const { message } = errorOf(() => makeWeights(strategy, task, 1));
    expect(message).toMatch(/^Strategy 'mine', initModel: /);
    expect(message).toContain(problem);
  });
});

describe('a strategy', () => {
  it('needs its three functions and a name', () => {
    const { message } = errorOf(() => defineStrategy({ ...good, makeDataset: undefined as never }));
    expect(message).toContain("strategy 'mine' has no function makeDataset (it is undefined)");
    expect(errorOf(() => defineStrategy({ ...good, name: '' })).message).toContain('has no name');
  });

  it('comes from a module’s default export, methods and all', () => {
    class Custom {
      readonly rate = 0.25;
      initModel() {}
      makeDataset() {
        return { x: [row], y: [1] };
      }
      getOptimizerConfig() {
        return { lr: this.rate, wd: 0, beta1: 0.9, beta2: 0.99 };
      }
    }
    const strategy = strategyOfModule({ default: new Custom() }, 'some/folder/custom.ts');
    expect(strategy.name).toBe('custom');
    expect(prepareOptimizer(strategy, task).lr).toBe(0.25);
  });

  it('comes from three named exports; a file without them says so', () => {
    const { name: _, ...functions } = good;
    expect(strategyOfModule(functions, 'plain.mjs').name).toBe('plain');
    expect(errorOf(() => strategyOfModule({}, 'empty.ts')).message).toMatch(
      /^empty.ts: .*no function initModel/,
    );
    expect(errorOf(() => strategyOfModule({ default: null }, 'empty.ts')).message).toContain('empty.ts');
  });
});
