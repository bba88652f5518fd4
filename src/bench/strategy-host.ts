/**
 * Where a strategy's functions run, seen from the evaluation: something that answers calls one after the other. Here
 * the interface and the plain form, an object called in this thread; strategy-thread.ts has the worker.
 */
import { span } from '../platform/host-spans.js';
import { makeTrainingSet } from './dataset.js';
import type { SourceDigests } from './fingerprint.js';
import { makeWeights, prepareOptimizer } from './prepare.js';
import { checkStrategy, type Strategy } from './strategy.js';
import { CALLED, type StrategyCalls } from './strategy-messages.js';

/** A strategy that answers the evaluation's calls, in the order of the calls. */
export interface StrategyHost {
  readonly name: string;
  /** What it was made of, where that is known; see {@link Fingerprint}. */
  readonly source?: SourceDigests;
  call<K extends keyof StrategyCalls>(
    name: K,
    ...args: StrategyCalls[K]['args']
  ): Promise<StrategyCalls[K]['answer']>;
  /** Which of its functions is running, for displays. */
  running?(): string | undefined;
  /** Ends it, even in the middle of a call; open calls are rejected. */
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

/** An object's functions, called in this thread; what they share, they share. */
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
