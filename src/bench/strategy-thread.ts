/**
 * One worker thread that runs a strategy, so that the main thread stays free for the GPU and for Ctrl-C. strategy-worker.ts is
 * the code in the thread; strategy-start.ts decides how many threads a strategy gets. Node only.
 */

import { type ErrorCode, LockstepError } from '../platform/errors.js';
import { addSpan } from '../platform/host-spans.js';
import { type NodeWorker, startWorker } from '../platform/node-worker.js';
import { printable } from '../platform/printable.js';
import { thrownText } from '../platform/thrown.js';
import { checkName } from './strategy.js';
import { takenAnswer } from './strategy-answers.js';
import { badStrategy, type Fail } from './strategy-call.js';
import { CALLED, type StrategyCalls, type StrategyReference } from './strategy-messages.js';

/** A call that is not answered yet, or the loading. `take` makes the answer from what arrives, or throws. */
interface Waiting {
  call?: keyof StrategyCalls;
  take(sent: unknown): unknown;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/** The number of the loading; calls have the numbers after it. */
const LOADING = 0;

export class StrategyThread {
  readonly #thread: NodeWorker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #reference: StrategyReference;
  #name: string;
  #failed: unknown;
  #next = LOADING + 1;

  private constructor(thread: NodeWorker, reference: StrategyReference, silent: boolean) {
    this.#thread = thread;
    this.#reference = reference;
    this.#name = printable('file' in reference ? reference.file : reference.builtin, 300);
    if (!silent) this.#print();
    thread.on('message', (reply: unknown) => this.#take(reply));
    thread.on('messageerror', (error) =>
      this.#failAll(this.#fault(`sent no message: ${thrownText(error)}.`)),
    );
    thread.on('error', (error) => this.#failAll(this.#threadError(error)));
    thread.on('exit', () => this.#failAll(this.#fault('ended its thread (process.exit?).')));
  }

  /**
   * Starts a thread and loads the strategy in it. What the strategy prints goes to standard error.
   *
   * @param silent Drop what it prints while it is loaded, as another thread prints the same.
   * @throws LockstepError `bad-input` where it cannot be loaded.
   */
  static async start(reference: StrategyReference, silent = false): Promise<StrategyThread> {
    const options = { workerData: reference, stdout: true, stderr: true };
    const worker = await startWorker(import.meta.url, './strategy-worker', options);
    const thread = new StrategyThread(worker, reference, silent);
    try {
      thread.#name = await new Promise<string>((resolve, reject) => {
        const take = (name: unknown) => {
          checkName(name, thread.#name);
          return name;
        };
        thread.#waiting.set(LOADING, { take, resolve: resolve as Waiting['resolve'], reject });
      });
      if (silent) thread.#print();
      return thread;
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  /** From now on, shows what the thread prints. */
  #print(): void {
    for (const stream of [this.#thread.stdout, this.#thread.stderr]) {
      stream.resume();
      stream.pipe(process.stderr, { end: false });
    }
  }

  /** The strategy's name. */
  get name(): string {
    return this.#name;
  }

  /** The function that is running or next in turn. */
  running(): string | undefined {
    const [first] = this.#waiting.values();
    return first?.call && CALLED[first.call];
  }

  call<K extends keyof StrategyCalls>(
    call: K,
    ...args: StrategyCalls[K]['args']
  ): Promise<StrategyCalls[K]['answer']> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed);
      const id = this.#next++;
      const fail: Fail = (problem, options) => badStrategy(this, CALLED[call], problem, options);
      const take = (sent: unknown) => takenAnswer(call, args, sent, fail);
      this.#waiting.set(id, { call, take, resolve: resolve as Waiting['resolve'], reject });
      this.#thread.postMessage({ id, call, args });
    });
  }

  close(): void {
    this.#failAll(new LockstepError('disposed', `Strategy '${this.#name}' was closed.`));
    this.#thread.terminate();
  }

  #failAll(error: unknown): void {
    this.#failed ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Handles a message, which may be anything, as the strategy can send messages too. */
  #take(reply: unknown): void {
    if (typeof reply !== 'object' || reply === null) return;
    const { id, ready, answer, fault, worked } = reply as Record<string, unknown>;
    const number = typeof id === 'number' ? id : LOADING;
    const waiting = this.#waiting.get(number);
    if (!waiting || (number === LOADING && ready === undefined && fault === undefined)) return;
    this.#waiting.delete(number);
    if (fault !== undefined) {
      waiting.reject(this.#asError(fault, waiting.call));
      return;
    }
    try {
      waiting.resolve(waiting.take(waiting.call ? answer : (ready as { name?: unknown } | undefined)?.name));
      if (waiting.call) this.#addWork(waiting.call, worked);
    } catch (error) {
      waiting.reject(error);
    }
  }

  #addWork(call: keyof StrategyCalls, worked: unknown): void {
    const { start, end } = (worked ?? {}) as { start?: unknown; end?: unknown };
    if (typeof start !== 'number' || typeof end !== 'number') return;
    const origin = performance.timeOrigin;
    addSpan({
      kind: 'worker',
      name: `${this.#name}: ${CALLED[call]}`,
      start: start - origin,
      end: end - origin,
    });
  }

  #asError(fault: unknown, call?: keyof StrategyCalls): Error {
    const { code, message } = (fault ?? {}) as { code?: unknown; message?: unknown };
    if (code === 'bad-input') return new LockstepError(code as ErrorCode, String(message));
    if ('builtin' in this.#reference) return new Error(printable(message, 300));
    // Our code in the strategy's thread failed, most likely because the strategy has changed built-in objects.
    const what = call ? 'its answer could not be taken over' : 'it could not be loaded';
    return this.#fault(`${what}: ${printable(message, 300)}.`, call);
  }

  /** `Strategy 'mine', makeDataset: PROBLEM`, with the function that was running. */
  #fault(problem: string, call = this.#waiting.values().next().value?.call, cause?: unknown): LockstepError {
    if (call) return badStrategy(this, CALLED[call], problem, { cause });
    return new LockstepError('bad-input', `Strategy '${this.#name}' ${problem}`, { cause });
  }

  /** An error outside of our calls: out of heap memory, or thrown in a timer of the strategy's. */
  #threadError(error: Error & { code?: string }): LockstepError {
    if (error?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      const problem = 'ran out of memory; return packed bits (BitMatrix) instead of nested arrays.';
      return this.#fault(problem, undefined, error);
    }
    const problem = `failed outside of its functions, in a callback or a promise: ${thrownText(error)}`;
    return this.#fault(problem, undefined, error);
  }
}
