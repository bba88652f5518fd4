// What is prepared for the trainer has the right seeds, and is copied so that the strategy cannot change it.
import { describe, expect, it } from 'vitest';
import { makeTestSet } from '../../src/bench/dataset.js';
import { makeWeights, prepareRun, prepareSecret } from '../../src/bench/prepare.js';
import { sampleSecrets } from '../../src/bench/secrets.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import { makeTask } from '../../src/bench/task.js';

const strategy = strategyNamed('feature-isolation');
const task = makeTask('n50-k8', 'smoke');
const secret = sampleSecrets(task, 42)[1];

describe('prepareSecret', () => {
  it('makes both sets and the rate of positives', () => {
    const prepared = prepareSecret(strategy, task, 42, 1, secret);
    expect(prepared).toMatchObject({ secretIndex: 1, secret, positiveRate: 0.5 });
    expect([prepared.dataset.x.rows, prepared.testSet.x.rows]).toEqual([4096, 2048]);
    expect(prepared.testSet).toEqual(makeTestSet(secret, task, 840_001));
  });
});

describe('prepareRun', () => {
  it('draws a run’s own weights and names its order seed', () => {
    const run = prepareRun(strategy, task, 42, 1, 3);
    expect(run).toEqual({
      secretIndex: 1,
      orderIndex: 3,
      weights: makeWeights(strategy, task, 42_001_003),
      orderSeed: 84_001_003,
    });
    expect(run.weights.w1).not.toEqual(prepareRun(strategy, task, 42, 1, 4).weights.w1);
  });
});
