/**
 * Starts worker threads of this package in Node: from the TypeScript source in a checkout, from the built file in a
 * package. What a worker does is not its concern.
 */
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { nodeModule } from './node-module.js';

export type NodeWorker = Worker;

const running = new Set<Worker>();

/**
 * @param caller `import.meta.url` of the file that the name is relative to. (A bundler takes a URL made of both for a file
 * that a page fetches.)
 * @param name The worker's file without its ending.
 */
export async function startWorker(
  caller: string,
  name: string,
  workerOptions: WorkerOptions = {},
): Promise<NodeWorker> {
  const [{ existsSync }, { fileURLToPath }, { Worker }] = await Promise.all([
    nodeModule<typeof import('node:fs')>('fs'),
    nodeModule<typeof import('node:url')>('url'),
    nodeModule<typeof import('node:worker_threads')>('worker_threads'),
  ]);
  const source = new URL(`${name}.ts`, caller);
  if (existsSync(source)) {
    // By itself jiti would run what lies in the system's folder for temporary files, where anybody can put it.
    const options = { fsCache: fileURLToPath(new URL('../../node_modules/.cache/jiti', import.meta.url)) };
    const [path, from, settings] = [fileURLToPath(source), caller, options].map((one) => JSON.stringify(one));
    const code = `import('jiti').then(({ createJiti }) => createJiti(${from}, ${settings}).import(${path}));`;
    return noted(new Worker(code, { ...workerOptions, eval: true }));
  }
  const built = new URL(`${name}.js`, caller);
  if (!existsSync(built)) throw new Error(`the worker ${built} is missing`);
  return noted(new Worker(built, workerOptions));
}

function noted(worker: Worker): Worker {
  running.add(worker);
  worker.once('exit', () => running.delete(worker));
  return worker;
}

/**
 * Ends the threads that {@link startWorker} has started. A thread in a system call ends only when the call returns; until
 * then `process.exit` would hang.
 *
 * @param patienceMs How long to wait for them, in milliseconds.
 * @returns Whether all have ended.
 */
export async function endWorkers(patienceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs);
  });
  await Promise.race([Promise.all([...running].map((worker) => worker.terminate())), late]);
  clearTimeout(timer);
  return running.size === 0;
}
