/**
 * A host runs a strategy's functions and answers the evaluation's calls one after the other. This file has the interface and
 * the simple host, which calls an object in this thread; strategy-thread.ts has the one that uses a worker.
 */
import { span } from '../platform/host-spans.js';
import { makeTrainingSet } from './dataset.js';
import type { SourceDigests } from './fingerprint.js';
import { makeWeights, prepareOptimizer } from './prepare.js';
import { checkStrategy, type Strategy } from './strategy.js';
import { CALLED, type StrategyCalls } from './strategy-messages.js';

/** Runs a strategy. Answers come in the order of the calls. */
export interface StrategyHost {
  readonly name: string;
  /** The digests of its files, where they are known; see {@link Fingerprint}. */
  readonly source?: SourceDigests;
  call<K extends keyof StrategyCalls>(
    name: K,
    ...args: StrategyCalls[K]['args']
  ): Promise<StrategyCalls[K]['answer']>;
  /** The function that is running, for displays. */
  running?(): string | undefined;
  /** Ends it, even in the middle of a call. Open calls are rejected. */
  close(): void;
}

type Functions = {
  [K in keyof StrategyCalls]: (...args: StrategyCalls[K]['args']) => StrategyCalls[K]['answer'];
};

/** What a strategy answers to each call. */
export function strategyFunctions(strategy: Strategy): Functions {
  return {
    optimizer: (task) => prepareOptimizer(strategy, task),
    dataset: (task, secret, seed) => makeTrainingSet(strategy, secret, task, seed),
    weights: (task, seed) => makeWeights(strategy, task, seed),
  };
}

/** A host that calls an object's functions in this thread. They can share variables. */
export function localStrategy(strategy: Strategy): StrategyHost {
  checkStrategy(strategy, 'localStrategy');
  const functions = strategyFunctions(strategy);
  return {
    name: strategy.name,
    call: async (name, ...args) =>
      span('strategy', `${strategy.name}: ${CALLED[name]}`, () => functions[name](...args)),
    close() {},
  };
}
