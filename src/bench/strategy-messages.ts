/**
 * What the main thread and a strategy's worker thread say to each other. Types only.
 */
import type { AdamWSettings } from '../lockstep/types.js';
import type { PreparedRun, PreparedSecret } from './prepare.js';
import type { Secret } from './secrets.js';
import type { Task } from './task.js';

/** Which strategy a worker is to load: one of ours by name, or a file. */
export type StrategyReference = { builtin: string } | { file: string };

/** The calls a worker takes, by name: arguments and answer. */
export interface StrategyCalls {
  optimizer: { args: [task: Task]; answer: AdamWSettings };
  secret: { args: [task: Task, seed: number, secretIndex: number, secret: Secret]; answer: PreparedSecret };
  run: { args: [task: Task, seed: number, secretIndex: number, orderIndex: number]; answer: PreparedRun };
}

export type StrategyAnswer = StrategyCalls[keyof StrategyCalls]['answer'];

export type StrategyRequest = {
  [K in keyof StrategyCalls]: { id: number; call: K; args: StrategyCalls[K]['args'] };
}[keyof StrategyCalls];

/** An error as it crosses the thread border; classes do not. */
export interface StrategyFault {
  /** `code` of a LockstepError; without one the error is a defect of ours. */
  code?: string;
  message: string;
}

/** What a call took in the worker's thread, for profiles: milliseconds since 1970. */
export interface WorkedFor {
  call: keyof StrategyCalls;
  start: number;
  end: number;
}

/** `ready` once, when the strategy is loaded; then one answer or fault a request. A fault without id is of the loading. */
export type StrategyReply =
  | { ready: { name: string } }
  | { id: number; answer: StrategyAnswer; worked: WorkedFor }
  | { id?: number; fault: StrategyFault };
