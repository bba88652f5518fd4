/**
 * The worker thread in which a strategy runs, so that the main thread stays free for the GPU and for Ctrl-C. It loads
 * the strategy, answers one call after the other, and hands its arrays over without a copy. Started by
 * strategy-thread.ts.
 */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { createJiti } from 'jiti';
import { LockstepError } from '../platform/errors.js';
import { transferList } from './prepare.js';
import { strategyNamed } from './strategies/index.js';
import { type Strategy, strategyOfModule } from './strategy.js';
import { strategyFunctions } from './strategy-host.js';
import type {
  StrategyAnswer,
  StrategyFault,
  StrategyReference,
  StrategyReply,
  StrategyRequest,
} from './strategy-messages.js';

/** Loads a TypeScript or JavaScript file without a build step; `lockstep-gpu` in it is this very library. */
async function loadFile(file: string): Promise<Strategy> {
  // Not at the top: a namespace imported there pins the whole library into every bundle of a part of it.
  const [library, bench] = await Promise.all([import('../index.js'), import('./index.js')]);
  const jiti = createJiti(pathToFileURL(file).href, {
    virtualModules: { 'lockstep-gpu': library, 'lockstep-gpu/bench': bench },
  });
  const module = await jiti.import(file).catch((cause: unknown) => {
    const { message } = cause instanceof Error ? cause : new Error(String(cause));
    throw new LockstepError('bad-input', `The strategy file ${file} cannot be loaded: ${message}`, { cause });
  });
  return strategyOfModule(module, file);
}

const load = async (reference: StrategyReference): Promise<Strategy> =>
  'file' in reference ? loadFile(reference.file) : strategyNamed(reference.builtin);

function faultOf(error: unknown): StrategyFault {
  if (error instanceof LockstepError) return { code: error.code, message: error.message };
  return { message: error instanceof Error ? error.message : String(error) };
}

const port = parentPort!;
const reply = (message: StrategyReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

try {
  const strategy = await load(workerData as StrategyReference);
  const functions = strategyFunctions(strategy);
  port.on('message', ({ id, call, args }: StrategyRequest) => {
    const start = performance.timeOrigin + performance.now();
    try {
      const answer = (functions[call] as (...args: unknown[]) => StrategyAnswer)(...args);
      const worked = { call, start, end: performance.timeOrigin + performance.now() };
      reply({ id, answer, worked }, 'secretIndex' in answer ? transferList(answer) : []);
    } catch (error) {
      reply({ id, fault: faultOf(error) });
    }
  });
  reply({ ready: { name: strategy.name } });
} catch (error) {
  reply({ fault: faultOf(error) });
}
