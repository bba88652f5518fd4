/**
 * A strategy in a worker thread, so that the main thread stays free for the GPU and for Ctrl-C while it computes. Node
 * only. The other end is strategy-worker.ts.
 */
import { existsSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { noteSpan } from '../gpu/host-spans.js';
import { type ErrorCode, LockstepError } from '../platform/errors.js';
import { startWorker } from '../platform/node-worker.js';
import { type PreparedSecret, reviveDataset } from './prepare.js';
import { strategies } from './strategies/index.js';
import type { StrategyHost } from './strategy-host.js';
import type { StrategyReference, StrategyReply } from './strategy-messages.js';

/**
 * What `--strategy` names: a built-in, or a file.
 *
 * @throws LockstepError `bad-input` for a name that is neither.
 */
export function strategyReference(nameOrFile: string): StrategyReference {
  const builtin = strategies.map(({ name }) => name);
  if (builtin.includes(nameOrFile)) return { builtin: nameOrFile };
  const file = resolve(nameOrFile);
  if (existsSync(file) && extname(file) !== '') return { file };
  const looksLikeFile = /[\\/]|\.[cm]?[jt]s$/.test(nameOrFile);
  throw new LockstepError(
    'bad-input',
    looksLikeFile
      ? `There is no strategy file ${nameOrFile} (looked for ${file}).`
      : `Unknown strategy '${nameOrFile}'; built in are ${builtin.join(', ')}. A file of your own is given by its path.`,
  );
}

const WORKER = ['./strategy-worker', './bench/strategy-worker', '../bench/strategy-worker'];

/** Answers come back as plain objects; datasets are made whole again. */
function revive(answer: unknown): unknown {
  if (answer && typeof answer === 'object' && 'dataset' in answer) {
    const prepared = answer as PreparedSecret;
    return {
      ...prepared,
      dataset: reviveDataset(prepared.dataset),
      testSet: reviveDataset(prepared.testSet),
    };
  }
  return answer;
}

type Waiting = { resolve(answer: unknown): void; reject(error: unknown): void };

/**
 * Starts a worker thread and loads the strategy in it. What the strategy prints goes to standard error.
 *
 * @throws LockstepError `bad-input` where it cannot be loaded.
 */
export async function startStrategy(reference: StrategyReference): Promise<StrategyHost> {
  const shown = 'file' in reference ? reference.file : reference.builtin;
  const thread = await startWorker(import.meta.url, WORKER, { workerData: reference, stdout: true });
  thread.stdout.pipe(process.stderr, { end: false });
  const waiting = new Map<number, Waiting>();
  let failed: unknown;
  let next = 1;
  const failAll = (error: unknown) => {
    failed ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const { name } = await new Promise<{ name: string }>((ready, reject) => {
    waiting.set(0, { resolve() {}, reject });
    thread.on('message', (reply: StrategyReply) => {
      if ('ready' in reply) {
        waiting.delete(0);
        ready(reply.ready);
      } else if ('fault' in reply) {
        waiting.get(reply.id ?? 0)?.reject(asError(reply.fault));
        waiting.delete(reply.id ?? 0);
      } else {
        const { call, start, end } = reply.worked;
        const origin = performance.timeOrigin;
        noteSpan({ kind: 'worker', name: `${shown}: ${call}`, start: start - origin, end: end - origin });
        waiting.get(reply.id)?.resolve(revive(reply.answer));
        waiting.delete(reply.id);
      }
    });
    thread.on('error', (error) => failAll(threadError(shown, error)));
    thread.on('exit', () => {
      failAll(
        new LockstepError(
          'bad-input',
          `Strategy '${shown}' ended its thread (process.exit?) before it had answered.`,
        ),
      );
    });
  }).catch(async (error) => {
    await thread.terminate();
    throw error;
  });
  return {
    name,
    call: (call, ...args) =>
      new Promise((resolve, reject) => {
        if (failed) return reject(failed);
        const id = next++;
        waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
        thread.postMessage({ id, call, args });
      }),
    close() {
      failAll(new LockstepError('disposed', `Strategy '${shown}' was closed.`));
      thread.terminate();
    },
  };
}

function asError({ code, message }: { code?: string; message: string }): Error {
  return code ? new LockstepError(code as ErrorCode, message) : new Error(message);
}

/** An error that no call of ours caught: out of heap, or thrown from a timer of the strategy's. */
function threadError(shown: string, error: Error & { code?: string }): LockstepError {
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const message = `Strategy '${shown}' ran out of memory; return packed bits (BitMatrix) instead of nested arrays.`;
    return new LockstepError('out-of-memory', message, { cause: error });
  }
  return new LockstepError(
    'bad-input',
    `Strategy '${shown}' failed outside of its functions: ${error.message}`,
    { cause: error },
  );
}
