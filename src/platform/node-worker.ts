/**
 * Starts a worker thread of this package in Node: from the TypeScript source beside the caller where there is one, else
 * from the built file. It knows nothing of what the worker does.
 */
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { nodeModule } from './node-module.js';

export type NodeWorker = Worker;

/**
 * @param caller `import.meta.url` of the file that the names are relative to.
 * @param names The worker's file without its ending, the source's place first; where it lies in the built package
 * depends on the bundle that the caller is in.
 */
export async function startWorker(
  caller: string,
  names: readonly string[],
  workerOptions: WorkerOptions = {},
): Promise<NodeWorker> {
  const [{ existsSync }, { fileURLToPath }, { Worker }] = await Promise.all([
    nodeModule<typeof import('node:fs')>('fs'),
    nodeModule<typeof import('node:url')>('url'),
    nodeModule<typeof import('node:worker_threads')>('worker_threads'),
  ]);
  const source = new URL(`${names[0]}.ts`, caller);
  if (existsSync(source)) {
    // By itself jiti would run what lies in the system's folder for temporary files, where anybody can put it.
    const options = { fsCache: fileURLToPath(new URL('../../node_modules/.cache/jiti', import.meta.url)) };
    const [path, from, settings] = [fileURLToPath(source), caller, options].map((one) => JSON.stringify(one));
    const code = `import('jiti').then(({ createJiti }) => createJiti(${from}, ${settings}).import(${path}));`;
    return new Worker(code, { ...workerOptions, eval: true });
  }
  const built = names.map((name) => new URL(`${name}.js`, caller)).find((url) => existsSync(url));
  if (!built) throw new Error(`the worker ${names[0]} is missing beside ${caller}`);
  return new Worker(built, workerOptions);
}
