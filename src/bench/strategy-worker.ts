/**
 * The code of the worker thread in which a strategy runs. It loads the strategy, answers one call after the other, and
 * transfers arrays without a copy. strategy-thread.ts starts it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { thrownText } from '../platform/thrown.js';
import { fileProblem, runUserFile } from '../platform/user-file.js';
import { strategyNamed } from './strategies/index.js';
import { type Strategy, strategyOfModule } from './strategy.js';
import { sentAnswer } from './strategy-answers.js';
import { strategyFunctions } from './strategy-host.js';
import type {
  StrategyAnswer,
  StrategyFault,
  StrategyReference,
  StrategyRequest,
} from './strategy-messages.js';

/** Loads a TypeScript or JavaScript file. Imports of `lockstep-gpu` in it give this very library. */
async function loadFile(file: string): Promise<Strategy> {
  // Not imported at the top: that would pull the whole library into bundles of any part of it.
  // One after the other: of two imports at once, jiti lets one see modules that the other has only begun.
  const library = await import('../index.js');
  const bench = await import('./index.js');
  const modules = { 'lockstep-gpu': library, 'lockstep-gpu/bench': bench };
  const module = await runUserFile(file, modules).catch((cause: unknown) => {
    const message = `The strategy file ${printable(file, 300)} cannot be loaded: ${fileProblem(file, cause)}`;
    throw new LockstepError('bad-input', message, { cause });
  });
  return strategyOfModule(module, file);
}

const load = async (reference: StrategyReference): Promise<Strategy> =>
  'file' in reference ? loadFile(reference.file) : strategyNamed(reference.builtin);

function faultOf(error: unknown): StrategyFault {
  if (error instanceof LockstepError) return { code: error.code, message: error.message };
  return { message: thrownText(error) };
}

const port = parentPort!;

try {
  const strategy = await load(workerData as StrategyReference);
  const functions = strategyFunctions(strategy);
  port.on('message', ({ id, call, args }: StrategyRequest) => {
    const start = performance.timeOrigin + performance.now();
    try {
      const answer = (functions[call] as (...args: unknown[]) => StrategyAnswer)(...args);
      const worked = { start, end: performance.timeOrigin + performance.now() };
      const { sent, transfer } = sentAnswer(answer);
      port.postMessage({ id, answer: sent, worked }, transfer);
    } catch (error) {
      port.postMessage({ id, fault: faultOf(error) });
    }
  });
  port.postMessage({ ready: { name: strategy.name } });
} catch (error) {
  port.postMessage({ fault: faultOf(error) });
}
