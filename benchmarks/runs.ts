/**
 * Runs to train, made as the evaluation makes them: ten secrets, each with its data; every run has weights and an
 * order of its own.
 */
import type { LockstepRun } from 'lockstep-gpu';
import {
  makeTask,
  prepareOptimizer,
  prepareRun,
  prepareSecret,
  sampleSecrets,
  strategyNamed,
} from 'lockstep-gpu/bench';

const SECRETS = 10;
const SEED = 42;
/**
 * Runs beyond this many take the weights of earlier ones: making weights takes long, and their values do not matter.
 */
const DIFFERENT = 128;

export interface Case {
  /** feature-isolation has 8 columns that are not all 0; multi-epoch uses every column. */
  strategy: string;
  features: number;
  /** Default 512. */
  hidden?: number;
  /** The most examples of a dataset. */
  rows?: number;
}

const made = new Map<string, LockstepRun[]>();

/** `count` runs. The same case gives the same arrays, so that a later call takes no time. */
export function runsOf(one: Case, count: number): LockstepRun[] {
  const key = JSON.stringify(one);
  const runs = made.get(key) ?? [];
  made.set(key, runs);
  if (runs.length === 0) runs.push(...someRuns(one, Math.min(count, DIFFERENT)));
  else if (runs.length < Math.min(count, DIFFERENT)) runs.splice(0, runs.length, ...someRuns(one, DIFFERENT));
  return Array.from({ length: count }, (_, r) => runs[r % runs.length]);
}

function someRuns({ strategy: name, features, hidden = 512, rows }: Case, count: number): LockstepRun[] {
  const strategy = strategyNamed(name);
  const task = makeTask(`n${features}-k8`, 'full', { hiddenWidth: hidden, maxTrainExamples: rows });
  const optimizer = prepareOptimizer(strategy, task);
  const data = sampleSecrets({ ...task, secrets: SECRETS }, SEED).map((secret, s) =>
    prepareSecret(strategy, task, SEED, s, secret),
  );
  return Array.from({ length: count }, (_, r) => {
    const s = r % SECRETS;
    const { weights, orderSeed } = prepareRun(strategy, task, SEED, s, Math.floor(r / SECRETS));
    return { weights, orderSeed, dataset: data[s].dataset, optimizer };
  });
}
