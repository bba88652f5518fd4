/**
 * Threads that draw the runs' batches ahead, so that the main thread only copies them. An epoch order takes 4 to 20
 * ns an index; for a hundred runs that is longer than a GPU takes for the step. Node only; elsewhere, and on adapters
 * that compute on the same cores, the trainer draws the batches itself.
 */

import type { DeviceInfo } from '../../gpu/device-info.js';
import { nodeModule } from '../../platform/node-module.js';
import { type NodeWorker, startWorker } from '../../platform/node-worker.js';
import { platformName } from '../../platform/platform.js';
import type { BatchSettings, BatchSource } from './drawn.js';
import type { BatchReply, BatchRequest } from './messages.js';
import { BatchRing } from './ring.js';

/** More threads than this are not needed, however many runs train at once. */
const MOST_THREADS = 8;
/** Cores left to the main thread and to the driver. */
const SPARED_CORES = 2;
/**
 * How many steps of a run are drawn ahead: two chunks of a GPU's, or fewer if all rings together would exceed
 * RINGS_BYTES.
 */
const RING_STEPS = 512;
const RINGS_BYTES = 256 * 2 ** 20;
const LEAST_RING_STEPS = 16;

/** The default number of threads that draw batches. */
export async function defaultThreads({ isCpu }: DeviceInfo): Promise<number> {
  if (isCpu || platformName() === 'browser') return 0;
  const { availableParallelism } = await nodeModule<typeof import('node:os')>('os');
  return Math.max(0, Math.min(MOST_THREADS, availableParallelism() - SPARED_CORES));
}

export class BatchThreads {
  readonly #workers: NodeWorker[];
  readonly #ringBytes: number;
  #opened = 0;
  #waiting: (() => void)[] = [];
  #error: Error | undefined;
  /** Whether the threads are about to be told that there is room. */
  #isTold = false;

  /** @param runs The most that train at once. */
  static async start(threads: number, runs: number): Promise<BatchThreads> {
    const start = () => startWorker(import.meta.url, './worker');
    return new BatchThreads(await Promise.all(Array.from({ length: threads }, start)), runs);
  }

  private constructor(workers: NodeWorker[], runs: number) {
    this.#workers = workers;
    this.#ringBytes = RINGS_BYTES / runs;
    for (const worker of workers) {
      worker.on('message', (_: BatchReply) => this.#wake());
      worker.on('error', (error) => {
        this.#error = error;
        this.#wake();
      });
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The batches of one run, drawn by a thread. */
  open(settings: BatchSettings): BatchSource {
    const fitting = Math.floor(this.#ringBytes / (4 * settings.pitch));
    const ring = BatchRing.create(Math.max(LEAST_RING_STEPS, Math.min(RING_STEPS, fitting)), settings.pitch);
    const id = this.#opened++;
    const worker = this.#workers[id % this.#workers.length];
    const tell = (request: BatchRequest) => worker.postMessage(request);
    tell({ open: id, settings, ring: ring.shared });
    return {
      get available() {
        return ring.available;
      },
      take: (out, at, steps) => {
        ring.take(out, at, steps);
        this.#fillSoon();
      },
      close: () => tell({ close: id }),
    };
  }

  /** Tells the threads that there is room again, once for all that is taken now. */
  #fillSoon(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    queueMicrotask(() => {
      this.#isTold = false;
      for (const worker of this.#workers) worker.postMessage({ fill: true } satisfies BatchRequest);
    });
  }

  /** Throws the error that a thread has died of. */
  check(): void {
    if (this.#error) throw this.#error;
  }

  /** Resolves when there are more batches than now. Throws the error that a thread has died of. */
  async more(): Promise<void> {
    this.check();
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
    this.check();
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
