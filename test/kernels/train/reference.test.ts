// The float64 oracle against PyTorch's float32 traces (200 steps each, made by torch_reference.py), and against the
// protocol's rules on windows, stops and partial batches.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { prepareOptimizer, prepareRun, prepareSecret } from '../../../src/bench/prepare.js';
import { sampleSecrets } from '../../../src/bench/secrets.js';
import { strategyNamed } from '../../../src/bench/strategies/index.js';
import { makeTask } from '../../../src/bench/task.js';
import type { LockstepRun } from '../../../src/lockstep/types.js';
import { BitMatrix } from '../../../src/tensor/bits.js';
import { trainReference } from './reference.js';

interface Trace {
  strategy: string;
  seed: number;
  secret: number[];
  order: number;
  steps: [loss: number, accuracy: number][];
}

interface Evaluated {
  steps: number;
  test_accuracy: number;
  windows: [step: number, loss: number, accuracy: number][];
}

/** Relative error of a step's loss: float32 against float64, which training then magnifies (issue 2 of the project). */
const LOSS_TOLERANCE = [
  { untilStep: 25, relative: 1e-5 },
  { untilStep: 100, relative: 1e-3 },
  { untilStep: 200, relative: 2e-2 },
];

function readTrace(name: string): Trace {
  return JSON.parse(
    readFileSync(new URL(`../../fixtures/torch/trace.${name}.json`, import.meta.url), 'utf8'),
  );
}

function runOfTrace(trace: Trace, nFeatures: number): LockstepRun {
  const strategy = strategyNamed(trace.strategy);
  const task = makeTask(`n${nFeatures}-k8`);
  const secrets = sampleSecrets(task, trace.seed);
  const s = secrets.findIndex((secret) => secret.join() === trace.secret.join());
  const { dataset } = prepareSecret(strategy, task, trace.seed, s, secrets[s]);
  const { weights, orderSeed } = prepareRun(strategy, task, trace.seed, s, trace.order);
  return { weights, dataset, orderSeed, optimizer: prepareOptimizer(strategy, task) };
}

describe('trainReference against PyTorch', () => {
  const strategies = ['feature-isolation', 'feature-isolation-wd1', 'exhaustive-coverage', 'multi-epoch'];
  // The wide ones take seconds for a hundred steps.
  const lengths = [
    [32, 200],
    [50, 100],
    [64, 100],
  ] as const;
  const cases = strategies.flatMap((name) => lengths.map(([n, length]) => [name, n, length] as const));
  it.each(cases)('%s, n%i: follows the trace for %i steps', (name, n, length) => {
    const trace = readTrace(`${name}.n${n}`);
    const steps = trace.steps.slice(0, length);
    expect(steps).toHaveLength(length);
    const { batches } = trainReference(runOfTrace(trace, n), { features: n, maxSteps: length });
    steps.forEach(([loss, accuracy], i) => {
      const { relative } = LOSS_TOLERANCE.find(({ untilStep }) => i < untilStep)!;
      expect(Math.abs(batches[i].loss - loss), `loss of step ${i + 1}`).toBeLessThanOrEqual(relative * loss);
      // PyTorch takes the mean in float32.
      if (i < 25) expect(Math.fround(batches[i].accuracy), `accuracy of step ${i + 1}`).toBe(accuracy);
    });
  });
});

describe('trainReference against PyTorch’s evaluation', () => {
  it('feature-isolation, n32, run (0, 0): windows, stop and test accuracy', () => {
    const strategy = strategyNamed('feature-isolation');
    const task = makeTask('n32-k8', 'scaffold');
    const url = new URL('../../fixtures/torch/eval.feature-isolation.n32.json', import.meta.url);
    const expected: Evaluated = JSON.parse(readFileSync(url, 'utf8')).results[0];
    const { dataset, testSet } = prepareSecret(strategy, task, 42, 0, sampleSecrets(task, 42)[0]);
    const { weights, orderSeed } = prepareRun(strategy, task, 42, 0, 0);
    const run = { weights, dataset, testSet, orderSeed, optimizer: prepareOptimizer(strategy, task) };
    const stop = { minSteps: 1000, accuracy: 0.999, windows: 4 };
    const result = trainReference(run, { features: 32, maxSteps: task.maxSteps, stop });
    expect(result).toMatchObject({
      reason: 'stopped',
      steps: expected.steps,
      testAccuracy: expected.test_accuracy,
    });
    expect(result.windows.map((window) => window.step)).toEqual(expected.windows.map(([step]) => step));
    // PyTorch agrees with itself under another BLAS to 1 part in 4,000 at step 250 and to 2% at step 500 (protocol).
    [1e-5, 1e-3, 4e-2].forEach((relative, i) => {
      const [step, loss] = expected.windows[i];
      expect(Math.abs(result.windows[i].loss - loss), `step ${step}`).toBeLessThanOrEqual(relative * loss);
    });
  });
});

describe('trainReference by the protocol', () => {
  /** x is one bit and y equals it: learned in a few dozen steps. */
  const easy = (rows: number): LockstepRun => {
    const x = new BitMatrix(rows, 1);
    const y = new Uint8Array(rows);
    for (let e = 0; e < rows; e += 2) {
      x.set(e, 0, 1);
      y[e] = 1;
    }
    const weights = {
      w1: Float32Array.of(1, -1),
      b1: Float32Array.of(0, 0.5),
      w2: Float32Array.of(0.5, -0.5),
      b2: Float32Array.of(0),
    };
    const optimizer = { lr: 0.1, weightDecay: 0, betas: [0.9, 0.999] } as const;
    return { weights, dataset: { x, y }, testSet: { x, y }, orderSeed: 5, optimizer };
  };

  it('closes windows at step 1, at multiples of the interval and at the last step', () => {
    const result = trainReference(easy(40), { features: 1, hidden: 2, maxSteps: 25, logInterval: 10 });
    expect(result.windows.map((window) => window.step)).toEqual([1, 10, 20, 25]);
    expect(result).toMatchObject({ steps: 25, reason: 'max-steps', testAccuracy: 1 });
    const second = result.batches.slice(1, 10);
    expect(result.windows[1].loss).toBeCloseTo(second.reduce((sum, b) => sum + b.loss, 0) / 9, 12);
  });

  it('stops after the asked number of passing windows in a row, none before the minimum', () => {
    const stop = { minSteps: 50, accuracy: 0.999, windows: 3 };
    const result = trainReference(easy(40), { features: 1, hidden: 2, maxSteps: 500, logInterval: 10, stop });
    expect(result).toMatchObject({ reason: 'stopped', steps: 70 });
  });

  it('takes means of a partial last batch over its own size', () => {
    // 5 examples in batches of 4: the second batch holds one, whose accuracy is 0 or 1.
    const { batches } = trainReference(easy(5), { features: 1, hidden: 2, batchSize: 4, maxSteps: 2 });
    expect([0, 0.25, 0.5, 0.75, 1]).toContain(batches[0].accuracy);
    expect([0, 1]).toContain(batches[1].accuracy);
  });

  it('agrees with finite differences of its own loss', () => {
    // One step of AdamW from zero moments moves by lr * g / (|g| + eps): a large eps shows the gradient itself.
    const run = easy(6);
    const eps = 1e6;
    const step = { ...run, optimizer: { lr: 1, weightDecay: 0, betas: [0.9, 0.999] as const, eps } };
    const options = { features: 1, hidden: 2, maxSteps: 1 };
    const { weights } = trainReference(step, options);
    const gradient = (run.weights.w1[0] - weights.w1[0]) * eps;
    const lossAt = (shift: number) => {
      const w1 = Float32Array.of(run.weights.w1[0] + shift, run.weights.w1[1]);
      return trainReference({ ...run, weights: { ...run.weights, w1 } }, options).batches[0].loss;
    };
    const h = 2 ** -8;
    // Central differences err by h^2 / 6 times the third derivative, here below 1e-5.
    expect(gradient).toBeCloseTo((lossAt(h) - lossAt(-h)) / (2 * h), 5);
  });

  it('decays weights and biases, decoupled from the gradient', () => {
    const run = easy(6);
    const options = { features: 1, hidden: 2, maxSteps: 1 };
    const plain = trainReference({ ...run, optimizer: { ...run.optimizer, eps: 1e30 } }, options).weights;
    const decayed = trainReference(
      { ...run, optimizer: { ...run.optimizer, weightDecay: 0.5, eps: 1e30 } },
      options,
    ).weights;
    expect(decayed.w1[0]).toBeCloseTo(plain.w1[0] * (1 - 0.1 * 0.5), 12);
    expect(decayed.b1[1]).toBeCloseTo(plain.b1[1] * (1 - 0.1 * 0.5), 12);
  });

  it('ends a run whose loss is no number', () => {
    const run = easy(6);
    run.weights.w2[0] = Number.NaN;
    const result = trainReference(run, { features: 1, hidden: 2, maxSteps: 10 });
    expect(result).toMatchObject({ steps: 1, reason: 'non-finite' });
  });
});
