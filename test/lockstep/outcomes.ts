/**
 * What the trainer's tests share: runs made of PyTorch's fixtures, and what random-runs.ts has. No assertions.
 */
import { readFileSync } from 'node:fs';
import { prepareOptimizer, prepareRun, prepareSecret } from '../../src/bench/prepare.js';
import { sampleSecrets } from '../../src/bench/secrets.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import { makeTask } from '../../src/bench/task.js';
import type { LockstepRun } from '../../src/lockstep/types.js';
import type { BinaryDataset } from '../../src/tensor/bits.js';

export * from './random-runs.js';

interface Digest {
  sum: number;
  sum_of_squares: number;
  head: number[];
  tail: number[];
}

/** 200 steps of one run by torch_reference.py. */
export interface Trace {
  strategy: string;
  seed: number;
  secret: number[];
  order: number;
  steps: [loss: number, accuracy: number][];
  final: Record<'0.weight' | '0.bias' | '2.weight' | '2.bias', Digest>;
}

/** 15 runs by torch_reference.py. */
export interface Evaluated {
  results: {
    steps: number;
    test_accuracy: number;
    windows: [step: number, loss: number, accuracy: number][];
  }[];
  metrics: { test_accuracy: number; mean_steps: number };
}

export function readFixture<T extends Trace | Evaluated>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/torch/${name}.json`, import.meta.url), 'utf8'));
}

/** A run with its data packed. */
export type TracedRun = LockstepRun & { dataset: BinaryDataset };

/** The run that a trace was made of. */
export function runOfTrace(trace: Trace, nFeatures: number): TracedRun {
  const strategy = strategyNamed(trace.strategy);
  const task = makeTask(`n${nFeatures}-k8`);
  const secrets = sampleSecrets(task, trace.seed);
  const s = secrets.findIndex((secret) => secret.join() === trace.secret.join());
  const { dataset } = prepareSecret(strategy, task, trace.seed, s, secrets[s]);
  const { weights, orderSeed } = prepareRun(strategy, task, trace.seed, s, trace.order);
  return { weights, dataset, orderSeed, optimizer: prepareOptimizer(strategy, task) };
}
