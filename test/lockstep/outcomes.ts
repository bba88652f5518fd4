/**
 * What the trainer's tests share: a training's events sorted by run, and runs made of PyTorch's fixtures or of random
 * bits. No assertions.
 */
import { readFileSync } from 'node:fs';
import { prepareOptimizer, prepareRun, prepareSecret } from '../../src/bench/prepare.js';
import { sampleSecrets } from '../../src/bench/secrets.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import { makeTask } from '../../src/bench/task.js';
import type { Device } from '../../src/gpu/device.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { LockstepEvent, LockstepOptions, LockstepRun, MlpWeights } from '../../src/lockstep/types.js';
import { Generator } from '../../src/random/generator.js';
import { type BinaryDataset, BitMatrix } from '../../src/tensor/bits.js';

export type WindowEvent = Extract<LockstepEvent, { type: 'window' }>;
export type FinishEvent = Extract<LockstepEvent, { type: 'finish' }>;
export type PlanEvent = Extract<LockstepEvent, { type: 'plan' }>;

export interface Outcome {
  windows: WindowEvent[];
  finish?: FinishEvent;
}

/** Trains to the end: windows and finish event of each run, and what was planned. */
export async function outcomes(
  device: Device,
  options: LockstepOptions,
): Promise<{ runs: Outcome[]; plans: PlanEvent[] }> {
  const runs: Outcome[] = [];
  const plans: PlanEvent[] = [];
  for await (const event of trainLockstep(device, options)) {
    if (event.type === 'plan') plans.push(event);
    if (event.type !== 'window' && event.type !== 'finish') continue;
    runs[event.run] ??= { windows: [] };
    const run = runs[event.run];
    if (event.type === 'window') run.windows.push(event);
    else run.finish = event;
  }
  return { runs, plans };
}

/** A run's numbers without its place among the others: what has to be the same bits however it was trained. */
export function bitsOf({ windows, finish }: Outcome): unknown {
  const { steps, reason, testAccuracy, weights } = finish!;
  return {
    windows: windows.map(({ step, loss, accuracy }) => [step, loss, accuracy]),
    finish: { steps, reason, testAccuracy },
    weights: weights && Object.values(weights).map((array) => new Uint32Array(array.slice().buffer)),
  };
}

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

/** The run that a trace was made of. */
export function runOfTrace(trace: Trace, nFeatures: number): LockstepRun {
  const strategy = strategyNamed(trace.strategy);
  const task = makeTask(`n${nFeatures}-k8`);
  const secrets = sampleSecrets(task, trace.seed);
  const s = secrets.findIndex((secret) => secret.join() === trace.secret.join());
  const { dataset } = prepareSecret(strategy, task, trace.seed, s, secrets[s]);
  const { weights, orderSeed } = prepareRun(strategy, task, trace.seed, s, trace.order);
  return { weights, dataset, orderSeed, optimizer: prepareOptimizer(strategy, task) };
}

/** Weights of the size that PyTorch's Linear draws. */
export function randomWeights(features: number, hidden: number, seed: number): MlpWeights {
  const generator = new Generator(seed);
  const uniform = (length: number, fanIn: number) => {
    const array = new Float32Array(length);
    generator.uniform(array, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
    return array;
  };
  return {
    w1: uniform(hidden * features, features),
    b1: uniform(hidden, features),
    w2: uniform(hidden, hidden),
    b2: uniform(1, hidden),
  };
}

/** Fair bits in all columns but those of `dead`, which are 0. Labels: fair bits too, or as `label` says. */
export function randomDataset(
  rows: number,
  features: number,
  seed: number,
  { dead = [], label }: { dead?: readonly number[]; label?: 0 | 1 } = {},
): BinaryDataset {
  const generator = new Generator(seed);
  const x = BitMatrix.random(rows, features, generator);
  for (let row = 0; row < rows; row++) for (const column of dead) x.set(row, column, 0);
  const y = new Uint32Array(Math.ceil(rows / 32));
  for (let row = 0; row < rows; row++) y[row >>> 5] |= (label ?? generator.randint(0, 2)) << (row & 31);
  return { x, y };
}
